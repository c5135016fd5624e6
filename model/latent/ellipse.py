"""Ellipses of a group of points on a 2-D map, ellipsoids on a 3-D one, each of a stated kind and coverage.

With mean m and covariance S (ddof 1) of n points, an ellipse is {x : (x-m)ᵀ S⁻¹ (x-m) ≤ c²}. Where c² comes
from Hotelling's T²: T. W. Anderson, An Introduction to Multivariate Statistical Analysis, 3rd ed. (2003), ch.
5; for a new observation: G. J. Hahn, W. Q. Meeker, Statistical Intervals (1991), ch. 4, in d dimensions.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike, NDArray

from model.latent.ellipse_outline import mesh, outline, outlines
from model.latent.ellipse_radius import (
    EllipseKind,
    check,
    coverage_of_new_points,
    nominal_level,
    noun,
    squared_radius,
)
from model.latent.errors import SettingError
from model.latent.modes import has_several_modes
from model.latent.partition import parts_of
from model.latent.robust import MAX_POINTS, MIN_POINTS, robust_location_and_scatter
from model.latent.shape import Shape

__all__ = ["Ellipse", "EllipseKind", "fit_ellipse", "fit_ellipses", "fit_parts", "squared_radius"]

Floats = NDArray[np.float64]

_UNRELIABLE_BELOW = 10


@dataclass(frozen=True, eq=False)
class Ellipse:
    """A fitted ellipse or ellipsoid; where none can be fitted, the geometry is ``None`` and ``warnings`` say why.

    Lengths are in the units of the map, d is its number of dimensions. Arrays are read-only.
    """

    n: int
    """Points that it rests on: the finite ones."""
    kind: EllipseKind
    level: float
    """Nominal coverage in (0, 1); of ``mean``: of the true mean, else of the group's distribution."""
    center: Floats | None
    """(d,)"""
    axes: Floats | None
    """(d,) semi-axes, the largest first."""
    angle: float | None
    """Degrees from +x, counter-clockwise, to the major axis, in (-90, 90]; ``None`` in space."""
    outline: Floats | None
    """(65, 2), closed, counter-clockwise from an end of the major axis; ``None`` in space."""
    observed_coverage: float | None
    """Share in [0, 1] of the n points that lie inside."""
    warnings: tuple[str, ...]
    directions: Floats | None = None
    """(d, d), rows: unit vectors along the axes."""
    mesh: Floats | None = None
    """(162, 3) points on the surface, the corners of `ellipse_outline.triangles`; ``None`` in the plane."""
    outlines: Floats | None = None
    """(3, 65, 3) closed lines where planes through two axes cut the surface; ``None`` in the plane."""

    def contains(self, points: ArrayLike) -> NDArray[np.bool_]:
        """Which of the (m, d) points lie inside or on the ellipse; a point that is not finite does not.

        Raises:
            ValueError: nothing could be fitted (``center`` is ``None``), so there is no inside.
            SettingError: points of other dimensions.
        """
        if self.center is None:
            raise ValueError("nothing was fitted: " + "; ".join(self.warnings))
        columns, finite = _finite_columns(_as_points(points, len(self.center)))
        if finite is None:
            return self.contains_columns(columns)
        inside = np.zeros(len(finite), dtype=np.bool_)
        inside[finite] = self.contains_columns(columns)
        return inside

    def contains_columns(self, columns: Floats) -> NDArray[np.bool_]:
        """As `contains`, of finite points given as columns (d, m); what is not fitted must not be asked."""
        assert self.center is not None
        assert self.axes is not None
        assert self.directions is not None
        offset = columns - self.center[:, None]
        # Divided by the axes before anything is squared: no length overflows. Of a level near 0 the axes may be so
        # short that the quotient does: nothing is inside then.
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
            offset = (self.directions / self.axes[:, None]) @ offset
            inside: NDArray[np.bool_] = np.einsum("ij,ij->j", offset, offset) <= 1
        return inside


