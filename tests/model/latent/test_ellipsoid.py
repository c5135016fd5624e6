"""Ellipsoids on maps of three dimensions."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.spatial import ConvexHull

from model.latent.ellipse import fit_ellipse, fit_ellipses, squared_radius
from model.latent.ellipse_outline import triangles
from model.latent.errors import SettingError

KINDS = ("prediction", "mean", "normal", "sigma")
MIX = np.array([[4.0, 1.0, 0.2], [0.5, 0.3, -0.4], [0.0, 1.0, 2.0]])


def draw(rng, n):
    return rng.standard_normal((n, 3)) @ MIX + [3.0, -7.0, 1.0]


def mahalanobis2(points, group):
    offset = points - group.mean(axis=0)
    return np.einsum("ij,ij->i", offset @ np.linalg.inv(np.cov(group.T)), offset)


def turned(rng):
    return np.linalg.qr(rng.standard_normal((3, 3)))[0]


@st.composite
def groups(draw_from, max_size=40):
    n, seed = draw_from(st.integers(4, max_size)), draw_from(st.integers(0, 2**32 - 1))
    return np.random.default_rng(seed).standard_normal((n, 3))


@st.composite
def affine_maps(draw_from):
    rng = np.random.default_rng(draw_from(st.integers(0, 2**32 - 1)))
    scale = [10 ** draw_from(st.floats(-2, 2)) for _ in range(3)]
    shift = [draw_from(st.floats(-100, 100)) for _ in range(3)]
    return turned(rng) @ np.diag(scale) @ turned(rng), np.array(shift)


def test_radii_against_the_formulas_written_out():
    # F(3, 10) at 95 % is 3.70827 in printed tables, and chi squared with 3 degrees of freedom 7.81473.
    assert squared_radius("prediction", 13, d=3) == pytest.approx(
        3 * 14 * 12 / (13 * 10) * 3.708265, rel=1e-6
    )
    assert squared_radius("mean", 13, d=3) == pytest.approx(3 * 12 / (13 * 10) * 3.708265, rel=1e-6)
    assert squared_radius("normal", 13, d=3) == pytest.approx(7.814728, rel=1e-6)
    assert squared_radius("robust", 290, d=3) == pytest.approx(1.1 * 7.814728, rel=1e-6)
    assert squared_radius("robust", 10**9, d=3) == pytest.approx(7.814728, rel=1e-6)
    assert squared_radius("sigma", 13, k=2, d=3) == 4
    with pytest.raises(SettingError, match="at least 4 points"):
        squared_radius("normal", 3, d=3)


@pytest.mark.parametrize(("k", "coverage"), [(1, 0.1987), (2, 0.7385), (3, 0.9707)])
def test_sigma_states_its_coverage_in_space(k, coverage):
    ellipsoid = fit_ellipse(draw(np.random.default_rng(0), 20), kind="sigma", k=k)
    assert ellipsoid.level == pytest.approx(coverage, abs=5e-5)


@given(groups(), st.sampled_from(KINDS), st.floats(0.01, 0.99))
@settings(max_examples=40)
def test_mesh_lies_on_the_mahalanobis_contour(group, kind, level):
    ellipsoid = fit_ellipse(group, kind=kind, level=level)
    radius2 = squared_radius(kind, len(group), level=level, d=3)
    assert ellipsoid.mesh.shape == (162, 3)
    assert ellipsoid.outline is ellipsoid.angle is None
    np.testing.assert_allclose(mahalanobis2(ellipsoid.mesh, group), radius2, rtol=1e-5)
    ends = ellipsoid.center + ellipsoid.axes[:, None] * ellipsoid.directions
    np.testing.assert_allclose(mahalanobis2(ends, group), radius2, rtol=1e-5)
    np.testing.assert_allclose(ellipsoid.directions @ ellipsoid.directions.T, np.eye(3), atol=1e-12)
    assert ellipsoid.outlines.shape == (3, 65, 3)
    np.testing.assert_allclose(mahalanobis2(ellipsoid.outlines.reshape(-1, 3), group), radius2, rtol=1e-5)
    np.testing.assert_array_equal(ellipsoid.outlines[:, 0], ellipsoid.outlines[:, -1])
    for line, missing in zip(
        ellipsoid.outlines, (2, 1, 0), strict=True
    ):  # each in the plane of the other two
        along = (line - ellipsoid.center) @ ellipsoid.directions[missing]
        np.testing.assert_allclose(along, 0, atol=1e-9 * ellipsoid.axes[0])
    assert (np.diff(ellipsoid.axes) <= 0).all()


def test_triangles_close_the_surface_and_face_outward():
    corners = triangles()
    assert corners.shape == (320, 3)
    edges = np.sort(np.concatenate([corners[:, [0, 1]], corners[:, [1, 2]], corners[:, [2, 0]]]), axis=1)
    assert (np.unique(edges, axis=0, return_counts=True)[1] == 2).all()
    ellipsoid = fit_ellipse(draw(np.random.default_rng(1), 50))
    a, b, c = (ellipsoid.mesh[corners[:, i]] - ellipsoid.center for i in range(3))
    volume = np.einsum("ij,ij->i", a, np.cross(b, c)) / 6
    assert (volume > 0).all()
    assert volume.sum() == pytest.approx(ConvexHull(ellipsoid.mesh).volume)
    assert volume.sum() == pytest.approx(4 / 3 * np.pi * ellipsoid.axes.prod(), rel=0.06)


@given(groups(), affine_maps(), st.sampled_from(KINDS))
@settings(max_examples=40)
def test_affine_equivariance(group, affine, kind):
    matrix, shift = affine
    moved = group @ matrix.T + shift
    before, after = fit_ellipse(group, kind=kind), fit_ellipse(moved, kind=kind)
    if before.center is None or after.center is None:
        return
    scale = np.abs(after.mesh).max()
    np.testing.assert_allclose(after.center, before.center @ matrix.T + shift, atol=1e-8 * scale)
    radius2 = squared_radius(kind, len(group), d=3)
    probes = np.random.default_rng(0).standard_normal((60, 3)) * 2
    clear = np.abs(mahalanobis2(probes, group) / radius2 - 1) > 1e-4
    inside = after.contains(probes @ matrix.T + shift)
    np.testing.assert_array_equal(inside[clear], before.contains(probes)[clear])
    np.testing.assert_array_equal(inside[clear], (mahalanobis2(probes, group) <= radius2)[clear])


@given(groups(), st.randoms(use_true_random=False), st.sampled_from(KINDS))
@settings(max_examples=30)
def test_order_of_the_points_does_not_matter(group, random, kind):
    shuffled = list(range(len(group)))
    random.shuffle(shuffled)
    one, other = fit_ellipse(group, kind=kind), fit_ellipse(group[shuffled], kind=kind)
    assert (one.center is None) == (other.center is None)
    assert one.warnings == other.warnings
    if one.center is not None:
        np.testing.assert_allclose(one.mesh, other.mesh, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("n", [0, 1, 2, 3])
@pytest.mark.parametrize("kind", [*KINDS, "robust"])
def test_fewer_than_four_points_are_refused(n, kind):
    ellipsoid = fit_ellipse(np.random.default_rng(n).standard_normal((n, 3)), kind=kind)
    assert ellipsoid.center is ellipsoid.axes is ellipsoid.directions is ellipsoid.mesh is None
    assert ellipsoid.warnings[-1] == f"n = {n}: an ellipsoid needs at least 4 points"


@given(st.integers(4, 60), st.integers(0, 2**32 - 1), st.sampled_from([1, 2]), st.sampled_from(["f4", "f8"]))
@settings(max_examples=60)
def test_points_on_a_line_or_a_plane_are_refused(n, seed, rank, dtype):
    rng = np.random.default_rng(seed)
    flat = rng.standard_normal((n, rank)) @ rng.standard_normal((rank, 3)) + rng.standard_normal(3)
    ellipsoid = fit_ellipse(flat.astype(dtype))
    assert ellipsoid.center is None
    assert "plane" in ellipsoid.warnings[-1]


def test_points_that_are_not_finite_are_left_out():
    group = draw(np.random.default_rng(2), 40)
    spoilt = np.concatenate([group, [[np.nan, 0, 0], [1, np.inf, 1]]])
    clean, ellipsoid = fit_ellipse(group), fit_ellipse(spoilt)
    np.testing.assert_array_equal(ellipsoid.mesh, clean.mesh)
    assert ellipsoid.warnings == ("2 of 42 points are not finite and were left out",)
    assert ellipsoid.contains([[np.nan, 0, 0], ellipsoid.center]).tolist() == [False, True]
    assert fit_ellipse(np.full((9, 3), np.nan)).center is None
    with pytest.raises(SettingError, match=r"\(n, 3\)"):
        ellipsoid.contains([[0, 0]])


def test_observed_coverage_is_the_share_inside():
    group = draw(np.random.default_rng(3), 300)
    ellipsoid = fit_ellipse(group, level=0.8)
    assert ellipsoid.observed_coverage == ellipsoid.contains(group).mean()
    assert ellipsoid.observed_coverage == pytest.approx(0.8, abs=0.08)


def test_robust_is_not_moved_by_outliers():
    rng = np.random.default_rng(4)
    clean, new = draw(rng, 800), draw(rng, 5000)
    spoilt = np.concatenate([clean, draw(rng, 150) + 60.0])
    ellipsoid = fit_ellipse(spoilt, kind="robust")
    assert ellipsoid.contains(new).mean() == pytest.approx(0.95, abs=0.03)
    assert ellipsoid.axes[0] < fit_ellipse(spoilt).axes[0] / 2


def test_words_speak_of_ellipsoids():
    rng = np.random.default_rng(5)
    said = str(fit_ellipse(draw(rng, 9), kind="normal", meaningful=False).warnings)
    assert "an ellipsoid has no meaning" in said
    assert "an ellipsoid of fewer than 10 points is unreliable" in said
    actual = stats.f.cdf(stats.chi2.ppf(0.95, 3) * 9 * 6 / (3 * 10 * 8), 3, 6)
    assert f"covers {actual:.0%} of new normally distributed points, not 95%" in said


def test_several_modes_are_seen_in_space():
    rng = np.random.default_rng(6)
    for direction in ([0.36, 0.48, 0.8], [1, 0, 0], [0.577, -0.577, 0.577]):
        shift = np.where(rng.random(600) < 0.4, 5.0, 0.0)[:, None] * direction
        assert "several groups" in str(fit_ellipse((rng.standard_normal((600, 3)) + shift) @ MIX).warnings)
    for n in (30, 300, 12_000):
        assert all(fit_ellipse(draw(rng, n), level=0.5).warnings == () for _ in range(5))


def test_groups_on_a_map_of_three_dimensions():
    rng = np.random.default_rng(7)
    points, names = draw(rng, 60).astype(np.float32), rng.choice(["a", "b"], 60)
    fitted = fit_ellipses(points, names)
    for name in ("a", "b"):
        alone = fit_ellipse(points[names == name])
        np.testing.assert_array_equal(fitted[name].mesh, alone.mesh)
