"""Location and scatter of a group of points in the plane."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_FLAT = 1e-6  # ratio of the axes below which a group lies on a line


@dataclass(frozen=True)
class Shape:
    """Centre, and standard deviations along two orthogonal directions, the larger first; unit: ``scale``.

    Everything is divided by the largest coordinate, so that squares neither overflow nor vanish.
    """

    scale: float
    center: Floats
    spread: Floats  # (2,)
    directions: Floats  # (2, 2), a row each

    @classmethod
    def of(cls, points: Floats, *, rounding: float) -> "Shape | None":
        """Mean and covariance of the points; ``None`` if they lie on a line to within their own rounding."""
        scale = float(np.abs(points).max())
        if scale == 0:
            return None
        scaled = points / scale
        center = scaled.mean(axis=0)
        centred = scaled - center
        shape = cls._from_scatter(scale, center, centred.T @ centred / (len(points) - 1))
        # Rounding of the coordinates alone gives a line this width.
        return None if shape is None or shape.spread[1] <= 8 * rounding else shape

    @classmethod
    def _from_scatter(cls, scale: float, center: Floats, scatter: Floats) -> "Shape | None":
        values, vectors = np.linalg.eigh(scatter)
        if not values[1] > 0 or values[0] <= _FLAT**2 * values[1]:
            return None
        return cls(scale, center, np.sqrt(values[::-1]), vectors.T[::-1])

    def whiten(self, points: Floats) -> Floats:
        """(n, 2) points of the map -> the same with zero mean and unit covariance."""
        whitened: Floats = (points / self.scale - self.center) @ self.directions.T / self.spread
        return whitened

    def reshaped(self, location: Floats, scatter: Floats) -> "Shape | None":
        """The shape that ``location`` and ``scatter`` of the whitened points have on the map."""
        back = self.directions.T * self.spread
        return self._from_scatter(self.scale, self.center + back @ location, back @ scatter @ back.T)

    def geometry(self, radius: float) -> tuple[Floats, Floats, float]:
        """Centre, semi-axes and angle of the ellipse at a Mahalanobis distance of ``radius``."""
        x, y = self.directions[0]
        angle = float(np.degrees(np.arctan2(y, x)))
        if angle > 90:
            angle -= 180
        elif angle <= -90:
            angle += 180
        return self.center * self.scale, radius * self.spread * self.scale, angle
