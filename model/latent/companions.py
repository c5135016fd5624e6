"""Which codes are found in the same images, beyond what the data sets of these images explain."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from model.latent.codebook import CodebookUse
from model.latent.enrichment import Counts, image_counts
from model.latent.stratified import common_odds, independence

if TYPE_CHECKING:
    from model.latent.index import LatentIndex


@dataclass(frozen=True)
class Companion:
    """A code that shares images with another one.

    Codes of one data set are found together for that alone: all is compared within data sets.
    """

    code: int
    images: int
    """That contain both."""
    lift: float
    """Images with both over those expected if the two were independent within each data set."""
    log2_odds: float | None
    """Of the images with the code against those without it, common to all data sets
    (`model.latent.stratified.common_odds`); None, as its interval is, where every image of each data set has one of
    the two, or none."""
    interval: tuple[float, float] | None
    """95 % limits of it."""
    q: float
    """p-value of the two being independent within data sets, corrected for all codes that are paired with the code."""


def companions(
    index: "LatentIndex", use: CodebookUse, code: int, rows: NDArray[np.int64], *, limit: int = 20
) -> list[Companion]:
    """Codes that most often share an image with a code, most shared images first.

    Args:
        index: where to look.
        use: of all images of the index.
        code: the code itself, which is left out.
        rows: rows that contain the code, ascending (`model.latent.codebook.rows_containing`).
        limit: at most so many.
    """
    others = np.delete(np.arange(use.codebook_size), code)
    together = _by_dataset(index, use, rows)[:, others]
    with_code, with_other = use.images_by_dataset[:, code], use.images_by_dataset[:, others]
    sizes = np.array([group.n for group in use.datasets], np.int64)
    images = together.sum(axis=0)
    expected = (with_code[:, None] * with_other / sizes[:, None]).sum(axis=0)
    q = _adjusted(independence(together, with_code, with_other, sizes), with_code, with_other, sizes)
    best = np.argsort(-images, kind="stable")[:limit]
    best = best[images[best] > 0]
    odds, low, high = common_odds(together[:, best], with_code, with_other[:, best], sizes)
    return [
        Companion(
            code=int(others[i]),
            images=int(images[i]),
            lift=float(images[i] / expected[i]),
            log2_odds=float(odds[place]) if (told := bool(np.isfinite(odds[place]))) else None,
            interval=(float(low[place]), float(high[place])) if told else None,
            q=float(q[i]),
        )
        for place, i in enumerate(best.tolist())
    ]


def _by_dataset(index: "LatentIndex", use: CodebookUse, rows: NDArray[np.int64]) -> Counts:
    """(D, K): of these rows, how many of each data set contain each code."""
    names = [group.dataset for group in use.datasets]
    counts = np.zeros((len(names), use.codebook_size), np.int64)
    for block in index.blocks:
        first, end = np.searchsorted(rows, (block.start, block.stop))
        counts[names.index(block.dataset)] += image_counts(index.codes, use.codebook_size, rows[first:end])
    return counts


def _adjusted(
    p: NDArray[np.float64], with_code: Counts, with_other: Counts, sizes: Counts
) -> NDArray[np.float64]:
    """q-values (Benjamini and Hochberg 1995); a code that says nothing in any data set is not counted, and has 1."""
    n, ones = sizes[:, None], with_code[:, None]
    tested = ((ones > 0) & (ones < n) & (with_other > 0) & (with_other < n)).any(axis=0)
    q = np.ones_like(p)
    if tested.any():
        q[tested] = stats.false_discovery_control(p[tested])
    return q
