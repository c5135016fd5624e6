"""How far maps of the same images, fitted with other seeds, are the same map."""

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from scipy.spatial import procrustes

from model.latent.anchored import NEIGHBOURS
from model.latent.errors import SettingError
from model.latent.features import Features
from model.latent.map_quality import Progress, Vectors
from model.latent.map_settings import SEED_MAX, drawn, parse_settings
from model.latent.projection import LatentMap, method_class
from model.latent.quality import Stability

IMAGES = 2000
"""Of more, as many are drawn for the fits that are compared: each costs seconds then, whatever the map cost."""


def stability(fits: Sequence[Vectors], *, n: int | None = None) -> Stability:
    """Compare the coordinates of several fits, each moved, turned, mirrored and scaled onto the other.

    The disparity is the share of the variance that is then left unexplained (J. C. Gower 1975, "Generalized
    Procrustes analysis", Psychometrika 40; as in `scipy.spatial.procrustes`). It looks at the whole map: one whose
    clusters are each kept but change places is unstable.

    Args:
        fits: at least two of (N, dimensions), row for row the same images.
        n: images that these were drawn from; None: N.

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
    used = len(fits[0])
    n = used if n is None else n
    return Stability(len(fits), n, used, used == n, found, float(np.mean(found)), max(found))


def stability_over_seeds(
    chart: LatentMap, features: Features, fits: int, *, progress: Progress | None = None
) -> Stability:
    """Fit a map anew with other seeds, all else equal, and compare the fits.

    They are given the images that the map was fitted to, of which it is then one itself, or, where these are more
    than `IMAGES`, a draw of them, always the same one.

    Args:
        chart: of a method with a seed.
        features: of its index.
        fits: to compare, at least 2: of the map's seed and of those that follow it.
        progress: told of the images of all fits.

    Raises:
        SettingError: as `stability`.
        VQScopeError: the package of the method is not installed.
    """
    anchors, seed = chart.projector.anchors, chart.parameters["seed"]
    assert anchors is not None, "a method with a seed has anchors"
    kind = method_class(chart.method)
    rows = drawn(anchors.rows, IMAGES, seed)
    places = [anchors.places] if len(rows) == len(anchors.rows) else []
    for number in range(len(places), fits):

        def told(stage: str, share: float, number: int = number) -> None:
            if progress is not None:
                done = number + (0.0 if stage == NEIGHBOURS else share)
                progress("stability", round(done * len(rows)), fits * len(rows))

        another = {**chart.parameters, "seed": (seed + number) % (SEED_MAX + 1)}
        fitted = kind.fit(features, rows, parse_settings(kind.settings_type, chart.method, another), told)
        assert fitted.anchors is not None
        places.append(fitted.anchors.places)
    return stability(places, n=len(anchors.rows))
