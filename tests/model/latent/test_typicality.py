"""Strangeness against scipy's F distribution, and against fits that really leave an image out."""

import numpy as np
import pytest
from scipy import stats
from sklearn.covariance import EmpiricalCovariance

from model.latent.typicality import MEASURES, Typicality


def held_out(n, seed=0):
    """Measures as they come: three positive and skewed, one of either sign, correlated."""
    mixing = np.random.default_rng(17).normal(size=(4, 4)) * 0.3
    mixed = np.random.default_rng(seed).normal(size=(n, 4)) @ mixing
    mixed[:, [0, 1, 3]] = np.exp(mixed[:, [0, 1, 3]] - 2)
    mixed[:, 2] += 5
    return mixed


def scaled(measures, floor=0.0):
    values = measures.copy()
    values[:, 0] = np.maximum(values[:, 0], floor)
    values[:, [0, 1, 3]] = np.log(values[:, [0, 1, 3]])
    return values


@pytest.mark.parametrize("n", [6, 78, 1000])
def test_strangeness_is_the_tail_of_hotellings_prediction_region(n):
    measures, new = held_out(n), held_out(50, seed=1)
    fitted = Typicality.fit(measures)
    theirs = EmpiricalCovariance().fit(scaled(measures, fitted.floor))
    squared = theirs.mahalanobis(scaled(new, fitted.floor)) * (n - 1) / n  # sklearn divides by n
    tail = stats.f.sf(n * (n - 4) / ((n + 1) * (n - 1) * 4) * squared, 4, n - 4)
    np.testing.assert_allclose(fitted.strangeness(new), -np.log10(tail), rtol=1e-4, atol=1e-7)


def test_what_is_far_beyond_underflow_still_keeps_its_order():
    fitted = Typicality.fit(held_out(1000))
    far = np.tile(held_out(1), (3, 1))
    far[:, 2] = [1e3, 1e4, 1e5]
    strange = fitted.strangeness(far)
    assert np.isfinite(strange).all()
    assert (np.diff(strange) > 0).all()
    assert strange[0] > 308


def test_left_out_is_what_a_fit_to_the_others_says():
    measures = held_out(30)
    measures[:, 0] += 1  # no image under the floor but the nearest one
    fitted = Typicality.fit(measures)
    values = scaled(measures, fitted.floor)
    expected = []
    for i in range(len(values)):
        others = np.delete(values, i, axis=0)
        offset, n = values[i] - others.mean(axis=0), len(others)
        squared = offset @ np.linalg.inv(np.cov(others.T)) @ offset
        expected.append(-np.log10(stats.f.sf(n * (n - 4) / ((n + 1) * (n - 1) * 4) * squared, 4, n - 4)))
    np.testing.assert_allclose(fitted.strangeness_left_out(measures), expected, rtol=1e-4)


def test_tail_probabilities_of_normal_measures_are_uniform():
    """The statement behind the strangeness: at small n too, where chi-squared would be wrong."""
    rng = np.random.default_rng(3)
    p_values = []
    for _ in range(400):
        values = rng.normal(size=(12, 4))
        values[:, [0, 1, 3]] = np.exp(values[:, [0, 1, 3]])
        p_values.append(10 ** -Typicality.fit(values[:-1]).strangeness(values[-1:])[0])
    assert stats.kstest(p_values, "uniform").pvalue > 0.01


def test_too_near_is_no_outlier_and_too_well_reconstructed_is_one():
    measures = held_out(500)
    fitted = Typicality.fit(measures)
    typical = np.median(measures, axis=0, keepdims=True)
    copy, blank = typical.copy(), typical.copy()
    copy[0, 0] = 0  # a copy of a training image
    blank[0, 3] = measures[:, 3].min() / 1e4
    ordinary = fitted.strangeness_left_out(measures)
    assert fitted.strangeness(copy)[0] < ordinary.max()
    assert fitted.strangeness(blank)[0] > ordinary.max()


def test_a_measure_that_never_varies_does_not_divide_by_zero():
    measures = held_out(40)
    measures[:, 1] = 0.2
    fitted = Typicality.fit(measures)
    assert np.isfinite(fitted.strangeness_left_out(measures)).all()


def test_what_cannot_be_fitted():
    with pytest.raises(ValueError, match="at least 6"):
        Typicality.fit(held_out(5))
    broken = held_out(20)
    broken[3, 1] = np.nan
    with pytest.raises(ValueError, match="not finite"):
        Typicality.fit(broken)
    assert len(MEASURES) == 4
