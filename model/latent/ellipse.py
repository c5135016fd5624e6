"""Ellipses of a group of points on a 2-D map, each of a stated kind and coverage.

With mean m and covariance S (ddof 1) of n points, an ellipse is {x : (x-m)ᵀ S⁻¹ (x-m) ≤ c²}. Where c² comes
from Hotelling's T²: T. W. Anderson, An Introduction to Multivariate Statistical Analysis, 3rd ed. (2003), ch.
5; for a new observation: G. J. Hahn, W. Q. Meeker, Statistical Intervals (1991), ch. 4, in two dimensions.
"""

from collections.abc import Hashable
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from model.latent.errors import SettingError
from model.latent.modes import has_several_modes
from model.latent.robust import MAX_POINTS, MIN_POINTS, robust_location_and_scatter
from model.latent.shape import Shape

EllipseKind = Literal["prediction", "mean", "normal", "sigma", "robust"]
Floats = NDArray[np.float64]

OUTLINE_POINTS = 65  # 64 steps and the first point again
_UNRELIABLE_BELOW = 10


@dataclass(frozen=True, eq=False)
class Ellipse:
    """A fitted ellipse; where none can be fitted, the geometry is ``None`` and ``warnings`` say why.

    Lengths are in the units of the map. Arrays are read-only.
    """

    n: int
    """Points that it rests on: the finite ones."""
    kind: EllipseKind
    level: float
    """Nominal coverage in (0, 1); of ``mean``: of the true mean, else of the group's distribution."""
    center: Floats | None
    """(2,)"""
    axes: Floats | None
    """(2,) semi-axes, the larger first."""
    angle: float | None
    """Degrees from +x, counter-clockwise, to the major axis, in (-90, 90]."""
    outline: Floats | None
    """(65, 2), closed, counter-clockwise from an end of the major axis."""
    observed_coverage: float | None
    """Share in [0, 1] of the n points that lie inside."""
    warnings: tuple[str, ...]

    def contains(self, points: ArrayLike) -> NDArray[np.bool_]:
        """Which of the (m, 2) points lie inside or on the ellipse; a point that is not finite does not.

        Raises:
            ValueError: nothing could be fitted (``center`` is ``None``), so there is no inside.
        """
        if self.center is None or self.axes is None or self.angle is None:
            raise ValueError("nothing was fitted: " + "; ".join(self.warnings))
        placed = _as_points(points)
        finite = np.isfinite(placed).all(axis=1)
        inside = np.zeros(len(placed), dtype=np.bool_)
        offset = (placed[finite] - self.center) @ _directions(self.angle).T / self.axes
        inside[finite] = np.hypot(offset[:, 0], offset[:, 1]) <= 1
        return inside


def squared_radius(kind: EllipseKind, n: int, *, level: float = 0.95, k: float = 3.0) -> float:
    """c² of an ellipse, the squared Mahalanobis distance of its outline from the centre.

    - ``prediction``: 2(n+1)(n-1) / (n(n-2)) · F(2, n-2)(level)
    - ``mean``: 2(n-1) / (n(n-2)) · F(2, n-2)(level)
    - ``normal``, ``robust``: χ²₂(level) = -2 ln(1-level)
    - ``sigma``: k²

    Args:
        kind: which of them.
        n: points of the group, at least 3.
        level: coverage in (0, 1); not used by ``sigma``.
        k: number of standard deviations, used by ``sigma`` only.

    Raises:
        SettingError: a parameter outside its range.
    """
    _check(kind, level, k)
    if n < 3:
        raise SettingError(f"an ellipse needs at least 3 points, not {n}")
    if kind == "sigma":
        return k * k
    if kind in ("normal", "robust"):
        return float(-2 * np.log1p(-level))
    quantile = float(stats.f.ppf(level, 2, n - 2))
    hotelling = 2 * (n - 1) / (n * (n - 2)) * quantile
    return hotelling * (n + 1) if kind == "prediction" else hotelling


