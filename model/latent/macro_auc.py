"""Macro-averaged area under the ROC curve, one class against the rest, with an interval that is never empty."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, stats

from model.intervals import LEVEL, Interval, correlations, related_mean_interval

Floats = NDArray[np.float64]

_EDGE = 1e-9  # how near to 0 and 1 a limit is looked for


@dataclass(frozen=True)
class MacroAUC:
    """Mean over ``classes`` of the area under the ROC curve of each against the rest."""

    value: float
    interval: Interval
    classes: tuple[int, ...]


def macro_auc(
    scores: NDArray[np.floating], labels: NDArray[np.integer], classes: Sequence[int]
) -> MacroAUC | None:
    """Macro-AUC over the classes that have both a score and images, with its 95 % interval.

    Of one class: areas whose score test, with R. G. Newcombe's variance (2006, Stat. Med. 25, 559, method 5), does not
    reject the observed one. It has a width where the classes are told without an error, too. So far as errors were
    observed the variance is scaled to that of E. R. DeLong et al. (1988, Biometrics 44, 837), which no model of the
    scores underlies. Of the mean: the limits of the classes, combined by their correlations (G. Y. Zou and A. Donner
    2008, Stat. Med. 27, 1693). Images of a class without a score are among the rest of every other class.

    Args:
        scores: (N, K), higher for more likely; ties count a half.
        labels: (N,).
        classes: the K classes of the columns.

    Returns:
        None where fewer than two classes have images, or none of them has a score.
    """
    present = np.unique(labels)
    columns = [(column, int(c)) for column, c in enumerate(classes) if c in present]
    if len(present) < 2 or not columns:
        return None
    areas = [_Area.of(scores[:, column], labels == c) for column, c in columns]
    # Each of C classes is told from C - 1 others, and of two classes one such pair is part of both.
    return _mean(areas, [c for _, c in columns], unknown=1 / (len(present) - 1))


def macro_auc_of_several(
    scores: NDArray[np.floating], having: NDArray[np.bool_], classes: Sequence[int]
) -> MacroAUC:
    """The same of images with several classes each, or none: of each class its images against all others.

    So far as there were no errors to tell the correlation of classes from, they are taken to go together entirely,
    which is what makes the interval widest.

    Args:
        scores: (N, K), higher for more likely.
        having: (N, K) which image is of which class; each class has images, and others.
        classes: what the columns stand for.
    """
    areas = [_Area.of(scores[:, column], having[:, column]) for column in range(len(classes))]
    return _mean(areas, classes, unknown=1.0)


def _mean(areas: Sequence["_Area"], classes: Sequence[int], *, unknown: float) -> MacroAUC:
    """Their mean; ``unknown``: see `correlations`."""
    values = np.array([area.value for area in areas])
    related = correlations(
        np.stack([area.influence for area in areas]),
        np.array([area.known for area in areas]),
        unknown=unknown,
    )
    low, high = related_mean_interval(values, [area.interval() for area in areas], related)
    return MacroAUC(float(values.mean()), (max(low, 0.0), min(high, 1.0)), tuple(classes))


@dataclass(frozen=True)
class _Area:
    """The area of one class."""

    value: float
    n: int
    """Images of the class."""
    rest: int
    influence: Floats
    """(N,) by how much each image moved it: DeLong's structural components, about their mean, over their number."""

    @classmethod
    def of(cls, scores: NDArray[np.floating], positive: NDArray[np.bool_]) -> "_Area":
        ours, rest = scores[positive], scores[~positive]
        ranks = stats.rankdata(scores)
        below = (ranks[positive] - stats.rankdata(ours)) / len(rest)  # share of the rest below each of ours
        above = 1 - (ranks[~positive] - stats.rankdata(rest)) / len(ours)
        value = float(below.mean())
        influence = np.empty(len(scores))
        for rows, shares in ((positive, below), (~positive, above)):
            count = len(shares)
            influence[rows] = (shares - value) / np.sqrt(count * max(count - 1, 1))
        return cls(value, len(ours), len(rest), influence)

    @property
    def known(self) -> float:
        """About how many wrong orders the variance of the influences rests on; 0: it says nothing."""
        return self.value * (1 - self.value) * (min(self.n, self.rest) - 1)

    def interval(self) -> Interval:
        """95 % limits."""
        z = float(stats.norm.ppf((1 + LEVEL) / 2))
        expected, scale = self._variance(self.value), 1.0
        if expected > 0:
            observed = float(self.influence @ self.influence)
            scale = (self.known * observed / expected + 1) / (self.known + 1)

        def beyond(area: float) -> float:
            """By how much the observed area is further from this one than chance allows."""
            return abs(self.value - area) - z * math.sqrt(scale * self._variance(area))

        inside = min(max(self.value, 2 * _EDGE), 1 - 2 * _EDGE)
        low, high = (
            float(optimize.brentq(beyond, inside, end)) if beyond(end) > 0 else float(round(end))
            for end in (_EDGE, 1 - _EDGE)
        )
        return low, high

    def _variance(self, area: float) -> float:
        """Newcombe's: that of J. A. Hanley and B. J. McNeil (1982), both samples taken to be of their mean size."""
        more = (self.n + self.rest) / 2 - 1
        pairs = 1 + more * ((1 - area) / (2 - area) + area / (1 + area))
        return area * (1 - area) * pairs / (self.n * self.rest)
