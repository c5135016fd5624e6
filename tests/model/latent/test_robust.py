"""The minimum covariance determinant, against scikit-learn's."""

import numpy as np
import pytest
from sklearn.covariance import MinCovDet

from model.latent.robust import MAX_POINTS, robust_location_and_scatter


def whitened(rng, n, d, outliers):
    points = rng.standard_normal((n, d))
    points[: int(n * outliers)] += 8
    points = rng.permutation(points)
    return (points - points.mean(axis=0)) / points.std(axis=0)


@pytest.mark.parametrize("d", [2, 3])
@pytest.mark.parametrize(("n", "outliers"), [(200, 0.0), (400, 0.0), (450, 0.2)])
def test_is_that_of_scikit_learn(n, d, outliers):
    """The same minimum, or one as near as two searches of a rough surface come; tested to be no worse in the next."""
    points = whitened(np.random.default_rng(n + d), n, d, outliers)
    location, scatter = robust_location_and_scatter(points)
    theirs = MinCovDet(random_state=0).fit(points)
    np.testing.assert_allclose(location, theirs.location_, atol=0.04)
    np.testing.assert_allclose(scatter, theirs.covariance_, atol=0.12)


def test_is_that_of_scikit_learn_for_more_points_than_starts_are_searched_among():
    points = whitened(np.random.default_rng(0), 700, 2, 0.4)
    location, scatter = robust_location_and_scatter(points)
    theirs = MinCovDet(random_state=0).fit(points)
    np.testing.assert_allclose(location, theirs.location_, atol=1e-12)
    np.testing.assert_allclose(scatter, theirs.covariance_, atol=1e-12)


@pytest.mark.parametrize("d", [2, 3])
def test_finds_the_majority_where_it_is_small(d):
    points = whitened(np.random.default_rng(d), 300, d, 0.4)
    location, scatter = robust_location_and_scatter(points)
    clean = points[points.sum(axis=1) < 0]
    np.testing.assert_allclose(location, clean.mean(axis=0), atol=0.05)
    assert np.linalg.det(scatter) == pytest.approx(np.linalg.det(np.cov(clean.T)), rel=0.5)


@pytest.mark.parametrize("d", [2, 3])
@pytest.mark.parametrize("n", [250, 2000])
def test_is_singular_where_half_of_the_points_are_flat(n, d):
    rng = np.random.default_rng(0)
    flat = rng.standard_normal((n, d))
    flat[: int(n * 0.6), -1] = 0.3
    same = rng.standard_normal((n, d))
    same[: int(n * 0.6)] = 0.3
    for points in (flat, same):
        _, scatter = robust_location_and_scatter(points)
        assert np.linalg.eigvalsh(scatter)[0] <= 1e-12


def test_many_points_are_drawn_from_and_the_draw_is_seeded():
    points = np.random.default_rng(1).standard_normal((MAX_POINTS * 2, 2))
    first, second = (robust_location_and_scatter(points) for _ in range(2))
    np.testing.assert_array_equal(first[1], second[1])
    np.testing.assert_allclose(first[1], np.eye(2), atol=0.1)
