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


@pytest.mark.parametrize("n", [30, 100, 1000, 20_000])
@pytest.mark.parametrize("make", [normal, skewed])
def test_one_group_is_not_reported(make, n):
    assert share_reported(make, n) <= 0.02


def test_two_groups_are_reported():
    assert share_reported(two_groups(6), 100) >= 0.95
    assert share_reported(two_groups(4), 1000) >= 0.95
    assert share_reported(two_groups(5, share=0.2), 1000) >= 0.95


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
