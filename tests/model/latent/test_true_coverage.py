"""What ellipses truly cover, by simulation; docs/ellipses.md has the long version (`make bench-coverage`)."""

import numpy as np
import pytest
from scipy import stats

from model.latent.ellipse import fit_ellipse, squared_radius
from model.latent.robust import robust_location_and_scatter
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
def test_a_fitted_ellipse_covers_what_its_radius_says(d):
    rng = np.random.default_rng(d)
    shares = [
        fit_ellipse(rng.standard_normal((300, d))).contains(rng.standard_normal((2000, d))).mean()
        for _ in range(20)
    ]
    assert np.mean(shares) == pytest.approx(0.95, abs=0.01)


@pytest.mark.parametrize("d", [2, 3])
@pytest.mark.parametrize(("n", "fits"), [(200, 40), (400, 30), (2000, 15)])
def test_a_robust_ellipse_covers_new_points_as_stated(n, fits, d):
    """Within a point, and the error of so few fits; by χ² alone 93.1 and 92.2 % at n = 200."""
    rng = np.random.default_rng([n, d])
    shares = {level: [] for level in (0.68, 0.95, 0.99)}
    for _ in range(fits):
        location, scatter = robust_location_and_scatter(rng.standard_normal((n, d)))
        offset = rng.standard_normal((2000, d)) - location
        distances = np.einsum("ni,ij,nj->n", offset, np.linalg.inv(scatter), offset)
        for level, found in shares.items():
            found.append(np.mean(distances <= squared_radius("robust", n, level=level, d=d)))
    for level, found in shares.items():
        assert np.mean(found) == pytest.approx(level, abs=0.01 + 2 * np.std(found) / fits**0.5)
