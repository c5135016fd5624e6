"""Exact two-sided p-values of very many 2x2 tables."""

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

Counts = NDArray[np.int64]
Floats = NDArray[np.float64]

_NEGLIGIBLE = 1e-17
_COMPACT = 32
"""Steps between two looks at which sums have converged."""


def two_sided(k: Counts, everything: Counts, of_code: Counts, n: Counts) -> Floats:
    """Twice the smaller tail of the hypergeometric distribution at k, at most 1 (F. Yates 1984), all arrays (T,).

    What `scipy.stats.hypergeom` gives, for all tables at once: with 700,000 images the tables of one codebook take it
    half a minute near the centre of the distribution, this a second. From k outwards, away from the mean, each
    probability follows from the one before, and the sum converges.

    Args:
        k: images of the group that contain the code.
        everything: all images.
        of_code: images that contain the code.
        n: images of the group.
    """
    here, whole, there, size = (a.astype(np.float64).ravel() for a in (k, everything, of_code, n))
    rest = whole - there
    point: Floats = np.exp(log_choose(there, here) + log_choose(rest, size - here) - log_choose(whole, size))
    upwards = here * whole >= size * there
    total = np.ones_like(point)  # in units of the probability of k
    open_ = np.arange(len(point))
    a, b, c, d = _field(here, there, size, rest, upwards)
    term = np.ones_like(point)
    step = 0
    while len(open_):
        term = term * (a - step) * (b - step) / ((c + step) * (d + step))
        total[open_] += term
        step += 1
        if step % _COMPACT == 0:
            left = term > _NEGLIGIBLE * total[open_]
            open_, term = open_[left], term[left]
            a, b, c, d = a[left], b[left], c[left], d[left]
    tail = np.minimum(point * total, 1)
    other = 1 + point - tail
    p: Floats = np.clip(2 * np.minimum(tail, other), 0, 1)
    return p.reshape(k.shape)


def _field(
    k: Floats, of_code: Floats, n: Floats, rest: Floats, upwards: NDArray[np.bool_]
) -> tuple[Floats, Floats, Floats, Floats]:
    """a, b, c, d such that the ratio of step s is (a - s)(b - s) / ((c + s)(d + s)).

    At the end of the support a or b is s, and all terms from there on are zero.
    """
    missing = rest - (n - k)  # neither of the group nor with the code
    return (
        np.where(upwards, of_code - k, k),
        np.where(upwards, n - k, missing),
        np.where(upwards, k + 1, of_code - k + 1),
        np.where(upwards, missing + 1, n - k + 1),
    )


def log_choose(n: Floats, k: Floats) -> Floats:
    """Natural logarithm of the number of ways to choose k of n."""
    chosen: Floats = gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)
    return chosen
