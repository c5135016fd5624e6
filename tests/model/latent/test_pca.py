import numpy as np
import pytest
from sklearn.decomposition import PCA

from model.latent import pca
from model.latent.features import Features
from model.latent.pca import PCAProjector, PCASettings


def make(n: int, d: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    spread = np.linspace(3, 0.1, d)
    return (rng.standard_normal((n, d)) * spread @ np.linalg.qr(rng.standard_normal((d, d)))[0] + 50).astype(
        np.float32
    )


def fit(embeddings: np.ndarray, rows=None, dimensions: int = 2) -> PCAProjector:
    chosen = np.arange(len(embeddings)) if rows is None else rows
    return PCAProjector.fit(Features(embeddings), chosen, PCASettings(dimensions=dimensions))


def place(fitted: PCAProjector, embeddings: np.ndarray) -> np.ndarray:
    return fitted.transform(Features(embeddings))


@pytest.mark.parametrize("chunk", [7, 100, 8192])
def test_against_scikit_learn(chunk, monkeypatch):
    monkeypatch.setattr(pca, "CHUNK", chunk)
    embeddings = make(1000, 24)
    ours = fit(embeddings, np.r_[0:300, 500:1000])
    train = np.delete(embeddings, np.s_[300:500], axis=0).astype(np.float64)
    theirs = PCA(2, svd_solver="full").fit(train)
    sign = np.sign((ours.components * theirs.components_).sum(axis=1))
    np.testing.assert_allclose(ours.components, theirs.components_ * sign[:, None], atol=1e-9)
    np.testing.assert_allclose(ours.explained_variance_ratio, theirs.explained_variance_ratio_, rtol=1e-9)
    np.testing.assert_allclose(place(ours, embeddings), theirs.transform(embeddings) * sign, atol=1e-9)


def test_rows_that_are_not_named_have_no_say():
    embeddings = make(400, 6)
    spoilt = embeddings.copy()
    spoilt[200:] = 1e6
    np.testing.assert_array_equal(
        fit(embeddings, np.arange(200)).components, fit(spoilt, np.arange(200)).components
    )


def test_signs_are_fixed():
    embeddings = make(300, 10)
    mirrored = 2 * embeddings.mean(axis=0) - embeddings
    for fitted in (fit(embeddings), fit(mirrored)):
        largest = np.abs(fitted.components).argmax(axis=1)
        assert (fitted.components[[0, 1], largest] > 0).all()


def test_a_large_mean_costs_no_digits():
    rng = np.random.default_rng(3)
    embeddings = (rng.integers(-8, 8, (5000, 4)) * [4, 2, 1, 1] + 2**22).astype(
        np.float32
    )  # exact in float32
    fitted = fit(embeddings)
    values = np.linalg.eigvalsh(np.cov((embeddings.astype(np.float64) - 2**22).T))[::-1]
    np.testing.assert_allclose(fitted.explained_variance_ratio, values[:2] / values.sum(), rtol=1e-10)


@pytest.mark.parametrize(("n", "d"), [(1, 5), (2, 5), (40, 1), (3, 2)])
def test_degenerate_data_still_give_a_map(n, d):
    embeddings = make(n, d)
    fitted = fit(embeddings)
    placed = place(fitted, embeddings)
    assert placed.shape == (n, 2)
    assert np.isfinite(placed).all()
    assert 0 <= sum(fitted.explained_variance_ratio) <= 1 + 1e-12


def test_constant_embeddings_explain_nothing():
    fitted = fit(np.ones((20, 4), np.float32))
    assert fitted.explained_variance_ratio == (0, 0)


def test_axis_labels():
    fitted = fit(make(100, 3))
    share = 100 * fitted.explained_variance_ratio[0]
    assert fitted.axis_labels[0] == f"PC 1 ({share:.0f} %)"


def test_three_dimensions_and_no_rows():
    assert place(fit(make(50, 8), dimensions=3), make(2, 8)).shape == (2, 3)
    with pytest.raises(ValueError, match="at least one row"):
        fit(make(50, 8), np.arange(0))


def test_stored_and_restored():
    features = Features(make(50, 8))
    fitted = fit(features.embeddings)
    again = PCAProjector.restore(fitted.tensors(), fitted.description(), features)
    np.testing.assert_array_equal(place(again, make(5, 8)), place(fitted, make(5, 8)))
    tensors = fitted.tensors()
    with pytest.raises(ValueError, match="do not fit"):
        PCAProjector.restore(tensors | {"mean": tensors["mean"][:3]}, fitted.description(), features)
    with pytest.raises(ValueError, match="not finite"):
        PCAProjector.restore(tensors | {"mean": tensors["mean"] * np.nan}, fitted.description(), features)
