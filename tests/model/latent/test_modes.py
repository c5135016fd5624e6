import numpy as np
import pytest

from model.latent.ellipse import fit_ellipse
from model.latent.modes import has_several_modes


def share_reported(make, n: int, repeats: int = 60) -> float:
    rng = np.random.default_rng(n)
    return float(
        np.mean(["several groups" in str(fit_ellipse(make(rng, n)).warnings) for _ in range(repeats)])
    )


def normal(rng, n):
    return rng.standard_normal((n, 2)) * [9, 0.5]


def skewed(rng, n):
    return rng.exponential(size=(n, 2))


def two_groups(distance, share=0.5):
    def make(rng, n):
        shift = np.where(rng.random(n) < share, distance, 0)[:, None] * [0.6, 0.8]
        return rng.standard_normal((n, 2)) + shift

    return make


def rounded(make, width):
    """The points of another group on a lattice, which lies anywhere beneath them."""
    return lambda rng, n: np.round((make(rng, n) + rng.uniform(0, 9, 2)) / width) * width


def few_places(places):
    """Many copies of each of a few points."""
    return lambda rng, n: rng.standard_normal((places, 2))[rng.integers(0, places, n)]


def in_space(rng, n):
    return rng.standard_normal((n, 3))


@pytest.mark.parametrize("n", [30, 100, 1000, 20_000])
@pytest.mark.parametrize("make", [normal, skewed])
def test_one_group_is_not_reported(make, n):
    assert share_reported(make, n) <= 0.02


def test_two_groups_are_reported():
    assert share_reported(two_groups(6), 100) >= 0.95
    assert share_reported(two_groups(4), 1000) >= 0.95
    assert share_reported(two_groups(5, share=0.2), 1000) >= 0.95


@pytest.mark.parametrize("n", [100, 1000, 10_000])
def test_a_flat_top_is_seldom_reported(n):
    assert share_reported(lambda rng, n: rng.uniform(size=(n, 2)), n) <= 0.1


@pytest.mark.parametrize("n", [100, 1000, 5000])
@pytest.mark.parametrize("width", [0.2, 0.5, 1, 2, (0.2, 1)])
def test_one_group_on_a_lattice_is_not_reported(n, width):
    assert share_reported(rounded(lambda rng, n: rng.standard_normal((n, 2)), width), n, repeats=20) == 0


@pytest.mark.parametrize("width", [0.5, 1])
def test_one_group_on_a_lattice_in_space_is_not_reported(width):
    def make(rng, n):
        return np.round(in_space(rng, n) / width + rng.uniform(0, 9, 3))

    assert share_reported(make, 1000, repeats=20) == 0


@pytest.mark.parametrize("n", [100, 1000, 5000])
@pytest.mark.parametrize("places", [3, 10, 100])
def test_copies_of_a_few_points_are_no_groups(n, places):
    assert share_reported(few_places(places), n, repeats=20) <= 0.05


def test_two_groups_on_a_lattice_are_reported():
    assert share_reported(rounded(two_groups(4), 0.25), 1000, repeats=20) == 1
    assert share_reported(rounded(two_groups(6), 0.5), 100, repeats=20) >= 0.95
    assert share_reported(rounded(two_groups(6), 0.5), 20_000, repeats=5) == 1
    assert share_reported(rounded(two_groups(8), 1), 1000, repeats=20) == 1


def test_two_groups_of_which_each_point_is_there_twice_are_reported():
    def twice(rng, n):
        return two_groups(6)(rng, n // 2).repeat(2, axis=0)

    assert share_reported(twice, 400, repeats=20) == 1


def test_of_points_almost_all_at_two_places_nothing_is_said():
    points = np.repeat([[-1.0, 0], [1, 0], [0, 1], [0, -1]], [500_000, 500_000, 1, 1], axis=0)
    assert not has_several_modes((points - points.mean(0)) / points.std(0))


def test_a_few_stray_points_are_no_group():
    assert share_reported(two_groups(8, share=0.02), 1000) == 0


def test_too_few_points_to_tell():
    rng = np.random.default_rng(0)
    assert not has_several_modes(
        np.concatenate([rng.normal(-1, 0.01, (14, 2)), rng.normal(1, 0.01, (15, 2))])
    )


def test_a_ring_is_reported():
    turn = np.random.default_rng(1).uniform(0, 2 * np.pi, 1000)
    assert has_several_modes(np.sqrt(2) * np.stack([np.cos(turn), np.sin(turn)], axis=1))
