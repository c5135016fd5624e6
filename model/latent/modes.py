"""A simple test of whether one ellipse hides several groups.

The points, whitened, are looked at along 12 directions, 15° apart; in space along 21, those of the corners and
the edges of an icosahedron, and then no more than 10,000 points, drawn at random (seeded). Along each, a Gaussian
kernel estimate of the density (bandwidth 0.7·n^(-1/5) standard deviations, at least 0.1) is searched for a valley
between two peaks. The group counts as having several modes if, along any direction, some valley

- has at least 10 % of the points on either side,
- is lower than 80 % of the lower of its two peaks, and
- lies below it by more than 2.5 standard errors of the estimate.

Below 30 points the test never speaks. In simulation it was silent on normal, exponential and Student-t (3
degrees of freedom) groups of 30 to 3,000 points, and saw two equal normal groups 4 standard deviations apart
in about half of the draws of 100 points and in all of 300. A ring is reported too: one ellipse describes it
as badly. In space it was silent on as many such groups, and saw two groups 5 standard deviations apart in all draws of
300 points. Uniform groups, whose top is flat, were reported in at most 5 % of the draws of 100 to 30,000 points from a
square or a cube: most at n = 1,000, from 3,000 on in 1 %.

Ties, as on a map with few places (codes of two dimensions) or of images that are there twice, make valleys between
places that are none between groups. Where at least 10 % of the points share their place with another, a valley must be
seen once more, among 3,000 of the points, drawn at random (seeded), with

- the bandwidth along a direction at least half the typical distance, along it, of neighbouring places, and
- the standard error that of (Σc)²/Σc² points, the places having c points each: copies say nothing new.

In simulation of 100 to 5,000 points no normal group that was rounded to a lattice (of 0.1 to 2 standard deviations)
was reported, and of groups of many copies of 10 to 100 random places at most 1 %. Two groups are seen if they have
places enough: of 1,000 points, on a lattice of half a standard deviation in all draws where they were 5 apart; of a
whole one, in all where they were 8 apart, in three of four at 6; on one of 2, where each has some four places, never in
the plane. Not seen as tied are points of which one coordinate alone is rounded: they lie on lines, and are reported.
"""

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import Delaunay, QhullError

from model.latent.sphere import icosphere

Floats = NDArray[np.float64]

MIN_POINTS = 30
_CELLS = 64  # cells of the grid along each axis, which spans ±4 standard deviations
_REACH = 4.0
_DIRECTIONS = 12
_MOST_IN_SPACE = 10_000
_MOST_TIED = 3_000  # the triangulation of as many takes 0.1 s, in space 0.5
_MIN_SHARE = 0.1
_MAX_VALLEY = 0.8
_MIN_DEPTH = 2.5
_SAME_PLACE = 1e-7  # standard deviations
_MIN_TIED = 0.1
_WIDTH_OF_TIES = 0.5  # at this bandwidth, in spacings, a lattice's ripple has an amplitude of 1.4 %
_ROUGHNESS = 1 / (2 * np.sqrt(np.pi))  # integral of the squared Gaussian kernel


def has_several_modes(whitened: Floats) -> bool:
    """Whether points of zero mean and unit covariance fall into several groups (see the module's text).

    Args:
        whitened: (n, 2) or (n, 3), finite.
    """
    if len(whitened) < MIN_POINTS:
        return False
    in_space = whitened.shape[1] == 3
    if in_space:
        whitened = _drawn(whitened, _MOST_IN_SPACE)
    counts = _projected_counts_in_space(whitened) if in_space else _projected_counts(whitened)
    if not _has_valley(counts, len(whitened), np.array([_usual_bandwidth(len(whitened))])):
        return False
    # Only now: of most groups the test is silent, and ties take longer to look for.
    places, copies = _places(_drawn(whitened, _MOST_TIED))
    if copies[copies > 1].sum() < _MIN_TIED * copies.sum():
        return True
    return _has_valley_of_places(places, copies)


def _usual_bandwidth(n: float) -> float:
    """Of n points without ties, in standard deviations."""
    return max(0.7 * math.pow(n, -0.2), 0.1)


def _has_valley(counts: Floats, n: float, bandwidth: Floats) -> bool:
    """Whether along any direction there is a valley as the module's text describes it.

    Args:
        counts: (D, 64) points per bin along each direction.
        n: points that the counts add up to, those out of reach included; the error is that of as many.
        bandwidth: (D,) of each direction, or (1,) of all.
    """
    density = (counts[:, None, :] @ _kernel(bandwidth))[:, 0] / n
    left = np.maximum.accumulate(density, axis=1)
    right = np.maximum.accumulate(density[:, ::-1], axis=1)[:, ::-1]
    lower_peak = np.minimum(left, right)
    share = np.cumsum(counts, axis=1) / n
    # Variance of a kernel estimate: density * roughness / (n * bandwidth).
    error = np.sqrt((lower_peak + density) * _ROUGHNESS / (n * bandwidth[:, None]))
    valley = (
        (share >= _MIN_SHARE)
        & (share <= 1 - _MIN_SHARE)
        & (density < _MAX_VALLEY * lower_peak)
        & (lower_peak - density > _MIN_DEPTH * error)
    )
    return bool(valley.any())


def _drawn(whitened: Floats, most: int) -> Floats:
    """The points, or of more than ``most`` as many, drawn at random (seeded)."""
    if len(whitened) <= most:
        return whitened
    return whitened[np.random.default_rng(0).choice(len(whitened), most, replace=False)]


