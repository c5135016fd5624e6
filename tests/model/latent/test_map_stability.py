import numpy as np
import pytest
from scipy.spatial import procrustes

from model.latent.errors import SettingError
from model.latent.map_stability import stability
from tests.model.latent.test_map_quality import clouds


def test_the_same_map_moved_turned_mirrored_and_scaled_is_the_same():
    points = clouds(200, d=2).astype(np.float64)
    turn = np.array([[0.6, -0.8], [0.8, 0.6]])
    found = stability([points, points @ turn * 7 + 100, points * [-1, 1]])
    assert found.fits == 3
    assert len(found.disparities) == 3
    assert found.largest == pytest.approx(0, abs=1e-12)


def test_against_scipy_and_chance():
    rng = np.random.default_rng(0)
    fits = [rng.normal(size=(2000, 3)) for _ in range(3)]
    found = stability(fits)
    theirs = [procrustes(fits[i], fits[j])[2] for i, j in ((0, 1), (0, 2), (1, 2))]
    np.testing.assert_allclose(found.disparities, theirs)
    assert found.mean == pytest.approx(np.mean(theirs))
    assert found.largest == max(found.disparities) <= 1
    assert found.mean > 0.98


@pytest.mark.parametrize(
    ("fits", "words"),
    [
        ([np.zeros((5, 2))], "at least two"),
        ([np.eye(5)[:, :2], np.eye(5)[:, :3]], "same shape"),
        ([np.eye(5)[:, :2], np.ones((5, 2))], "at one place"),
        ([np.eye(5)[:, :2], np.full((5, 2), np.nan)], "not finite"),
    ],
)
def test_what_cannot_be_compared(fits, words):
    with pytest.raises(SettingError, match=words):
        stability(fits)
