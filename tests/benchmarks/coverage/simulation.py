"""Distances of points from the moments of simulated groups, many groups at once."""

import numpy as np
from numpy.typing import NDArray

_AT_ONCE = 100


def squared_distances(n: int, d: int, fits: int, new: int) -> NDArray[np.float64]:
    """Squared Mahalanobis distances from the moments of ``fits`` groups of n points of a d-variate normal distribution.

    Args:
        n: points of a group.
        d: dimensions.
        fits: groups; rounded up to hundreds.
        new: how many new points of the same distribution are placed for each group; 0: its true mean instead.

    Returns:
        (fits, new), or (fits, 1).
    """
    rng = np.random.default_rng([n, d])
    found = []
    for _ in range(0, fits, _AT_ONCE):
        groups = rng.standard_normal((_AT_ONCE, n, d))
        mean = groups.mean(axis=1)
        offset = groups - mean[:, None]
        covariance = offset.swapaxes(1, 2) @ offset / (n - 1)
        placed = rng.standard_normal((_AT_ONCE, new, d)) if new else np.zeros((_AT_ONCE, 1, d))
        placed -= mean[:, None]
        found.append(np.einsum("bij,bij->bi", placed @ np.linalg.inv(covariance), placed))
    return np.concatenate(found)
