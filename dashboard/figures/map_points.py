"""Of what a figure of a map tells the browser: which rows are whose, where they lie, and lines round them."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from dashboard.answers import Ellipse, Points

CROWD = 10_000
"""Of more points each is drawn smaller and fainter."""


def rows_of(points: Points, name: str) -> NDArray[np.int64]:
    """Rows of the index that hold a data set's images, ascending."""
    code = points.names.index(name) if name in points.names else -1
    return np.flatnonzero(points.dataset == code)


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
