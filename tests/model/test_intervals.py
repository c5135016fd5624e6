import numpy as np
import pytest
from scipy import stats

from model.intervals import (
    correlations,
    independent_mean_interval,
    mean_interval,
    proportion_interval,
    related_mean_interval,
)


def coverage(draw, truth, repeats):
    intervals = np.array([mean_interval(draw()) for _ in range(repeats)])
    return np.mean((intervals[:, 0] <= truth) & (truth <= intervals[:, 1]))


def test_without_skewness_it_is_students_interval():
    half = np.random.default_rng(0).normal(size=20)
    values = 3 + np.concatenate([half, -half])
    expected = stats.t.interval(0.95, len(values) - 1, values.mean(), stats.sem(values))
    assert mean_interval(values) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(("n", "least"), [(10, 0.88), (30, 0.91), (150, 0.925)])
def test_it_covers_the_mean_of_skewed_figures(n, least):
    rng = np.random.default_rng(1)
    assert coverage(lambda: rng.lognormal(size=n), np.exp(0.5), 3000) >= least


def test_it_covers_better_than_student_where_figures_are_skewed():
    rng = np.random.default_rng(2)
    samples = rng.exponential(size=(4000, 10))
    ours = np.array([mean_interval(sample) for sample in samples])
    error = stats.sem(samples, axis=1)
    student = np.stack(stats.t.interval(0.95, 9, samples.mean(axis=1), error), axis=1)
    covered = [np.mean((limits[:, 0] <= 1) & (limits[:, 1] >= 1)) for limits in (ours, student)]
    assert covered[0] > covered[1] + 0.02


def test_mirroring_and_scaling_figures_does_so_to_the_interval():
    values = np.random.default_rng(3).gamma(2.0, size=50)
    low, high = mean_interval(values)
    assert mean_interval(5 - 2 * values) == pytest.approx((5 - 2 * high, 5 - 2 * low))


def test_the_longer_arm_points_to_the_longer_tail():
    values = np.random.default_rng(4).exponential(size=40)
    low, high = mean_interval(values)
    assert high - values.mean() > values.mean() - low > 0


def test_one_figure_has_no_interval_and_equal_ones_a_point():
    assert mean_interval([30.0]) is None
    assert mean_interval(np.full(50, 0.1, dtype=np.float32)) == pytest.approx((0.1, 0.1))


def test_wilsons_interval_has_the_published_value():
    # As prop.test of R has it, without continuity correction.
    assert proportion_interval(8, 10) == pytest.approx((0.4901625, 0.9433178), abs=1e-6)
    assert proportion_interval(0, 5)[0] == 0
    assert proportion_interval(5, 5)[1] == 1


@pytest.mark.parametrize(("successes", "n"), [(0, 1), (1, 1), (3, 7), (250, 524), (707_000, 707_962)])
@pytest.mark.parametrize("level", [0.5, 0.95, 0.99])
def test_wilsons_interval_is_that_of_scipy(successes, n, level):
    theirs = stats.binomtest(successes, n).proportion_ci(level, method="wilson")
    assert proportion_interval(successes, n, level) == pytest.approx((theirs.low, theirs.high), abs=1e-12)


def test_the_mean_over_data_sets_is_covered_too():
    rng = np.random.default_rng(5)
    covered = 0
    for _ in range(1500):
        samples = [rng.normal(30, 1, 20), rng.normal(20, 5, 50), 10 + rng.exponential(size=100)]
        intervals = [mean_interval(s) for s in samples]
        low, high = independent_mean_interval([s.mean() for s in samples], intervals)
        covered += low <= (30 + 20 + 11) / 3 <= high
    assert 0.935 <= covered / 1500 <= 0.97


def test_the_mean_has_no_interval_where_a_data_set_has_none():
    assert independent_mean_interval([1.0, 2.0], [(0.0, 2.0), None]) is None
    assert independent_mean_interval([1.0], [(0.5, 2.0)]) == (0.5, 2.0)


def test_a_mean_of_related_figures_lies_between_independent_ones_and_the_same_one():
    estimates, limits = [0.5, 0.7], [(0.4, 0.55), (0.6, 0.9)]
    apart = related_mean_interval(estimates, limits, np.eye(2))
    assert apart == pytest.approx(independent_mean_interval(estimates, limits))
    assert related_mean_interval(estimates, limits, np.ones((2, 2))) == pytest.approx((0.5, 0.725))


def test_correlations_are_those_of_the_influences_so_far_as_they_are_known():
    influences = np.array([[1.0, -1, 0, 0], [2.0, -2, 0, 0], [0, 0, 1.0, -1], [0, 0, 0, 0]])
    found = correlations(influences, np.array([3.0, 1.0, 9.0, 0.0]), unknown=0.5)
    assert found[0] == pytest.approx([1, 1.5 / 2, 0.5 / 4, 0.5])
    assert found == pytest.approx(found.T)
    assert found.diagonal() == pytest.approx(1)
