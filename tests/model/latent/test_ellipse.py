import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.patches import Ellipse as DrawnEllipse
from scipy import stats

from model.latent.ellipse import Ellipse, fit_ellipse, fit_ellipses, squared_radius
from model.latent.errors import SettingError

KINDS = ("prediction", "mean", "normal", "sigma")
MEAN = np.array([3.0, -7.0])
MIX = np.array([[4.0, 1.0], [0.5, 0.3]])  # the group is a standard normal, mixed: correlated, elongated


def draw(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return rng.standard_normal((*shape, 2)) @ MIX + MEAN


@st.composite
def groups(draw_from, min_size=3, max_size=40):
    n = draw_from(st.integers(min_size, max_size))
    seed = draw_from(st.integers(0, 2**32 - 1))
    return np.random.default_rng(seed).standard_normal((n, 2))


@st.composite
def affine_maps(draw_from):
    """An invertible matrix of moderate condition, and a shift."""
    turn, tilt = draw_from(st.floats(0, 2 * np.pi)), draw_from(st.floats(0, 2 * np.pi))
    scale = [10 ** draw_from(st.floats(-2, 2)) for _ in range(2)]
    flip = draw_from(st.sampled_from([1.0, -1.0]))
    shift = [draw_from(st.floats(-100, 100)) for _ in range(2)]
    return rotation(turn) @ np.diag(scale) @ rotation(tilt) @ np.diag([1.0, flip]), np.array(shift)


def rotation(angle: float) -> np.ndarray:
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def mahalanobis2(points: np.ndarray, group: np.ndarray) -> np.ndarray:
    offset = points - group.mean(axis=0)
    return np.einsum("ij,ij->i", offset @ np.linalg.inv(np.cov(group.T)), offset)


# --- what the kinds promise, by simulation (`make bench-coverage` simulates far more) ---


def true_coverage(n: int, repeats: int, new: int = 200, **settings_) -> float:
    """Mean share of new points of the same distribution, fresh ones for each fit, that fall inside."""
    rng = np.random.default_rng(n)
    shares = [fit_ellipse(draw(rng, n), **settings_).contains(draw(rng, new)).mean() for _ in range(repeats)]
    return float(np.mean(shares))


@pytest.mark.parametrize("n", [10, 30, 200])
def test_prediction_covers_new_points_as_stated(n):
    assert true_coverage(n, 600) == pytest.approx(0.95, abs=0.01)


def test_prediction_covers_new_points_at_another_level():
    assert true_coverage(15, 800, level=0.5) == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize("n", [10, 200])
def test_mean_covers_the_true_mean_as_stated(n):
    rng = np.random.default_rng(n)
    hits = [fit_ellipse(draw(rng, n), kind="mean").contains([MEAN])[0] for _ in range(1500)]
    assert np.mean(hits) == pytest.approx(0.95, abs=0.015)  # 2.7 standard errors


def test_normal_covers_too_little_of_small_groups_and_says_how_much():
    assert true_coverage(10, 2000, kind="normal") == pytest.approx(0.85, abs=0.01)
    assert "covers 85% of new normally distributed points, not 95%" in str(
        fit_ellipse(draw(np.random.default_rng(0), 10), kind="normal").warnings
    )


def test_normal_covers_as_stated_in_large_groups():
    assert true_coverage(2000, 50, new=5000, kind="normal") == pytest.approx(0.95, abs=0.01)


@pytest.mark.parametrize(("k", "coverage"), [(1, 0.393), (2, 0.865), (3, 0.989)])
def test_sigma_states_and_has_its_two_dimensional_coverage(k, coverage):
    assert fit_ellipse(draw(np.random.default_rng(1), 20), kind="sigma", k=k).level == pytest.approx(
        coverage, abs=5e-4
    )
    assert true_coverage(2000, 50, new=5000, kind="sigma", k=k) == pytest.approx(coverage, abs=0.01)


def test_robust_covers_about_as_stated_and_is_not_moved_by_outliers():
    rng = np.random.default_rng(5)
    clean, new = draw(rng, 1000), draw(rng, 5000)
    spoilt = np.concatenate([clean, draw(rng, 150) + 60.0])
    assert fit_ellipse(clean, kind="robust").contains(new).mean() == pytest.approx(0.95, abs=0.02)
    assert fit_ellipse(spoilt, kind="robust").contains(new).mean() == pytest.approx(0.95, abs=0.03)
    assert fit_ellipse(spoilt, kind="robust").axes[0] < fit_ellipse(spoilt).axes[0] / 2


def test_radii_against_the_formulas_written_out():
    # 2(n+1)(n-1)/(n(n-2)) F at n=12: 2*13*11/(12*10) = 2.38333; F(2, 10) at 95 % is 4.10282 in printed tables.
    assert squared_radius("prediction", 12) == pytest.approx(2.383333 * 4.102821, rel=1e-5)
    assert squared_radius("mean", 12) == pytest.approx(2 * 11 / 120 * 4.102821, rel=1e-5)
    assert squared_radius("normal", 12) == pytest.approx(5.991465, rel=1e-6)
    assert squared_radius("sigma", 12, k=3) == 9
    assert squared_radius("prediction", 10**7) == pytest.approx(stats.chi2.ppf(0.95, 2), rel=1e-5)


def test_sigma_is_the_ellipse_that_matplotlib_draws():
    """Matplotlib's own recipe: width and height 2k·sqrt(eigenvalue), turned by the eigenvector."""
    group = draw(np.random.default_rng(2), 60)
    values, vectors = np.linalg.eigh(np.cov(group.T))
    angle = np.degrees(np.arctan2(vectors[1, 1], vectors[0, 1]))
    width, height = 6 * np.sqrt(values[::-1])
    drawn = DrawnEllipse(tuple(group.mean(axis=0)), width, height, angle=float(angle))
    ours = fit_ellipse(group, kind="sigma", k=3)
    inward, outward = (ours.center + (ours.outline - ours.center) * s for s in (0.9999, 1.0001))
    assert drawn.contains_points(drawn.get_transform().transform(inward), radius=0).size == 65
    patch = drawn.get_patch_transform().inverted()
    assert (np.linalg.norm(patch.transform(inward), axis=1) < 1).all()
    assert (np.linalg.norm(patch.transform(outward), axis=1) > 1).all()


# --- geometry ---


@given(groups(), st.sampled_from(KINDS), st.floats(0.01, 0.99))
@settings(max_examples=60)
def test_outline_lies_on_the_mahalanobis_contour(group, kind, level):
    ellipse = fit_ellipse(group, kind=kind, level=level)
    radius2 = squared_radius(kind, len(group), level=level)
    assert ellipse.outline.shape == (65, 2)
    np.testing.assert_array_equal(ellipse.outline[0], ellipse.outline[-1])
    np.testing.assert_allclose(mahalanobis2(ellipse.outline, group), radius2, rtol=1e-5)


@given(groups(), affine_maps())
@settings(max_examples=60)
def test_axes_and_angle_fit_the_outline(group, affine):
    ellipse = fit_ellipse(group @ affine[0].T + affine[1])
    if ellipse.center is None:  # a group so narrow that it counts as a line
        return
    reach = np.linalg.norm(ellipse.outline - ellipse.center, axis=1)
    assert reach.max() == pytest.approx(ellipse.axes[0], rel=1e-6)
    assert reach[16] == pytest.approx(ellipse.axes[1], rel=1e-6)
    assert ellipse.axes[0] >= ellipse.axes[1] > 0
    assert -90 < ellipse.angle <= 90
    turned = np.radians(ellipse.angle)
    end = ellipse.center + ellipse.axes[0] * np.array([np.cos(turned), np.sin(turned)])
    np.testing.assert_allclose(ellipse.outline[0], end, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("angle", [-89, -45, 0, 30, 90])
def test_angle_of_a_known_direction(angle):
    rng = np.random.default_rng(3)
    z = rng.standard_normal((500, 2))
    white = (z - z.mean(0)) @ np.linalg.inv(np.linalg.cholesky(np.cov(z.T))).T
    ellipse = fit_ellipse(white * [5, 1] @ rotation(np.radians(angle)).T, kind="sigma", k=1)
    assert abs((ellipse.angle - angle + 90) % 180 - 90) < 1e-6
    np.testing.assert_allclose(ellipse.axes, [5, 1], rtol=1e-6)


@given(groups(), affine_maps(), st.sampled_from(KINDS))
@settings(max_examples=60)
def test_affine_equivariance(group, affine, kind):
    matrix, shift = affine
    before = fit_ellipse(group, kind=kind)
    after = fit_ellipse(group @ matrix.T + shift, kind=kind)
    if before.center is None or after.center is None:
        return
    scale = np.abs(after.outline).max()
    np.testing.assert_allclose(after.center, before.center @ matrix.T + shift, atol=1e-8 * scale)
    # The outlines start elsewhere, but are the same curve: each maps onto the other's contour.
    moved = before.outline @ matrix.T + shift
    np.testing.assert_allclose(
        mahalanobis2(moved, group @ matrix.T + shift), squared_radius(kind, len(group)), rtol=1e-4
    )
    probes = np.random.default_rng(0).standard_normal((50, 2)) * 2
    clear = np.abs(mahalanobis2(probes, group) / squared_radius(kind, len(group)) - 1) > 1e-4
    np.testing.assert_array_equal(
        after.contains(probes @ matrix.T + shift)[clear], before.contains(probes)[clear]
    )


@given(groups(), st.randoms(use_true_random=False), st.sampled_from(KINDS))
@settings(max_examples=40)
def test_order_of_the_points_does_not_matter(group, random, kind):
    shuffled = list(range(len(group)))
    random.shuffle(shuffled)
    one, other = fit_ellipse(group, kind=kind), fit_ellipse(group[shuffled], kind=kind)
    if one.center is None or other.center is None:
        assert one.center is None
        assert other.center is None
        return
    np.testing.assert_allclose(one.center, other.center, atol=1e-12)
    np.testing.assert_allclose(one.axes, other.axes, rtol=1e-7)
    assert one.warnings == other.warnings


@pytest.mark.parametrize("scale", [1e-200, 1e-30, 1e30, 1e200])
def test_any_scale(scale):
    group = np.random.default_rng(4).standard_normal((50, 2))
    small, large = fit_ellipse(group), fit_ellipse(group * scale)
    np.testing.assert_allclose(large.axes, small.axes * scale, rtol=1e-9)
    assert large.observed_coverage == small.observed_coverage


def test_observed_coverage_is_the_share_inside():
    group = draw(np.random.default_rng(6), 300)
    ellipse = fit_ellipse(group, level=0.8)
    assert ellipse.observed_coverage == np.mean(
        mahalanobis2(group, group) <= squared_radius("prediction", 300, level=0.8)
    )


# --- refusals and warnings ---


def refused(ellipse: Ellipse) -> bool:
    geometry = (ellipse.center, ellipse.axes, ellipse.angle, ellipse.outline, ellipse.observed_coverage)
    assert all(g is None for g in geometry) or all(g is not None for g in geometry)
    return ellipse.center is None


@pytest.mark.parametrize("n", [0, 1, 2])
@pytest.mark.parametrize("kind", [*KINDS, "robust"])
def test_fewer_than_three_points_are_refused(n, kind):
    ellipse = fit_ellipse(np.arange(2.0 * n).reshape(n, 2), kind=kind)
    assert refused(ellipse)
    assert ellipse.n == n
    assert f"n = {n}" in ellipse.warnings[-1]
    with pytest.raises(ValueError, match="nothing was fitted"):
        ellipse.contains([[0, 0]])


@given(
    st.lists(st.floats(-1e3, 1e3), min_size=3, max_size=30),
    st.floats(-1e3, 1e3),
    st.floats(-1e3, 1e3),
    st.sampled_from([np.float32, np.float64]),
)
@settings(max_examples=100)
def test_points_on_a_line_are_refused(along, slope, offset, dtype):
    x = np.array(along)
    for line in (np.stack([x, slope * x + offset], axis=1), np.stack([slope * x + offset, x], axis=1)):
        assert refused(fit_ellipse(line.astype(dtype)))


def test_equal_points_are_refused():
    assert refused(fit_ellipse(np.full((50, 2), 0.1)))
    assert refused(fit_ellipse(np.zeros((50, 2))))


def test_points_that_are_not_finite_are_left_out_and_counted():
    group = draw(np.random.default_rng(7), 40)
    spoilt = np.concatenate([group, [[np.nan, 0], [np.inf, 1], [2, -np.inf]]])
    clean, ellipse = fit_ellipse(group), fit_ellipse(spoilt)
    assert ellipse.n == 40
    np.testing.assert_array_equal(ellipse.outline, clean.outline)
    assert ellipse.observed_coverage == clean.observed_coverage
    assert ellipse.warnings == ("3 of 43 points are not finite and were left out",)
    assert not ellipse.contains([[np.nan, 0.0]])[0]
    assert refused(fit_ellipse(np.full((5, 2), np.nan)))


def test_few_points_are_unreliable():
    rng = np.random.default_rng(8)
    assert "unreliable" in str(fit_ellipse(draw(rng, 9)).warnings)
    assert fit_ellipse(draw(rng, 10)).warnings == ()


def test_robust_needs_two_hundred_points_and_a_spread_half():
    rng = np.random.default_rng(9)
    assert refused(fit_ellipse(draw(rng, 199), kind="robust"))
    assert not refused(fit_ellipse(draw(rng, 200), kind="robust"))
    half_one_point = np.concatenate([np.ones((150, 2)), draw(rng, 100)])
    assert refused(fit_ellipse(half_one_point, kind="robust"))


def test_robust_of_many_points_says_that_it_drew():
    ellipse = fit_ellipse(draw(np.random.default_rng(10), 6000), kind="robust")
    assert "5,000 points drawn at random (seeded) from 6,000" in str(ellipse.warnings)
    assert ellipse.n == 6000


def test_a_map_without_proportions_is_said():
    ellipse = fit_ellipse(draw(np.random.default_rng(11), 50), meaningful=False)
    assert "no meaning" in ellipse.warnings[0]


@pytest.mark.parametrize("settings_", [{"level": 95}, {"level": 0}, {"level": 1}, {"level": np.nan}, {"k": 0},
                                       {"kind": "circle"}])  # fmt: skip
def test_settings_out_of_range(settings_):
    with pytest.raises(SettingError) as caught:
        fit_ellipse(np.zeros((5, 2)), **settings_)
    assert "\n" not in str(caught.value)


def test_points_of_another_shape():
    with pytest.raises(SettingError, match="must be"):
        fit_ellipse(np.zeros((5, 4)))


def test_a_very_large_k_is_no_error():
    assert fit_ellipse(draw(np.random.default_rng(12), 20), kind="sigma", k=20).level == 1.0


# --- groups ---


@pytest.mark.parametrize("names", [np.array(["wrist", "chest", "skin"]), np.array([7, 0, -2])])
def test_groups_are_fitted_apart_in_order_of_appearance(names):
    rng = np.random.default_rng(13)
    points = draw(rng, 90)
    labels = np.concatenate([names, names[rng.integers(0, 3, 87)]])
    fitted = fit_ellipses(points, labels, kind="normal", level=0.9)
    assert list(fitted) == names.tolist()
    for name in names:
        alone = fit_ellipse(points[labels == name], kind="normal", level=0.9)
        np.testing.assert_array_equal(fitted[name.item()].outline, alone.outline)
        assert fitted[name.item()].observed_coverage == alone.observed_coverage


def test_groups_that_do_not_fit_the_points():
    assert fit_ellipses(np.empty((0, 2)), np.array([], dtype="U1")) == {}
    with pytest.raises(SettingError, match="as many groups"):
        fit_ellipses(np.zeros((3, 2)), ["a", "b"])
