import numpy as np
import pytest
from scipy import stats
from scipy.spatial.distance import pdist

from model.latent.distance_correlation import distance_correlation
from tests.model.latent.test_map_quality import clouds, projected


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_of_all_pairs_against_scipy(metric):
    embeddings = clouds(150)
    coordinates = projected(embeddings)
    found = distance_correlation(embeddings, coordinates, metric=metric)
    ours, theirs = pdist(embeddings.astype(np.float64), metric), pdist(coordinates.astype(np.float64))
    assert (found.pairs, found.exact) == (150 * 149 // 2, True)
    assert found.spearman.value == pytest.approx(stats.spearmanr(ours, theirs).statistic, abs=1e-9)
    assert found.pearson.value == pytest.approx(stats.pearsonr(ours, theirs).statistic, abs=1e-9)
    assert found.pearson.interval is None


def test_drawn_pairs_estimate_all():
    embeddings = clouds(600)
    coordinates = projected(embeddings)
    whole = distance_correlation(embeddings, coordinates, pairs=10**6)
    inside = {"spearman": 0, "pearson": 0}
    for seed in range(40):
        found = distance_correlation(embeddings, coordinates, pairs=2000, seed=seed)
        assert (found.pairs, found.exact) == (2000, False)
        for name in inside:
            low, high = getattr(found, name).interval
            inside[name] += low <= getattr(whole, name).value <= high
    assert min(inside.values()) >= 33


def test_a_map_to_scale_has_correlation_one_and_one_without_extent_none():
    points = clouds(100, d=2)
    found = distance_correlation(points, 3 * points)
    assert found.pearson.value == pytest.approx(1, abs=1e-6)
    assert found.spearman.value == pytest.approx(1, abs=1e-6)
    for pairs in (1000, 10**6):
        nothing = distance_correlation(points, np.ones((100, 2)), pairs=pairs)
        assert (nothing.pearson, nothing.spearman) == (None, None)
