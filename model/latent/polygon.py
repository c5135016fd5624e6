"""Which points of a map lie inside a polygon drawn on it."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from model.latent.errors import SettingError

LARGEST = float(np.finfo(np.float32).max)
"""Of a vertex's coordinates, either way: points of a map are float32, and far beyond them slopes overflow."""


def inside_polygon(points: NDArray[np.floating[Any]], polygon: ArrayLike) -> NDArray[np.bool_]:
    """Whether each point lies inside, by the even-odd rule (M. Shimrat 1962, Algorithm 112, CACM 5, 434).

    Where a polygon crosses itself, what it goes round twice is outside. Of two polygons that share an edge, a point
    on it lies in exactly one: an edge owns its lower end, and points on a left or lower border are inside. A point
    that is not finite is outside. Points are sorted by their second coordinate, so that an edge looks only at those
    it spans: the time grows with points and crossings, not with points times vertices.

    Args:
        points: (N, 2), which may be memory-mapped.
        polygon: (V, 2) vertices in order, V at least 3, within ±`LARGEST`; the last is joined to the first.

    Returns:
        (N,) booleans.

    Raises:
        SettingError: shapes that do not fit, fewer than three vertices, or one that is not finite or too far out.
    """
    vertices = np.asarray(polygon, dtype=np.float64)
    if vertices.ndim != 2 or vertices.shape[1] != 2 or len(vertices) < 3:
        raise SettingError("a polygon has at least three vertices of two coordinates")
    if not (np.abs(vertices) <= LARGEST).all():  # nor is NaN
        raise SettingError(f"a vertex of the polygon is not within ±{LARGEST:.3g}")
    if points.ndim != 2 or points.shape[1] != 2:
        raise SettingError(f"a polygon lies on a map of two dimensions, not on points {points.shape}")
    low, high = vertices.min(axis=0), vertices.max(axis=0)
    x, y = np.asarray(points).T  # a coordinate at a time, as comparing pairs takes ten times as long
    near = np.flatnonzero((x >= low[0]) & (x <= high[0]) & (y >= low[1]) & (y <= high[1]))  # NaN is in no box
    found = np.zeros(len(points), dtype=np.bool_)
    near = near[np.argsort(y[near])]
    x, y = x[near].astype(np.float64), y[near].astype(np.float64)
    odd = np.zeros(len(x), dtype=np.bool_)
    for start, end in zip(vertices, np.roll(vertices, -1, axis=0), strict=True):
        bottom, top = (start, end) if start[1] < end[1] else (end, start)
        first, last = np.searchsorted(y, (bottom[1], top[1]))
        if first < last:  # never for a horizontal edge
            slope = (top[0] - bottom[0]) / (top[1] - bottom[1])
            odd[first:last] ^= x[first:last] < bottom[0] + (y[first:last] - bottom[1]) * slope
    found[near] = odd
    return found
