"""Pairwise overlap of groups."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

from model.latent.ellipse import fit_ellipse, fit_parts
from model.latent.errors import SettingError
from model.latent.overlap import MAX_OVERLAPPING, bhattacharyya, overlaps


def compare(*parts, **settings_):
    fitted = fit_parts(parts, **settings_)
    return overlaps(parts, fitted, [f"group {number}" for number in range(len(parts))])


@pytest.mark.parametrize(("mean", "spread"), [(0.0, 1.0), (1.5, 1.0), (0.0, 3.0), (-2.0, 0.4)])
def test_coefficient_is_the_integral_of_the_root_of_both_densities(mean, spread):
    distance = bhattacharyya(np.zeros(1), np.eye(1), np.array([mean]), np.array([[spread**2]]))
    one, other = stats.norm(), stats.norm(mean, spread)
    integral, _ = integrate.quad(lambda x: np.sqrt(one.pdf(x) * other.pdf(x)), -30, 30)
    assert np.exp(-distance) == pytest.approx(integral, rel=1e-6)


def test_distance_of_two_groups_by_hand():
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((400, 2)) * [1, 3], rng.standard_normal((300, 2)) + np.array([2, 1])
    middle = (np.cov(a.T) + np.cov(b.T)) / 2
    offset = a.mean(axis=0) - b.mean(axis=0)
    expected = offset @ np.linalg.inv(middle) @ offset / 8 + 0.5 * np.log(
        np.linalg.det(middle) / np.sqrt(np.linalg.det(np.cov(a.T)) * np.linalg.det(np.cov(b.T)))
    )
    [pair] = compare(a, b)
    assert pair.uncorrected == pytest.approx(expected)
    assert pair.interval[0] < pair.distance < pair.uncorrected < pair.interval[1]
    assert pair.coefficient == pytest.approx(np.exp(-pair.distance))
    assert pair.coefficient_interval[0] < pair.coefficient < pair.coefficient_interval[1]
    assert pair.first_in_second == fit_ellipse(b).contains(a).mean()
    assert pair.second_in_first == fit_ellipse(a).contains(b).mean()
    assert pair.warnings == ()


@pytest.mark.parametrize("d", [2, 3])
@pytest.mark.parametrize(("n", "delta"), [(10, 0.0), (10, 2.0), (50, 0.0), (50, 1.0)])
def test_distance_is_corrected_and_its_interval_covers(n, delta, d):
    """Of groups of 10 from one distribution the plain distance is 0.16 too large, in three dimensions 0.29."""
    rng = np.random.default_rng(n)
    shift = np.eye(d)[0] * delta
    pairs = [
        compare(rng.standard_normal((n, d)), rng.standard_normal((2 * n, d)) + shift)[0] for _ in range(80)
    ]
    truth = delta**2 / 8
    error = abs(np.mean([pair.distance for pair in pairs]) - truth)
    assert error < 0.5 * abs(np.mean([pair.uncorrected for pair in pairs]) - truth)
    assert np.mean([low <= truth <= high for low, high in (pair.interval for pair in pairs)]) >= 0.9
    assert (n < 30) == ("uncertain" in str(pairs[0].warnings))


def test_below_ten_points_there_is_an_interval_but_no_distance():
    """The corrected distance of such groups would be far too small: they would seem to overlap."""
    rng = np.random.default_rng(0)
    pair = compare(rng.standard_normal((9, 2)), rng.standard_normal((200, 2)) + 4)[0]
    assert pair.distance is None
    assert pair.coefficient is None
    assert pair.interval[0] < pair.uncorrected
    assert pair.warnings == (
        "a group of fewer than 10 points: no distance, only its interval and the formula's, which is too large",
    )
    assert compare(rng.standard_normal((10, 2)), rng.standard_normal((200, 2)))[0].distance is not None


@given(st.integers(0, 2**32 - 1), st.sampled_from([2, 3]))
@settings(max_examples=15)
def test_overlap_does_not_depend_on_the_coordinates(seed, d):
    rng = np.random.default_rng(seed)
    a, b = rng.standard_normal((40, d)), rng.standard_normal((60, d)) * 2 + 1
    matrix = np.linalg.qr(rng.standard_normal((d, d)))[0] * rng.uniform(0.1, 10, d)
    shift = rng.standard_normal(d) * 20
    [before], [after] = compare(a, b), compare(a @ matrix + shift, b @ matrix + shift)
    assert after.uncorrected == pytest.approx(before.uncorrected, rel=1e-6)
    assert after.distance == pytest.approx(before.distance, abs=0.05)
    assert after.first_in_second == pytest.approx(before.first_in_second, abs=0.03)


def test_all_pairs_in_order():
    rng = np.random.default_rng(1)
    pairs = compare(*(rng.standard_normal((30, 2)) + 2 * i for i in range(4)))
    assert [(p.first, p.second) for p in pairs] == [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)]
    assert pairs[0].distance < pairs[1].distance < pairs[2].distance


def test_what_cannot_be_compared_is_said():
    rng = np.random.default_rng(2)
    spread, line = rng.standard_normal((50, 2)), np.arange(20.0)[:, None] * [1, 2] / 20
    spoilt = np.concatenate([spread + 1, [[np.nan, 0]]])
    pairs = compare(spread, line, line[:2], spoilt)
    for pair in pairs[:2]:
        assert pair.distance is pair.interval is pair.uncorrected is pair.coefficient is None
        assert pair.first_in_second is None
        assert pair.second_in_first is not None
    assert "group 1: n = 20, or flat" in pairs[0].warnings[0]
    assert "group 2: n = 2" in pairs[1].warnings[0]
    assert pairs[2].distance is not None
    assert compare(np.empty((0, 2)), spread)[0].first_in_second is None
    assert compare(spread) == []
    assert overlaps([], [], []) == []


def test_several_modes_are_said():
    rng = np.random.default_rng(3)
    two = rng.standard_normal((400, 2)) + np.where(rng.random(400) < 0.5, 7, 0)[:, None]
    [pair] = compare(two, rng.standard_normal((400, 2)))
    assert "falls into several" in pair.warnings[-1]


def test_many_groups_are_refused():
    parts = [np.zeros((3, 2))] * (MAX_OVERLAPPING + 1)
    with pytest.raises(SettingError, match="51 groups are too many"):
        compare(*parts)


@pytest.mark.parametrize("scale", [1e-30, 1e30])
def test_any_scale(scale):
    rng = np.random.default_rng(4)
    a, b = rng.standard_normal((50, 2)), rng.standard_normal((50, 2)) + 1
    [small], [large] = compare(a, b), compare(a * scale, b * scale)
    assert large.distance == pytest.approx(small.distance)
    assert large.first_in_second == small.first_in_second
