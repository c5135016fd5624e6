"""95 % intervals of the figures of an evaluation. All take images (or data sets) to be independent of each other."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special, stats

LEVEL = 0.95

Interval = tuple[float, float]
"""Lower and upper limit."""


def mean_interval(values: ArrayLike, level: float = LEVEL) -> Interval | None:
    """Confidence interval of a mean, corrected for skewness; None of fewer than two values.

    Student's t, transformed by Hall's monotone cubic (P. Hall 1992, On the removal of skewness by transformation,
    J. R. Stat. Soc. B 54, section 2), with the sample skewness. Without skewness it is Student's interval. Its
    coverage at a nominal 95 %, simulated, against Student's and the BCa bootstrap's: 30 values of a standard
    log-normal 92, 89, 90 %; 10 exponential ones 94, 90, 89 %; from some 100 values on they come close. Closed form, so
    100,000 images cost a millisecond and nothing is drawn at random.

    Args:
        values: N figures, finite.
        level: in (0, 1).
    """
    sample = np.asarray(values, dtype=np.float64)
    n = sample.size
    if n < 2:
        return None
    mean, deviation = float(sample.mean()), float(sample.std())
    if deviation <= 1e-12 * max(1.0, abs(mean)):  # all equal, but for rounding
        return mean, mean
    skewness = float((((sample - mean) / deviation) ** 3).mean())
    error = float(sample.std(ddof=1)) / n**0.5
    quantile = float(stats.t.ppf((1 + level) / 2, n - 1))

    def unskewed(x: float) -> float:
        """Quantile of the studentised mean that goes with the quantile x of its symmetric transform."""
        if abs(skewness) < 1e-6:
            return x
        inside = 1 + skewness * (x / n**0.5 - skewness / (6 * n))
        return float(3 * n**0.5 / skewness * (np.cbrt(inside) - 1))

    return mean - error * unskewed(quantile), mean - error * unskewed(-quantile)


def proportion_interval(successes: int, n: int, level: float = LEVEL) -> Interval:
    """Wilson's score interval of a proportion (E. B. Wilson 1927, J. Am. Stat. Assoc. 22, 209).

    Args:
        successes: 0 … n.
        n: at least 1.
        level: in (0, 1).
    """
    # scipy.stats.binomtest gives the same, but sums up an exact p-value first: a millisecond each time.
    share, z = successes / n, float(special.ndtri((1 + level) / 2))
    centre = share + z * z / (2 * n)
    half = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    low = 0.0 if successes == 0 else (centre - half) / scale
    high = 1.0 if successes == n else (centre + half) / scale
    return low, high


def independent_mean_interval(
    estimates: Sequence[float], intervals: Sequence[Interval | None]
) -> Interval | None:
    """Interval of the unweighted mean of independent estimates, from the interval of each; None if one has none.

    Variance estimates recovered from the limits (G. Y. Zou and A. Donner 2008, Stat. Med. 27, 1693). It says how
    well the mean over *these* data sets (or classes) is known, not how other data sets would come out.
    """
    known = [interval for interval in intervals if interval is not None]
    if not known or len(known) < len(intervals):
        return None
    centre, limits = np.asarray(estimates), np.asarray(known)
    mean = float(centre.mean())
    below = float(np.linalg.norm(centre - limits[:, 0])) / len(centre)
    above = float(np.linalg.norm(limits[:, 1] - centre)) / len(centre)
    return mean - below, mean + above


def related_mean_interval(
    estimates: ArrayLike, intervals: ArrayLike, related: NDArray[np.float64]
) -> Interval:
    """Interval of the unweighted mean of estimates that rest on the same images, from the interval of each.

    As `independent_mean_interval`, with the correlations of the estimates (G. Y. Zou and A. Donner 2008).

    Args:
        estimates: (K,)
        intervals: (K, 2)
        related: (K, K) correlations, see `correlations`.
    """
    centre, limits = np.asarray(estimates), np.asarray(intervals)
    below, above = (
        float(np.sqrt(np.maximum(reach @ related @ reach, 0))) / len(centre)
        for reach in (centre - limits[:, 0], limits[:, 1] - centre)
    )
    mean = float(centre.mean())
    return mean - below, mean + above


def correlations(
    influences: NDArray[np.float64], known: NDArray[np.float64], *, unknown: float
) -> NDArray[np.float64]:
    """(K, K) correlations of estimates that rest on the same images.

    Args:
        influences: (K, N) by how much each image moved each estimate.
        known: (K,) about how many errors the influences of each rest on; with 0 they say nothing.
        unknown: the correlation that is assumed so far as there were no errors to tell it from.
    """
    size = np.linalg.norm(influences, axis=1)
    unit = influences / np.where(size > 0, size, 1)[:, None]
    trust = np.minimum(known[:, None], known[None])
    related: NDArray[np.float64] = (trust * (unit @ unit.T) + unknown) / (trust + 1)
    np.fill_diagonal(related, 1)
    return related
