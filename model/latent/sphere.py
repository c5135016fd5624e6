"""Points spread evenly over the unit sphere, and the triangles between them."""

from functools import lru_cache
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@lru_cache(maxsize=4)
def icosphere(subdivisions: int) -> tuple[Floats, NDArray[np.int64]]:
    """An icosahedron, each of whose triangles is divided into four some times, its corners put on the sphere.

    Args:
        subdivisions: 0, 1 or 2: 12, 42 or 162 points and 20, 80 or 320 triangles.

    Returns:
        (V, 3) points, with each the opposite one, and (T, 3) corners of the triangles, counter-clockwise from
        outside.
    """
    points, triangles = _icosahedron() if subdivisions == 0 else _divided(*icosphere(subdivisions - 1))
    points.flags.writeable = triangles.flags.writeable = False  # they are cached
    return points, triangles


def _icosahedron() -> tuple[Floats, NDArray[np.int64]]:
    golden = (1 + 5**0.5) / 2
    first = [(0.0, a, b * golden) for a in (-1, 1) for b in (-1, 1)]
    points = np.array([np.roll(corner, shift) for shift in range(3) for corner in first])
    corners = np.array(list(combinations(range(12), 3)))
    sides = points[corners] - points[np.roll(corners, 1, axis=1)]
    faces = corners[(np.linalg.norm(sides, axis=2) < 2.1).all(axis=1)]  # all edges are 2 long
    inward = np.linalg.det(points[faces]) < 0
    faces[inward] = faces[inward][:, [0, 2, 1]]
    return points / np.linalg.norm(points[0]), faces


def _divided(points: Floats, triangles: NDArray[np.int64]) -> tuple[Floats, NDArray[np.int64]]:
    edges = np.sort(triangles[:, [[0, 1], [1, 2], [2, 0]]], axis=2)
    unique, numbers = np.unique(edges.reshape(-1, 2), axis=0, return_inverse=True)
    middles = points[unique].sum(axis=1)
    middles /= np.linalg.norm(middles, axis=1, keepdims=True)
    a, b, c = triangles.T
    ab, bc, ca = len(points) + numbers.reshape(-1, 3).T
    parts = [(a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca)]
    return np.concatenate([points, middles]), np.concatenate([np.stack(part, axis=1) for part in parts])
