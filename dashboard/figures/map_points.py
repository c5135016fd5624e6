"""What the figures of a map share, in the plane and in space: which points, and what the browser is told of them.

assets/map.js finds traces by their `meta`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dashboard.answers import Dataset, Ellipse, Points
from dashboard.palette import Mark

CROWD = 10_000
"""Of more points each is drawn smaller and fainter."""
_POSITION_RANGE = 2**31
_SPLIT_RANGE = 3


def pack_identity(position: NDArray[Any], split: NDArray[Any], place: NDArray[Any]) -> NDArray[np.float64]:
    """Identity of each point as one exactly representable number, (n,) float64.

    position + 2³¹ · (split + 3 · place): one flat binary column instead of three (assets/map.js takes it
    apart). `place` is that of the label among the labels that occur, in the trace's meta: the label itself
    may be a bit mask of 31 classes, for which there is no room. Exact below 2⁵³, that is for more than a
    million different labels.
    """
    rest = split.astype(np.float64) + _SPLIT_RANGE * place.astype(np.float64)
    packed: NDArray[np.float64] = position.astype(np.float64) + _POSITION_RANGE * rest
    if packed.size and packed.max() >= 2**53:
        raise ValueError("there are too many different labels to be packed with the positions")
    return packed


def rows_of(points: Points, name: str) -> NDArray[np.int64]:
    """Rows of the index that hold a data set's images, ascending."""
    code = points.names.index(name) if name in points.names else -1
    return np.flatnonzero(points.dataset == code)


def subsample(rows: NDArray[np.int64], n: int) -> NDArray[np.int64]:
    """At most n of the rows, drawn with a fixed seed, in their order."""
    if len(rows) <= n:
        return rows
    return np.sort(np.random.default_rng(0).choice(rows, n, replace=False))


def runs(rows: NDArray[np.int64]) -> list[list[int]]:
    """Ascending rows of the index as [first, after the last] of their unbroken runs, for columns of all images."""
    if not len(rows):
        return []
    ends = np.flatnonzero(np.diff(rows) != 1) + 1
    return [[int(part[0]), int(part[-1]) + 1] for part in np.split(rows, ends)]


def blocks(points: Points, rows: NDArray[np.int64]) -> list[list[int]]:
    """Ascending rows of the index as [first, after the last, split, position of the first] of runs of one split.

    Within a run positions ascend one by one, so that a row says which image it is.
    """
    if not len(rows):
        return []
    split, position = points.split[rows], points.position[rows]
    breaks = (np.diff(rows) != 1) | (np.diff(split) != 0) | (np.diff(position) != 1)
    starts = np.concatenate([[0], np.flatnonzero(breaks) + 1])
    ends = np.append(starts[1:], len(rows)) - 1
    return [
        [int(rows[first]), int(rows[last]) + 1, int(split[first]), int(position[first])]
        for first, last in zip(starts, ends, strict=True)
    ]


def described(
    dataset: Dataset, points: Points, rows: NDArray[np.int64], look: Mark, *, opacity: float
) -> dict[str, Any]:
    """`name`, `customdata` and `meta` of a data set's trace of points."""
    labels, places = np.unique(points.label[rows], return_inverse=True)
    return {
        "name": dataset.name,
        "customdata": pack_identity(points.position[rows], points.split[rows], places),
        "meta": {
            "role": "points",
            "dataset": dataset.name,
            "extent": trace_extent(points, rows),
            "labels": labels.tolist(),
            "runs": runs(rows),
            "look": {"color": look.colour, "opacity": opacity},
        },
    }


def ellipse_outlines(ellipses: Sequence[Ellipse]) -> dict[str, Mapping[str, list[float | None]]]:
    """Lines of each group as coordinate lists (empty where there is none), for the browser.

    In space there is a third coordinate, and None between one line and the next.
    """
    found: dict[str, Mapping[str, list[float | None]]] = {}
    for ellipse in ellipses:
        axes = "xyz" if ellipse.outlines else "xy"
        drawn: dict[str, list[float | None]] = {axis: [] for axis in axes}
        for i, line in enumerate(ellipse.lines):
            for k, axis in enumerate(axes):
                drawn[axis] += [*([None] if i else []), *(vertex[k] for vertex in line)]
        found[ellipse.group] = drawn
    return found


def trace_extent(points: Points, rows: NDArray[np.int64]) -> list[list[float]]:
    """Smallest and largest x, smallest and largest y: what "Fit" needs without reading all points."""
    return [[float(v.min()), float(v.max())] for v in (points.x[rows], points.y[rows])] if len(rows) else []
