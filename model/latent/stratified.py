"""Whether two things go together beyond what the groups that images come from explain: tests over strata."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from model.intervals import LEVEL
from model.latent.enrichment import UNBOUNDED, Counts, Floats
from model.latent.hypergeometric import two_sided
from model.latent.stratified_exact import FEW, moments, two_sided_over_strata

_HALVINGS = 60
_MATTERS = 0.2
"""A p-value that may be told from chance, or moves the others when they are corrected."""
_ADDED = 2.0
"""Images added to all strata together before the odds ratio is told, as for one table (`model.latent.enrichment`)."""


def independence(both: Counts, one: Counts, other: Counts, n: Counts) -> Floats:
    """p-values of two things being independent within each stratum, against one odds ratio common to all strata.

    Judged is the number of images with both in all strata together (N. Mantel, W. Haenszel 1959, J. Natl. Cancer Inst.
    22, 719), by twice the smaller tail of its law with the margins held. The law is Pearson's of type III with the same
    three moments, corrected for continuity; where only one stratum says something, or the variance is small and the
    p-value too, the exact one. Mantel's and Haenszel's own normal law has the tails of rare codes wrong by orders of
    magnitude.

    Args:
        both: (D, K) images of stratum d with the one thing and the k-th other.
        one: (D,) images with the one.
        other: (D, K) images with the other.
        n: (D,) images.

    Returns:
        (K,); 1 where no stratum has images with and without each of the two.
    """
    tables = np.broadcast_arrays(both, one[:, None], other, n[:, None])
    both, one, other, n = (np.where(_informative(*tables[1:]), table, 0) for table in tables)
    strata = (n > 0).sum(axis=0)
    p = np.ones(len(strata))
    single, several = np.flatnonzero(strata == 1), np.flatnonzero(strata > 1)
    where = (n > 0).argmax(axis=0)[single], single
    p[single] = two_sided(both[where], n[where], other[where], one[where])
    both, one, other, n = (table[:, several] for table in (both, one, other, n))
    mean, variance, third = (found.sum(axis=0) for found in moments(one, other, n))
    p[several] = rough = _by_moments(both.sum(axis=0) - mean, variance, third)
    exact = np.flatnonzero((variance < FEW) & (rough < _MATTERS))
    p[several[exact]] = two_sided_over_strata(*(table[:, exact] for table in (both, one, other, n)))
    return p


def common_odds(both: Counts, one: Counts, other: Counts, n: Counts) -> tuple[Floats, Floats, Floats]:
    """Base-2 logarithm of the odds ratio common to all strata, and its 95 % limits: each (K,).

    The ratio is Mantel's and Haenszel's, of tables to which two images are added, shared out among strata and fields as
    if the two things were independent; the limits are those of J. J. Gart 1970 (Biometrika 57, 471), which for one
    stratum are Cornfield's: the odds ratios that the tables, as they are, just do not refuse. `UNBOUNDED` where nothing
    bounds it; NaN where no stratum has images with and without each of the two.

    Args:
        both, one, other, n: as for `independence`.
    """
    ones, sizes = one[:, None].astype(np.float64), np.maximum(n, 1)[:, None].astype(np.float64)
    informative = _informative(one[:, None], other, n[:, None])
    told: NDArray[np.bool_] = np.any(informative, axis=0)

    def shown(counts: NDArray[Any], otherwise: float = 0.0) -> Floats:
        """Of the columns that say something; what says nothing has no part in them."""
        chosen: Floats = np.where(informative, counts, otherwise)[:, told]
        return chosen

    low, high = _limits(shown(both), shown(ones), shown(other), shown(sizes, 1.0))
    found = [np.full(len(told), np.nan) for _ in range(3)]
    # Smoothing can carry it out of the limits only where they are next to nothing apart.
    odds = _log2_odds(both, ones, other, sizes, informative)[told]
    for whole, part in zip(found, (np.clip(odds, low, high), low, high), strict=True):
        whole[told] = part
    return found[0], found[1], found[2]


def _by_moments(off: Floats, variance: Floats, third: Floats) -> Floats:
    """Twice the smaller tail at ``off`` above the mean of Pearson's law of type III; all (K,)."""
    deviation = np.sqrt(variance)
    law = stats.pearson3(third / deviation**3)
    smaller = np.minimum(law.sf((off - 0.5) / deviation), law.cdf((off + 0.5) / deviation))
    p: Floats = np.minimum(1, 2 * smaller)
    return p