def fit_ellipse(
    points: ArrayLike,
    *,
    kind: EllipseKind = "prediction",
    level: float = 0.95,
    k: float = 3.0,
    meaningful: bool = True,
) -> Ellipse:
    """Fit the ellipse of one group.

    Points with a coordinate that is not finite are left out, with a warning. Nothing is fitted for fewer than
    3 points, for points on a line, and with ``robust`` below 200. ``sigma`` states as its level the coverage
    1 - exp(-k²/2) that k standard deviations have in two dimensions.

    Args:
        points: (n, 2).
        kind: see `squared_radius`; ``robust`` puts location and scatter of the minimum covariance determinant
            in the place of mean and covariance.
        level: nominal coverage in (0, 1); not used by ``sigma``.
        k: number of standard deviations, used by ``sigma`` only.
        meaningful: whether distances on the map keep their proportions (PCA), without which (UMAP, t-SNE) the
            ellipse carries a warning that its coverage means nothing.

    Raises:
        SettingError: another kind, a level or k outside its range, or points that are not (n, 2).
    """
    _check(kind, level, k)
    placed = _as_points(points)
    nominal = -float(np.expm1(-k * k / 2)) if kind == "sigma" else float(level)
    finite = placed[np.isfinite(placed).all(axis=1)]
    warnings = (
        []
        if meaningful
        else ["on this map distances are distorted: the coverage of an ellipse has no meaning"]
    )
    if len(finite) < len(placed):
        warnings.append(
            f"{len(placed) - len(finite)} of {len(placed)} points are not finite and were left out"
        )
    n = len(finite)

    def refused(why: str) -> Ellipse:
        return Ellipse(n, kind, nominal, None, None, None, None, None, (*warnings, why))

    if n < 3:
        return refused(f"n = {n}: an ellipse needs at least 3 points")
    shape = Shape.of(finite, rounding=_rounding(points))
    if shape is None:
        return refused("the points lie on a line, or are all the same: no ellipse has them inside")
    whitened = shape.whiten(finite)
    if kind == "robust":
        if n < MIN_POINTS:
            return refused(f"n = {n}: a robust ellipse needs at least {MIN_POINTS} points")
        location, scatter = robust_location_and_scatter(whitened)
        robust_shape = shape.reshaped(location, scatter)
        if robust_shape is None:
            return refused("more than half of the points lie on a line: no robust ellipse")
        shape = robust_shape
        if n > MAX_POINTS:
            warnings.append(f"fitted on {MAX_POINTS:,} points drawn at random (seeded) from {n:,}")
    if n < _UNRELIABLE_BELOW:
        warnings.append(f"n = {n}: an ellipse of fewer than {_UNRELIABLE_BELOW} points is unreliable")
    if kind in ("normal", "sigma"):
        warnings += _small_sample_warning(n, squared_radius(kind, n, level=level, k=k), nominal)
    if has_several_modes(whitened):
        warnings.append("the points fall into several groups: one ellipse describes them badly")

    center, axes, angle = shape.geometry(np.sqrt(squared_radius(kind, n, level=level, k=k)))
    ellipse = Ellipse(
        n, kind, nominal, center, axes, angle, _outline(center, axes, angle), None, tuple(warnings)
    )
    return replace(ellipse, observed_coverage=float(ellipse.contains(finite).mean()))


def fit_ellipses(points: ArrayLike, groups: ArrayLike, **settings: Any) -> dict[Hashable, Ellipse]:  # noqa: ANN401
    """Fit one ellipse per group, as `fit_ellipse` does with the same settings.

    Args:
        points: (n, 2).
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
    codes = encoded.indices.to_numpy()
    # One stable sort instead of one pass over all points per group; 16-bit keys are sorted in linear time.
    order = np.argsort(
        codes.astype(np.uint16) if len(encoded.dictionary) <= 1 << 16 else codes, kind="stable"
    )
    counts = np.bincount(codes, minlength=len(encoded.dictionary))
    parts = np.split(placed[order], np.cumsum(counts)[:-1]) if len(counts) else []
    return {
        g: fit_ellipse(part, **settings)
        for g, part in zip(encoded.dictionary.to_pylist(), parts, strict=True)
    }


def _small_sample_warning(n: int, radius2: float, nominal: float) -> list[str]:
    """Say so where c² takes m and S for the truth and n is too small for that to be true."""
    actual = float(stats.f.cdf(radius2 * n * (n - 2) / (2 * (n + 1) * (n - 1)), 2, n - 2))
    if nominal - actual <= 0.01:
        return []
    return [
        f"n = {n}: it covers {actual:.0%} of new normally distributed points, not {nominal:.0%}; "
        "the kind prediction allows for n"
    ]


def _outline(center: Floats, axes: Floats, angle: float) -> Floats:
    turn = np.linspace(0, 2 * np.pi, OUTLINE_POINTS)
    outline = center + np.stack([np.cos(turn), np.sin(turn)], axis=1) * axes @ _directions(angle)
    outline[-1] = outline[0]
    return outline


def _directions(angle: float) -> Floats:
    """Rows: unit vectors along the major and the minor axis."""
    cos, sin = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    return np.array([[cos, sin], [-sin, cos]])


def _as_points(points: ArrayLike) -> Floats:
    placed = np.asarray(points, dtype=np.float64)
    if placed.size == 0:
        return np.empty((0, 2))
    if placed.ndim != 2 or placed.shape[1] != 2:
        raise SettingError(f"points must be (n, 2), not {placed.shape}")
    return placed


def _rounding(points: ArrayLike) -> float:
    """Relative rounding of the coordinates as given: a line drawn in float32 is wider than one in float64."""
    dtype = np.asarray(points).dtype
    return float(np.finfo(dtype if np.issubdtype(dtype, np.floating) else np.float64).eps)


def _check(kind: str, level: float, k: float) -> None:
    if kind not in get_args(EllipseKind):
        raise SettingError(
            f"there is no ellipse of kind {kind!r}; choose one of {', '.join(get_args(EllipseKind))}"
        )
    if not 0 < level < 1:
        raise SettingError(f"level must lie between 0 and 1 (0.95 for 95 %), not {level}")
    if not (0 < k < 100):
        raise SettingError(f"k must lie between 0 and 100 standard deviations, not {k}")
