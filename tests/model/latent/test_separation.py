import numpy as np
import pytest
from sklearn.metrics import silhouette_score

from model.latent.probes import Labelled
from model.latent.separation import SILHOUETTE_IMAGES, separation


def clouds(n, apart, seed):
    """Two data sets, the first twice as large, `apart` standard deviations apart along one of 16 directions."""
    rng = np.random.default_rng(seed)
    labels = np.repeat([0, 1], [2 * n, n])
    x = rng.normal(size=(3 * n, 16)) + 1
    x[:, 0] += apart * labels
    return Labelled(x.astype(np.float32), labels)


def test_data_sets_far_apart_are_told():
    found = separation(clouds(100, 12, 0), clouds(30, 12, 1), clouds(60, 12, 2))
    assert found["linear"]["accuracy"] > 0.98
    assert found["knn"]["accuracy"] > 0.95
    assert found["silhouette"]["value"] > 0.3
    assert found["chance"] == pytest.approx(2 / 3)


def test_data_sets_that_are_one_are_not_told():
    found = separation(clouds(100, 0, 0), clouds(30, 0, 1), clouds(60, 0, 2))
    assert found["linear"]["accuracy"] < found["chance"] + 0.1
    assert found["linear"]["auc_interval"][0] < 0.5 < found["linear"]["auc_interval"][1]
    assert abs(found["silhouette"]["value"]) < 0.05


def test_the_silhouette_is_scikit_learns():
    evaluated = clouds(60, 3, 2)
    found = separation(clouds(60, 3, 0), None, evaluated)["silhouette"]
    expected = silhouette_score(evaluated.embeddings, evaluated.labels, metric="cosine")
    assert found["n"] == len(evaluated) < SILHOUETTE_IMAGES
    assert found["value"] == pytest.approx(expected, abs=1e-5)
    assert found["interval"][0] < found["value"] < found["interval"][1]


def test_a_large_split_is_sub_sampled(monkeypatch):
    monkeypatch.setattr("model.latent.separation.SILHOUETTE_IMAGES", 50)
    found = [separation(clouds(60, 3, 0), None, clouds(60, 3, 2))["silhouette"] for _ in range(2)]
    assert found[0]["n"] == 50
    assert found[0] == found[1]


def test_one_image_of_each_data_set_has_no_silhouette():
    evaluated = Labelled(np.eye(2, 16, dtype=np.float32), np.array([0, 1]))
    assert separation(clouds(20, 3, 0), None, evaluated)["silhouette"] is None
