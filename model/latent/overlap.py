"""How far groups overlap on a map: the figures behind "the clusters separate".

The Bhattacharyya distance (A. Bhattacharyya, "On a measure of divergence between two statistical populations defined
by their probability distributions", Bull. Calcutta Math. Soc. 35, 1943, 99) of two normal distributions with means
m₁, m₂ and covariances S₁, S₂ is, with S = (S₁ + S₂) / 2 (T. Kailath, IEEE Trans. Commun. Technol. 15, 1967, 52),

    D = (m₁-m₂)ᵀ S⁻¹ (m₁-m₂) / 8 + ln(det S / √(det S₁ det S₂)) / 2,

and its coefficient exp(-D) is 1 where they are the same and 0 where they have nothing in common. Put into it, moments
of few points make D too large: two groups of 10 drawn from one distribution are 0.16 apart in the mean. So D is
corrected for its bias, and its interval for twice that, as moments drawn anew from the fitted normal distributions
(B. Efron, R. J. Tibshirani, An Introduction to the Bootstrap, 1993, ch. 10) are as biased again. Below 10 points they
are more biased still, and the correction would make groups look alike that are not (two of 5 that are 0.5 apart: 0.17
in the mean): no distance is given then, only its interval. docs/ellipses.md has what the intervals cover.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.latent.ellipse import Ellipse
from model.latent.errors import SettingError
from model.latent.shape import Shape

Floats = NDArray[np.float64]
Interval = tuple[float, float]

MAX_OVERLAPPING = 50
"""Groups; they make 1,225 pairs."""
_DRAWS, _PAIRS_AT_ONCE = 400, 64
_FEW, _TOO_FEW = 30, 10
_LEAST = 1e-50  # standard deviation, as a share of the largest coordinate, whose powers are numbers still


@dataclass(frozen=True)
class Pair:
    """Two of the groups; ``None`` stands for what cannot be said, and ``warnings`` for why."""

    first: int
    second: int
    distance: float | None
    """Bhattacharyya distance, corrected for its bias; at least 0. None also where a group has fewer than 10 points."""
    interval: Interval | None
    """95 % interval of it."""
    uncorrected: float | None
    """The distance as the formula gives it."""
    first_in_second: float | None
    """Share in [0, 1] of the first group's points that lie in the second's ellipse."""
    second_in_first: float | None
    warnings: tuple[str, ...]

    @property
    def coefficient(self) -> float | None:
        """Bhattacharyya coefficient in [0, 1]: 1 where both are the same."""
        return None if self.distance is None else math.exp(-self.distance)

    @property
    def coefficient_interval(self) -> Interval | None:
        """95 % interval of it."""
        return None if self.interval is None else (math.exp(-self.interval[1]), math.exp(-self.interval[0]))


def overlaps(
    parts: Sequence[NDArray[np.floating[Any]]], fitted: Sequence[Ellipse], names: Sequence[str]
) -> list[Pair]:
    """Compare each two of G groups.

    Distances rest on means and covariances whatever the kind of the ellipses; a share rests on the ellipse. The
    intervals are seeded.

    Args:
        parts: of each group its (n, d) points; those that are not finite are left out.
        fitted: the ellipse of each.
        names: of each, for the warnings.

    Raises:
        SettingError: more than 50 groups.
    """
    if len(parts) > MAX_OVERLAPPING:
        raise SettingError(
            f"{len(parts)} groups are too many to compare each two, {MAX_OVERLAPPING} are the most; "
            "choose fewer images, or leave small groups out (min_n)"
        )
    columns = [_finite(part) for part in parts]
    shares = _shares(columns, fitted)
    moments = _Moments.of(columns, [float(np.finfo(part.dtype).eps) for part in parts])
    distances = moments.distances()
    pairs = []
    for number, (i, j) in enumerate(combinations(range(len(parts)), 2)):
        found = distances.get(number)
        distance, interval, uncorrected = found or (None, None, None)
        warnings = [
            f"{names[g]}: n = {moments.n[g]}, or flat, or all the same point: no distance"
            for g in (i, j)
            if not moments.regular[g]
        ]
        fewest = min(fitted[i].n, fitted[j].n)
        if found and fewest < _TOO_FEW:
            distance = None
            warnings.append(
                f"a group of fewer than {_TOO_FEW} points: no distance, only its interval and the formula's, which is "
                "too large"
            )
        elif found and fewest < _FEW:
            warnings.append(
                f"a group of fewer than {_FEW} points: the distance is uncertain, as its interval says"
            )
        if found and any("several groups" in warning for g in (i, j) for warning in fitted[g].warnings):
            warnings.append("a group falls into several: the distance takes it for one normal distribution")
        pairs.append(
            Pair(
                first=i,
                second=j,
                distance=distance,
                interval=interval,
                uncorrected=uncorrected,
                first_in_second=shares[i][j],
                second_in_first=shares[j][i],
                warnings=tuple(warnings),
            )
        )
    return pairs


def _finite(part: NDArray[np.floating[Any]]) -> Floats:
    columns = np.ascontiguousarray(part.T, dtype=np.float64)
    finite = np.isfinite(columns).all(axis=0)
    return columns if finite.all() else np.compress(finite, columns, axis=1)


def _shares(columns: Sequence[Floats], fitted: Sequence[Ellipse]) -> list[list[float | None]]:
    """[i][j]: share of group i inside the ellipse of group j."""
    bounds = np.cumsum([0, *(part.shape[1] for part in columns)])
    everything = np.concatenate(columns, axis=1) if columns else np.empty((2, 0))
    shares: list[list[float | None]] = [[None] * len(columns) for _ in columns]
    for j, ellipse in enumerate(fitted):
        if ellipse.center is None:
            continue
        inside = ellipse.contains_columns(everything)
        for i, (start, stop) in enumerate(pairwise(bounds.tolist())):
            if stop > start:
                shares[i][j] = float(inside[start:stop].mean())
    return shares


@dataclass(frozen=True)
class _Moments:
    """Means and covariances of G groups, all in one unit."""

    n: NDArray[np.int64]
    regular: NDArray[np.bool_]
    mean: Floats
    """(G, d)"""
    covariance: Floats
    """(G, d, d); the identity where a group has none."""

    @classmethod
    def of(cls, columns: Sequence[Floats], rounding: Sequence[float]) -> "_Moments":
        count, d = len(columns), columns[0].shape[0] if columns else 2
        shapes = [
            Shape.of(part, rounding=eps) if part.shape[1] > d else None
            for part, eps in zip(columns, rounding, strict=True)
        ]
        unit = max((shape.scale for shape in shapes if shape), default=1.0)
        mean, covariance = np.zeros((count, d)), np.tile(np.eye(d), (count, 1, 1))
        regular = np.zeros(count, dtype=np.bool_)
        for g, shape in enumerate(shapes):
            if shape is not None and shape.scale / unit * shape.spread[-1] > _LEAST:
                regular[g] = True
                mean[g] = shape.center * (shape.scale / unit)
                covariance[g] = shape.covariance * (shape.scale / unit) ** 2
        return cls(np.array([part.shape[1] for part in columns], np.int64), regular, mean, covariance)

    def distances(self) -> dict[int, tuple[float, Interval, float]]:
        """Corrected distance, its interval and the uncorrected distance, by number of the pair."""
        pairs = np.array(list(combinations(range(len(self.n)), 2)), dtype=np.int64).reshape(-1, 2)
        numbers = np.flatnonzero(self.regular[pairs].all(axis=1))
        i, j = pairs[numbers].T
        plain = bhattacharyya(self.mean[i], self.covariance[i], self.mean[j], self.covariance[j])
        mean, covariance = self._drawn(np.random.default_rng(0))
        drawn = np.empty((_DRAWS, len(numbers)))
        for start in range(0, len(numbers), _PAIRS_AT_ONCE):
            some = slice(start, start + _PAIRS_AT_ONCE)
            first, second = i[some], j[some]
            drawn[:, some] = bhattacharyya(
                mean[:, first], covariance[:, first], mean[:, second], covariance[:, second]
            )
        bias = drawn.mean(axis=0) - plain
        low, high = np.quantile(drawn, (0.025, 0.975), axis=0) - 2 * bias
        rows = np.maximum([plain - bias, low, high, plain], 0).T.tolist()
        return {
            int(number): (distance, (below, above), uncorrected)
            for number, (distance, below, above, uncorrected) in zip(numbers, rows, strict=True)
        }

    def _drawn(self, rng: np.random.Generator) -> tuple[Floats, Floats]:
        """Moments of as many points drawn anew from each group's normal distribution: (400, G, d) and (400, G, d, d).

        A covariance is drawn by its Cholesky factor (M. S. Bartlett 1933; Anderson 2003, ch. 7).
        """
        count, d = self.mean.shape
        freedom = np.where(self.regular, self.n, d + 1)[:, None] - 1
        factor = np.tril(rng.standard_normal((_DRAWS, count, d, d)), -1)
        factor[..., np.arange(d), np.arange(d)] = np.sqrt(
            rng.chisquare(freedom - np.arange(d), size=(_DRAWS, count, d))
        )
        root = np.linalg.cholesky(self.covariance)
        factor = root @ factor / np.sqrt(freedom)[..., None]
        shift = np.einsum("gij,bgj->bgi", root, rng.standard_normal((_DRAWS, count, d)))
        return self.mean + shift / np.sqrt(freedom + 1), factor @ factor.swapaxes(-1, -2)


def bhattacharyya(mean: Floats, covariance: Floats, other_mean: Floats, other_covariance: Floats) -> Floats:
    """Bhattacharyya distance of normal distributions with means (…, d) and covariances (…, d, d): (…,)."""
    middle = (covariance + other_covariance) / 2
    offset = mean - other_mean
    nearness = np.einsum("...i,...i->...", offset, np.linalg.solve(middle, offset[..., None])[..., 0])
    spread = (
        _log_determinant(middle) - (_log_determinant(covariance) + _log_determinant(other_covariance)) / 2
    )
    distance: Floats = nearness / 8 + spread / 2
    return distance


def _log_determinant(covariance: Floats) -> Floats:
    logarithm: Floats = np.linalg.slogdet(covariance)[1]
    return logarithm