def fit_ellipse(
    points: ArrayLike,
    *,
    kind: EllipseKind = "prediction",
    level: float = 0.95,
    k: float = 3.0,
    meaningful: bool = True,
) -> Ellipse:
    """Fit the ellipse of one group, or in three dimensions its ellipsoid.

    Points with a coordinate that is not finite are left out, with a warning. Nothing is fitted for fewer than
    d + 1 points, for points on a line (in space: on a plane), and with ``robust`` below 200. ``sigma`` states as its
    level the coverage that k standard deviations have in d dimensions: 1 - exp(-k²/2) in two.

    Args:
        points: (n, 2) or (n, 3).
        kind: see `squared_radius`; ``robust`` puts location and scatter of the minimum covariance determinant
            in the place of mean and covariance.
        level: nominal coverage in (0, 1); not used by ``sigma``.
        k: number of standard deviations, used by ``sigma`` only.
        meaningful: whether distances on the map keep their proportions (PCA), without which (UMAP, t-SNE) the
            ellipse carries a warning that its coverage means nothing.

    Raises:
        SettingError: another kind, a level or k outside its range, or points of other dimensions.
    """
    check(kind, level, k)
    placed = _as_points(points)
    d = placed.shape[1]
    name = noun(d)
    nominal = nominal_level(kind, level=level, k=k, d=d)
    warnings = (
        []
        if meaningful
        else [f"on this map distances are distorted: the coverage of an {name} has no meaning"]
    )
    columns, finite = _finite_columns(placed)
    n = columns.shape[1]
    if finite is not None:
        warnings.append(f"{len(placed) - n} of {len(placed)} points are not finite and were left out")

    def refused(why: str) -> Ellipse:
        return Ellipse(n, kind, nominal, None, None, None, None, None, (*warnings, why))

    if n < d + 1:
        return refused(f"n = {n}: an {name} needs at least {d + 1} points")
    shape = Shape.of(columns, rounding=_rounding(placed))
    flat = "on a line" if d == 2 else "on a plane"
    if shape is None:
        return refused(f"the points lie {flat}, or are all the same: no {name} has them inside")
    whitened = shape.whiten(columns)
    radius2 = squared_radius(kind, n, level=level, k=k, d=d)
    several_modes = has_several_modes(whitened.T)
    if kind == "robust":
        if n < MIN_POINTS:
            return refused(f"n = {n}: a robust {name} needs at least {MIN_POINTS} points")
        robust_shape = shape.reshaped(*robust_location_and_scatter(whitened.T))
        if robust_shape is None:
            return refused(f"more than half of the points lie {flat}: no robust {name}")
        shape = robust_shape
        whitened = shape.whiten(columns)
        if n > MAX_POINTS:
            warnings.append(f"fitted on {MAX_POINTS:,} points drawn at random (seeded) from {n:,}")
    if n < _UNRELIABLE_BELOW:
        warnings.append(f"n = {n}: an {name} of fewer than {_UNRELIABLE_BELOW} points is unreliable")
    if kind in ("normal", "sigma"):
        warnings += _small_sample_warning(n, d, radius2, nominal)
    if several_modes:
        warnings.append(f"the points fall into several groups: one {name} describes them badly")

    inside = np.einsum("ij,ij->j", whitened, whitened) <= radius2
    center, axes, directions = shape.geometry(float(np.sqrt(radius2)))
    return Ellipse(
        n=n,
        kind=kind,
        level=nominal,
        center=center,
        axes=axes,
        angle=float(np.degrees(np.arctan2(directions[0, 1], directions[0, 0]))) if d == 2 else None,
        outline=outline(center, axes, directions) if d == 2 else None,
        observed_coverage=float(np.count_nonzero(inside) / n),
        warnings=tuple(warnings),
        directions=directions,
        mesh=mesh(center, axes, directions) if d == 3 else None,
        outlines=outlines(center, axes, directions) if d == 3 else None,
    )


def fit_ellipses(points: ArrayLike, groups: ArrayLike, **settings: Any) -> dict[Hashable, Ellipse]:  # noqa: ANN401
    """Fit one ellipse per group, as `fit_ellipse` does with the same settings.

    Args:
        points: (n, d).
        groups: (n,) the group of each point: text or integers.
        **settings: ``kind``, ``level``, ``k``, ``meaningful``.

    Returns:
        By group, in the order in which the groups first appear.
    """
    placed = np.asarray(points)
    encoded = pa.array(np.asarray(groups)).dictionary_encode()
    if len(encoded) != len(placed):
        raise SettingError(f"{len(placed)} points need as many groups, not {len(encoded)}")
    if encoded.null_count:
        raise SettingError("a point has no group")
    parts = parts_of(placed, encoded.indices.to_numpy(), len(encoded.dictionary))
    return dict(zip(encoded.dictionary.to_pylist(), fit_parts(parts, **settings), strict=True))


def fit_parts(parts: Sequence[ArrayLike], **settings: Any) -> list[Ellipse]:  # noqa: ANN401
    """Fit one ellipse to each of some groups of points, as `fit_ellipse` does with the same settings."""
    return [fit_ellipse(part, **settings) for part in parts]


def _small_sample_warning(n: int, d: int, radius2: float, nominal: float) -> list[str]:
    """Say so where c² takes m and S for the truth and n is too small for that to be true."""
    actual = coverage_of_new_points(radius2, n, d)
    if nominal - actual <= 0.01:
        return []
    return [
        f"n = {n}: it covers {actual:.0%} of new normally distributed points, not {nominal:.0%}; "
        "the kind prediction allows for n"
    ]


def _as_points(points: ArrayLike, d: int | None = None) -> NDArray[np.floating[Any]]:
    placed = np.asarray(points)
    if placed.size == 0:
        return np.empty((0, placed.shape[1] if placed.ndim == 2 and placed.shape[1] in (2, 3) else d or 2))
    if placed.ndim != 2 or placed.shape[1] not in ((2, 3) if d is None else (d,)):
        raise SettingError(f"points must be (n, {d or '2) or (n, 3'}), not {placed.shape}")
    return placed if np.issubdtype(placed.dtype, np.floating) else placed.astype(np.float64)


def _finite_columns(placed: NDArray[np.floating[Any]]) -> tuple[Floats, NDArray[np.bool_] | None]:
    """The finite ones of (n, d) points as (d, m) columns, and which of the n they are: ``None`` if all."""
    columns = np.ascontiguousarray(placed.T, dtype=np.float64)
    if not columns.size or (np.isfinite(columns.max()) and np.isfinite(columns.min())):
        return columns, None
    finite = np.asarray(np.isfinite(columns).all(axis=0))
    return np.compress(finite, columns, axis=1), finite


def _rounding(placed: NDArray[np.floating[Any]]) -> float:
    """Relative rounding of the coordinates as given: a line drawn in float32 is wider than one in float64."""
    return float(np.finfo(placed.dtype).eps)
