"""The codebook as a whole, a line a code, and one code in full: counts with their tests, in an order by similarity."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from model.latent.code_order import similarity_order
from model.latent.codebook import CodebookUse, Group, codebook_use
from model.latent.enrichment import Enrichment

if TYPE_CHECKING:
    from model.latent.index import LatentIndex

FALSE_DISCOVERIES = 0.05
"""q up to which a group is named as one that goes with a code."""


@dataclass(frozen=True)
class GroupUse:
    """How images of one group use a code, against the others."""

    group: Group
    images: int
    share: float
    share_elsewhere: float | None
    """None where there are no others."""
    log2_odds: float | None
    """None, as its interval is, where no image or every image contains the code, or there are no others."""
    interval: tuple[float, float] | None
    p: float
    q: float


@dataclass(frozen=True, eq=False)
class CodebookSummary:
    """Use, tests and order of the codes of an index."""

    use: CodebookUse
    by_dataset: Enrichment
    """(D, K)"""
    by_label: Enrichment
    """(L, K)"""
    order: NDArray[np.int64]
    """(K,) codes, neighbours alike."""
    rank: NDArray[np.int64]
    """(K,) place of each code in the order."""

    @classmethod
    def of(cls, index: "LatentIndex", vectors: NDArray[np.floating[Any]]) -> "CodebookSummary":
        """Count and test the codes of an index, seconds for a million images; vectors: (K, D) of the codes."""
        use = codebook_use(index)
        order = similarity_order(vectors)
        return cls(use, use.dataset_enrichment(), use.label_enrichment(), order, np.argsort(order))

    def table(self) -> Any:  # noqa: ANN401 - pyarrow has no types
        """A row a code: pyarrow.Table of code, rank, cells, images, share, and the data set and class that go with it.

        Which those are: of the groups with q of at most `FALSE_DISCOVERIES` and log-odds above zero, the one whose
        log-odds have the highest lower limit; null where there is none.
        """
        columns = {
            "code": pa.array(np.arange(self.use.codebook_size, dtype=np.int32)),
            "rank": pa.array(self.rank.astype(np.int32)),
            "cells": pa.array(self.use.cells),
            "images": pa.array(self.use.images),
            "share": pa.array(self.use.images / max(self.use.n, 1)),
        }
        for prefix, groups, tests in (
            ("dataset", self.use.datasets, self.by_dataset),
            ("label", self.use.labels, self.by_label),
        ):
            best, absent = _best(tests)
            names = [group.dataset for group in groups]
            columns[f"{prefix}_of" if prefix == "label" else "dataset"] = _named(names, best, absent)
            if prefix == "label":
                columns["label"] = _named([group.label for group in groups], best, absent)
            for name in ("log2_odds", "low", "high", "q"):
                values = getattr(tests, name)
                chosen = (
                    np.take_along_axis(values, best[None], axis=0)[0] if len(groups) else np.zeros(len(best))
                )
                columns[f"{prefix}_{name}"] = pa.array(chosen, mask=absent)
        return pa.table(columns)

    def datasets_of(self, code: int) -> list[GroupUse]:
        """How each data set uses a code."""
        return _uses(self.use.datasets, self.by_dataset, code)

    def labels_of(self, code: int) -> list[GroupUse]:
        """How each class uses a code, against the rest of its data set."""
        return _uses(self.use.labels, self.by_label, code)


def _best(tests: Enrichment) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Per code the group that goes with it most surely, and whether there is none."""
    codes = tests.q.shape[1]
    if not len(tests.q):
        return np.zeros(codes, np.int64), np.ones(codes, np.bool_)
    sure = np.where((tests.q <= FALSE_DISCOVERIES) & (tests.log2_odds > 0), tests.low, -np.inf)
    best = sure.argmax(axis=0)
    return best, np.isneginf(sure[best, np.arange(codes)])


def _named(names: Sequence[str | int | None], best: NDArray[np.int64], absent: NDArray[np.bool_]) -> Any:  # noqa: ANN401
    chosen = [None if gone else names[place] for place, gone in zip(best.tolist(), absent, strict=True)]
    return pa.array(chosen, pa.string() if any(isinstance(name, str) for name in names) else pa.int32())


def _uses(groups: Sequence[Group], tests: Enrichment, code: int) -> list[GroupUse]:
    told = np.isfinite(tests.log2_odds[:, code])
    others = np.isfinite(tests.share_elsewhere[:, code])
    return [
        GroupUse(
            group=group,
            images=int(tests.inside[i, code]),
            share=float(tests.share[i, code]),
            share_elsewhere=float(tests.share_elsewhere[i, code]) if others[i] else None,
            log2_odds=float(tests.log2_odds[i, code]) if told[i] else None,
            interval=(float(tests.low[i, code]), float(tests.high[i, code])) if told[i] else None,
            p=float(tests.p[i, code]),
            q=float(tests.q[i, code]),
        )
        for i, group in enumerate(groups)
    ]
