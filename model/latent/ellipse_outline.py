"""What is drawn of an ellipse: a closed line in the plane, a mesh in space."""

import numpy as np
from numpy.typing import NDArray

from model.latent.sphere import icosphere

Floats = NDArray[np.float64]

OUTLINE_POINTS = 65
"""64 steps and the first point again."""
_SUBDIVISIONS = 2


def outline(center: Floats, axes: Floats, directions: Floats) -> Floats:
    """(65, 2), closed, counter-clockwise from an end of the major axis."""
    turn = np.linspace(0, 2 * np.pi, OUTLINE_POINTS)
    line: Floats = center + np.stack([np.cos(turn), np.sin(turn)], axis=1) * axes @ directions
    line[-1] = line[0]
    return line


def outlines(center: Floats, axes: Floats, directions: Floats) -> Floats:
    """(3, 65, 3) closed lines: where an ellipsoid is cut by the planes of each two of its axes.

    Lines hide nothing of what lies inside, as a surface does.
    """
    pairs = ([0, 1], [0, 2], [1, 2])
    return np.stack([outline(center, axes[pair], directions[pair]) for pair in pairs])


def mesh(center: Floats, axes: Floats, directions: Floats) -> Floats:
    """(162, 3) points on the surface of an ellipsoid, the corners of `triangles`."""
    corners: Floats = center + icosphere(_SUBDIVISIONS)[0] * axes @ directions
    return corners


def triangles() -> NDArray[np.int64]:
    """(320, 3) which points of a mesh form its triangles; the same for all."""
    return icosphere(_SUBDIVISIONS)[1]
