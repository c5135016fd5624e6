import numpy as np
import pytest

from model.latent.sampling import draw


def test_every_stratum_has_its_share():
    sample = draw([1000, 10, 1, 489], 150, seed=0)
    assert np.bincount(sample.stratum).tolist() == [100, 2, 1, 49]
    assert (np.diff(sample.rows) > 0).all()
    starts = np.array([0, 1000, 1010, 1011])
    inside = sample.rows - starts[sample.stratum]
    assert (inside >= 0).all()
    assert (inside < sample.there[sample.stratum]).all()
    np.testing.assert_array_equal(draw([1000, 10, 1, 489], 150, seed=0).rows, sample.rows)
    assert not np.array_equal(draw([1000, 10, 1, 489], 150, seed=1).rows, sample.rows)


def test_all_are_drawn_where_there_are_no_more():
    sample = draw([3, 4], 7, seed=0)
    assert sample.complete
    assert sample.rows.tolist() == list(range(7))
    assert sample.mean(np.arange(7.0)) == (3.0, None)


def test_the_mean_is_unbiased_and_its_interval_covers():
    rng = np.random.default_rng(0)
    sizes = [2000, 30, 500]
    values = np.concatenate(
        [rng.exponential(scale, size) for scale, size in zip((1, 20, 4), sizes, strict=True)]
    )
    truth, found, inside = values.mean(), [], 0
    for seed in range(400):
        sample = draw(sizes, 300, seed=seed)
        mean, interval = sample.mean(values[sample.rows])
        found.append(mean)
        inside += interval[0] <= truth <= interval[1]
    assert np.mean(found) == pytest.approx(truth, abs=4 * np.std(found) / 20)
    # Student's factor is left out: of the smallest stratum four are drawn.
    assert 0.88 < inside / 400 < 0.98