def _places(whitened: Floats) -> tuple[Floats, NDArray[np.int64]]:
    """The P distinct ones among the points: (P, d), and how many points lie at each: (P,)."""
    # Rounded: whitening may move equal points some last digits apart.
    cells, copies = np.unique(np.rint(whitened / _SAME_PLACE), axis=0, return_counts=True)
    return cells * _SAME_PLACE, copies.astype(np.int64)


def _has_valley_of_places(places: Floats, copies: NDArray[np.int64]) -> bool:
    """Whether there is a valley that ties do not explain.

    Args:
        places: (P, d), distinct.
        copies: (P,) points at each.
    """
    along = (_directions_in_space() if places.shape[1] == 3 else _directions()) @ places.T
    n = float(copies.sum())
    try:
        spacing = _spacing(places, along, copies)
    except QhullError:  # all that are off a line, or a plane, were not drawn
        return False
    weights = copies.astype(np.float64)
    independent = n**2 / float(weights @ weights)
    counts = _shared_counts(along, weights * (independent / n))
    return _has_valley(counts, independent, np.maximum(_usual_bandwidth(n), _WIDTH_OF_TIES * spacing))


def _spacing(places: Floats, along: Floats, copies: NDArray[np.int64]) -> Floats:
    """How far apart neighbouring places typically are along each direction: (D,).

    Neighbours are those of the Delaunay triangulation: on a lattice that is longer than wide, too, they lie on all
    sides. Of a place its median neighbour counts (of an even number the farther one), and of the places the median,
    each as often as it has points: so neighbours across a gap between groups do not.

    Args:
        along: (D, P) the places along each direction.

    Raises:
        QhullError: all places lie on a line, in space on a plane.
    """
    starts, neighbours = Delaunay(places).vertex_neighbor_vertices
    numbers = np.diff(starts)
    owner = np.repeat(np.arange(len(places)), numbers)
    has_any = numbers > 0  # not so a place that is closer to another than the triangulation can tell
    middle = (starts[:-1] + numbers // 2)[has_any]
    spacing = np.empty(len(along))
    for direction, place in enumerate(along):
        steps = np.abs(place[neighbours] - place[owner])
        typical = steps[np.lexsort((steps, owner))][middle]
        spacing[direction] = np.median(np.repeat(typical, copies[has_any]))
    return spacing


def _shared_counts(along: Floats, weights: Floats) -> Floats:
    """Points per bin along each direction, each shared by the two bins whose centres are nearest: (D, 64).

    Counted whole, the places of a lattice (such as a grid's cells) would beat with the bins.

    Args:
        along: (D, P) places.
        weights: (P,) points at each.
    """
    # Cells from 1; 0 and the last take what lies out of reach.
    place = np.clip(along * (_CELLS / (2 * _REACH)) + (_CELLS / 2 + 0.5), 0, _CELLS + 0.5)
    cell = place.astype(np.int64)
    upper = (place - cell) * weights
    first = cell + np.arange(len(along))[:, None] * (_CELLS + 2)
    size = len(along) * (_CELLS + 2)
    counts: Floats = np.bincount(first.ravel(), (weights - upper).ravel(), size).astype(np.float64)
    counts += np.bincount(first.ravel() + 1, upper.ravel(), size)
    return counts.reshape(len(along), _CELLS + 2)[:, 1:-1]


def _projected_counts(whitened: Floats) -> Floats:
    """Points per bin along each direction: (12, 64).

    The points are counted on a grid once, and the grid's cells are projected: one pass however many
    directions.
    """
    # Cells from 1; 0 and the last take what lies out of reach.
    cells = np.clip(whitened.T * (_CELLS / (2 * _REACH)) + (_CELLS / 2 + 1), 0, _CELLS + 1).astype(np.int32)
    grid = np.bincount(cells[0] * (_CELLS + 2) + cells[1], minlength=(_CELLS + 2) ** 2)
    grid = grid.reshape(_CELLS + 2, _CELLS + 2)[1:-1, 1:-1]
    taken = np.nonzero(grid)
    centres = _centres()[np.stack(taken)]
    return _shared_counts(_directions() @ centres, grid[taken].astype(np.float64))


def _projected_counts_in_space(whitened: Floats) -> Floats:
    """Points per bin along each direction: (21, 64)."""
    along = _directions_in_space() @ whitened.T
    bins = np.clip(along * (_CELLS / (2 * _REACH)) + (_CELLS / 2 + 1), 0, _CELLS + 1).astype(np.int32)
    bins += np.arange(len(bins), dtype=np.int32)[:, None] * (_CELLS + 2)
    counts = np.bincount(bins.ravel(), minlength=len(bins) * (_CELLS + 2))
    return counts.reshape(len(bins), _CELLS + 2)[:, 1:-1].astype(np.float64)


def _directions() -> Floats:
    """(12, 2)"""
    angle = np.pi * np.arange(_DIRECTIONS) / _DIRECTIONS
    return np.stack([np.cos(angle), np.sin(angle)], axis=1)


@lru_cache(maxsize=1)
def _directions_in_space() -> Floats:
    """(21, 3): of each pair of opposite points on the sphere one."""
    points = icosphere(1)[0]
    return points[[tuple(point) > (0.0, 0.0, 0.0) for point in points.round(9).tolist()]]


def _centres() -> Floats:
    return np.linspace(-_REACH, _REACH, 2 * _CELLS + 1)[1::2]


def _kernel(bandwidth: Floats) -> Floats:
    """Densities at the centres of points at the centres: (D,) -> (D, 64, 64)."""
    width = bandwidth[:, None, None]
    distance = (_centres()[:, None] - _centres()[None, :]) / width
    kernel: Floats = np.exp(-0.5 * distance**2) / (width * np.sqrt(2 * np.pi))
    return kernel