def _informative(one: Counts, other: Counts, n: Counts) -> NDArray[np.bool_]:
    """(D, K): whether a stratum has images with and without each of the two things."""
    return (one > 0) & (one < n) & (other > 0) & (other < n)


def _log2_odds(
    both: Counts, ones: Floats, other: Counts, sizes: Floats, informative: NDArray[np.bool_]
) -> Floats:
    weights = np.where(informative, sizes, 0.0)
    added = _ADDED * weights / np.maximum(weights.sum(axis=0), 1)  # (D, K): of each stratum
    with_one, with_other = ones / sizes, other / sizes
    fields = [
        both + added * with_one * with_other,
        ones - both + added * with_one * (1 - with_other),
        other - both + added * (1 - with_one) * with_other,
        sizes - ones - other + both + added * (1 - with_one) * (1 - with_other),
    ]
    total = sizes + added
    together = np.where(informative, fields[0] * fields[3] / total, 0).sum(axis=0)
    apart = np.where(informative, fields[1] * fields[2] / total, 0).sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        log_odds: Floats = np.log2(together) - np.log2(apart)
    return log_odds


def _limits(both: Floats, ones: Floats, other: Floats, sizes: Floats) -> tuple[Floats, Floats]:
    """Limits of each column's common odds ratio; what says nothing has zeros, and no part in the sums.

    With odds ratio r, stratum d would be expected to have A_d images with both. Tables are not refused as long as the
    square of the sum of both - A is at most 1.96^2 times the sum of variances, each the inverse of the sum of the
    inverses of a stratum's four expected fields. That grows with the distance of r from the ratio that fits, on either
    side.
    """
    seen = both.sum(axis=0)
    fewest, most = np.maximum(0, ones + other - sizes).sum(axis=0), np.minimum(ones, other).sum(axis=0)
    critical = stats.norm.ppf((1 + LEVEL) / 2) ** 2

    def expected(log_ratio: Floats) -> tuple[Floats, Floats]:
        """Sum of A over the strata, and the sum of their variances."""
        a = _expected(np.exp2(log_ratio), ones, other, sizes)
        with np.errstate(divide="ignore"):
            inverse = 1 / a + 1 / (ones - a) + 1 / (other - a) + 1 / (sizes - ones - other + a)
        return a.sum(axis=0), (1 / inverse).sum(axis=0)

    fitting_low, fitting_high = np.full(len(seen), -UNBOUNDED), np.full(len(seen), UNBOUNDED)
    for _ in range(_HALVINGS):
        middle = (fitting_low + fitting_high) / 2
        above = expected(middle)[0] > seen
        fitting_low, fitting_high = (
            np.where(above, fitting_low, middle),
            np.where(above, middle, fitting_high),
        )
    limits = []
    for end, unbounded in ((fewest, -UNBOUNDED), (most, UNBOUNDED)):
        refused, kept = np.full(len(seen), unbounded), fitting_low
        for _ in range(_HALVINGS):
            middle = (refused + kept) / 2
            total, variance = expected(middle)
            inside = (seen - total) ** 2 <= critical * variance
            kept, refused = np.where(inside, middle, kept), np.where(inside, refused, middle)
        limits.append(np.where(seen == end, unbounded, kept))
    return limits[0], limits[1]


def _expected(ratio: Floats, ones: Floats, other: Floats, sizes: Floats) -> Floats:
    """(D, K): images with both that each stratum would have with these margins and odds ratios (K,).

    The root of (r - 1) A^2 - (n + (r - 1)(one + other)) A + r · one · other = 0, without cancellation.
    """
    linear = sizes + (ratio - 1) * (ones + other)
    root = np.sqrt(np.maximum(linear**2 - 4 * (ratio - 1) * ratio * ones * other, 0))
    with np.errstate(divide="ignore", invalid="ignore"):
        found: Floats = np.where(
            linear >= 0, 2 * ratio * ones * other / (linear + root), (root - linear) / (2 * (1 - ratio))
        )
    return found
