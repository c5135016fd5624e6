"""What ellipses truly cover, by simulation; docs/ellipses.md has the long version (`make bench-coverage`)."""

import numpy as np
import pytest
from scipy import stats

from model.latent.ellipse import fit_ellipse, squared_radius
from tests.benchmarks.coverage.simulation import squared_distances

LEVELS = (0.5, 0.9, 0.95, 0.99)
FITS = {10: 8000, 30: 4000, 200: 800, 2000: 100}


@pytest.mark.parametrize("d", [2, 3])
@pytest.mark.parametrize("n", list(FITS))
def test_prediction_covers_new_points_as_stated(n, d):
    new = squared_distances(n, d, FITS[n], 200)
    for level in LEVELS:
        covered = np.mean(new <= squared_radius("prediction", n, level=level, d=d))
        assert covered == pytest.approx(level, abs=0.01)


@pytest.mark.parametrize("d", [2, 3])
@pytest.mark.parametrize("n", [10, 30])
def test_mean_covers_the_true_mean_as_stated(n, d):
    center = squared_distances(n, d, FITS[n], 0)
    for level in LEVELS:
        covered = np.mean(center <= squared_radius("mean", n, level=level, d=d))
        assert covered == pytest.approx(level, abs=0.02 if level == 0.5 else 0.012)


@pytest.mark.parametrize(
    ("n", "d", "covered"), [(10, 2, 0.849), (10, 3, 0.772), (30, 2, 0.922), (2000, 3, 0.95)]
)
def test_normal_and_sigma_cover_too_little_of_small_groups(n, d, covered):
    new = squared_distances(n, d, FITS[n], 200)
    assert np.mean(new <= squared_radius("normal", n, d=d)) == pytest.approx(covered, abs=0.01)
    k = stats.chi2.ppf(0.95, d) ** 0.5
    assert np.mean(new <= squared_radius("sigma", n, k=k, d=d)) == pytest.approx(covered, abs=0.01)


@pytest.mark.parametrize("d", [2, 3])
@pytest.mark.parametrize(
    ("kind", "n", "covered"), [("prediction", 300, 0.95), ("robust", 200, 0.925), ("robust", 2000, 0.95)]
)
def test_a_fitted_ellipse_covers_what_its_radius_says(kind, n, covered, d):
    """The robust one covers a little less where n is small: scikit-learn's, at n = 200, 93 % in both."""
    rng = np.random.default_rng(d)
    shares = [
        fit_ellipse(rng.standard_normal((n, d)), kind=kind).contains(rng.standard_normal((2000, d))).mean()
        for _ in range(20)
    ]
    assert np.mean(shares) == pytest.approx(covered, abs=0.02 if n == 200 else 0.01)
