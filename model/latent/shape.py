"""Location and scatter of a group of points on a map of two or three dimensions."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_FLAT = 1e-6  # ratio of the axes below which a group lies on a line or a plane


@dataclass(frozen=True)
class Shape:
    """Centre, and standard deviations along orthogonal directions, the largest first; unit: ``scale``.

    Everything is divided by the largest coordinate, so that squares neither overflow nor vanish. Points come as
    columns, (d, n), so that each coordinate lies contiguous in memory.
    """

    scale: float
    center: Floats
    """(d,)"""
    spread: Floats
    """(d,)"""
    directions: Floats
    """(d, d), a row each."""

    @classmethod
    def of(cls, columns: Floats, *, rounding: float) -> "Shape | None":
        """Mean and covariance of (d, n) points; ``None`` if they are flat to within their own rounding."""
        scale = float(max(columns.max(), -columns.min()))
        if scale == 0:
            return None
        scaled = columns / scale
        center = scaled.mean(axis=1)
        scaled -= center[:, None]
        shape = cls._from_scatter(scale, center, scaled @ scaled.T / (columns.shape[1] - 1))
        # Rounding of the coordinates alone gives a line this width.
        return None if shape is None or shape.spread[-1] <= 8 * rounding else shape

    @classmethod
    def _from_scatter(cls, scale: float, center: Floats, scatter: Floats) -> "Shape | None":
        values, vectors = np.linalg.eigh(scatter)
        if not values[-1] > 0 or values[0] <= _FLAT**2 * values[-1]:
            return None
        return cls(scale, center, np.sqrt(values[::-1]), vectors.T[::-1])

    @property
    def covariance(self) -> Floats:
        """(d, d), unit: ``scale`` squared."""
        return self.directions.T * self.spread**2 @ self.directions

    def whiten(self, columns: Floats) -> Floats:
        """(d, n) points of the map -> the same with zero mean and unit covariance."""
        offset = columns / self.scale
        offset -= self.center[:, None]
        whitened: Floats = (self.directions / self.spread[:, None]) @ offset
        return whitened

    def reshaped(self, location: Floats, scatter: Floats) -> "Shape | None":
        """The shape that ``location`` and ``scatter`` of the whitened points have on the map."""
        back = self.directions.T * self.spread
        return self._from_scatter(self.scale, self.center + back @ location, back @ scatter @ back.T)

    def geometry(self, radius: float) -> tuple[Floats, Floats, Floats]:
        """Centre (d,), semi-axes (d,) and their directions (d, d) of the ellipse at a Mahalanobis ``radius``."""
        return self.center * self.scale, radius * self.spread * self.scale, _oriented(self.directions)


def _oriented(directions: Floats) -> Floats:
    """Of the two ways along each axis, the one that does not depend on how it was computed.

    In the plane the major axis points right, or straight up, and the minor axis 90° further; in space the largest
    coordinate of the first two is positive, and the three are right-handed.
    """
    if len(directions) == 2:
        x, y = directions[0]
        if x < 0 or (x == 0 and y < 0):
            x, y = -x, -y
        return np.array([[x, y], [-y, x]])
    largest = np.abs(directions[:2]).argmax(axis=1)
    first = directions[:2] * np.sign(directions[[0, 1], largest])[:, None]
    return np.stack([*first, np.cross(*first)])
