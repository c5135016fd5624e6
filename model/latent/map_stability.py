"""How far maps of the same images, fitted with other seeds, are the same map."""

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from scipy.spatial import procrustes

from model.latent.errors import SettingError
from model.latent.map_quality import Vectors
from model.latent.quality import Stability


def stability(fits: Sequence[Vectors]) -> Stability:
    """Compare the coordinates of several fits, each moved, turned, mirrored and scaled onto the other.

    The disparity is the share of the variance that is then left unexplained (J. C. Gower 1975, "Generalized
    Procrustes analysis", Psychometrika 40; as in `scipy.spatial.procrustes`). It looks at the whole map: one whose
    clusters are each kept but change places is unstable.

    Args:
        fits: at least two of (N, dimensions), row for row the same images.

    Raises:
        SettingError: fewer than two fits, of different shapes, not finite, or with all points at one place.
    """
    if len(fits) < 2:
        raise SettingError("stability needs at least two fits of the map, with different seeds")
    if len({fit.shape for fit in fits}) > 1:
        raise SettingError("fits of the same map must have the same shape")
    if not all(np.isfinite(fit).all() and np.ptp(fit, axis=0).max(initial=0) > 0 for fit in fits):
        raise SettingError("a fit of the map is not finite, or has all its points at one place")
    found = tuple(
        float(np.clip(procrustes(one.astype(np.float64), other.astype(np.float64))[2], 0, 1))
        for one, other in combinations(fits, 2)
    )
    return Stability(len(fits), found, float(np.mean(found)), max(found))
