"""Macro-averaged area under the ROC curve, one class against the rest, with its bootstrap interval."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.intervals import LEVEL, Interval

RESAMPLES = 1000
_ELEMENTS = 1 << 22  # of a block of resamples x images: 32 MB


@dataclass(frozen=True)
class MacroAUC:
    """Mean over ``classes`` of the area under the ROC curve of each against the rest."""

    value: float
    interval: Interval
    classes: tuple[int, ...]


def macro_auc(
    scores: NDArray[np.floating],
    labels: NDArray[np.integer],
    classes: Sequence[int],
    *,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> MacroAUC | None:
    """Macro-AUC over the classes that have both a score and images, with a 95 % percentile bootstrap interval.

    Images are resampled within each class, so that every resample has every class. Images of a class without a score
    are among the rest of every other class.

    Args:
        scores: (N, K), higher for more likely; ties count a half.
        labels: (N,).
        classes: the K classes of the columns.
        seed: of the bootstrap.
        resamples: how many.

    Returns:
        None where fewer than two classes have images, or none of them has a score.
    """
    present = np.unique(labels)
    columns = [(column, int(c)) for column, c in enumerate(classes) if c in present]
    if len(present) < 2 or not columns:
        return None
    ranked = [_Ranked.of(scores[:, column], labels == c) for column, c in columns]
    value = np.mean([curve.areas(np.ones((1, len(labels)))) for curve in ranked])
    rng = np.random.default_rng(seed)
    drawn: list[NDArray[np.float64]] = []
    step = max(1, _ELEMENTS // len(labels))
    for start in range(0, resamples, step):
        weights = _resampled(labels, present, min(step, resamples - start), rng)
        drawn.append(np.mean([curve.areas(weights) for curve in ranked], axis=0))
    low, high = np.quantile(np.concatenate(drawn), [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return MacroAUC(float(value), (float(low), float(high)), tuple(c for _, c in columns))


def _resampled(
    labels: NDArray[np.integer], classes: NDArray[np.integer], n: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """(n, N): how often each image is drawn in each of n resamples."""
    weights = np.empty((n, len(labels)))
    for c in classes:
        rows = np.flatnonzero(labels == c)
        weights[:, rows] = rng.multinomial(len(rows), np.full(len(rows), 1 / len(rows)), size=n)
    return weights


@dataclass(frozen=True)
class _Ranked:
    """Images of one class and of the rest in ascending order of score."""

    order: NDArray[np.intp]
    starts: NDArray[np.intp]  # of each run of equal scores
    positive: NDArray[np.bool_]  # in that order

    @classmethod
    def of(cls, scores: NDArray[np.floating], positive: NDArray[np.bool_]) -> "_Ranked":
        order = np.argsort(scores, kind="stable")
        ordered = scores[order]
        starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
        return cls(order, starts, positive[order])

    def areas(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """(B, N) weights of the images -> (B,) areas: the share of pairs in the right order (Mann-Whitney)."""
        ordered = weights[:, self.order]
        ours = np.add.reduceat(ordered * self.positive, self.starts, axis=1)
        rest = np.add.reduceat(ordered * ~self.positive, self.starts, axis=1)
        won = (ours * (rest.cumsum(axis=1) - rest / 2)).sum(axis=1)
        area: NDArray[np.float64] = won / (ours.sum(axis=1) * rest.sum(axis=1))
        return area
