"""UMAP and t-SNE against the packages that fit them.

On whole numbers below 2^12: both then find the same distances, bit for bit, and few that are equal.
"""

import io
import threading
import warnings

import numpy as np
import pytest
from tqdm import tqdm

from model.latent.errors import SettingError
from model.latent.features import Features
from model.latent.projection import method_class
from model.latent.tsne import TSNEProjector, TSNESettings
from model.latent.umap import UMAPProjector, UMAPSettings, _start

TRAIN = np.r_[0:120, 160:300]
SETTINGS = UMAPSettings(n_neighbors=8, metric="euclidean", seed=3)


@pytest.fixture(scope="module")
def features() -> Features:
    """Three groups that touch, each a cloud, in sixteen dimensions."""
    rng = np.random.default_rng(0)
    centres = rng.integers(-400, 400, (3, 16))
    return Features(
        (centres[rng.integers(0, 3, 320)] + rng.integers(-600, 600, (320, 16))).astype(np.float32)
    )


@pytest.fixture(scope="module")
def umap(features) -> UMAPProjector:
    return UMAPProjector.fit(features, TRAIN, SETTINGS)


@pytest.fixture(scope="module")
def umap_learn(features):
    """umap-learn itself, fitted to the same images with the same settings."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import umap as package

        train = features.embeddings[TRAIN]
        start = _start(train, SETTINGS)
        model = package.UMAP(
            n_neighbors=8, min_dist=0.1, metric="euclidean", init=start, random_state=3, n_jobs=1
        )
        return model.fit(train)


@pytest.fixture(scope="module")
def tsne(features) -> TSNEProjector:
    return TSNEProjector.fit(features, TRAIN, TSNESettings(perplexity=10, metric="euclidean"))


def test_the_fit_is_that_of_umap_learn(umap, umap_learn):
    np.testing.assert_array_equal(umap.anchors.places, umap_learn.embedding_)
    np.testing.assert_array_equal(umap.anchors.rows, TRAIN)


def test_new_images_land_where_umap_learn_places_them(umap, umap_learn, features):
    new = features.embeddings[300:]
    theirs = np.concatenate([umap_learn.transform(new[i : i + 1]) for i in range(len(new))])
    np.testing.assert_array_equal(umap.transform(features[300:]), theirs)


@pytest.mark.parametrize("method", ["umap", "tsne"])
def test_what_comes_with_an_image_does_not_move_it(method, features, request):
    fitted = request.getfixturevalue(method)
    together = fitted.transform(features[300:])[:6]
    alone = np.concatenate([fitted.transform(features[i : i + 1]) for i in range(300, 306)])
    np.testing.assert_array_equal(together, alone)


@pytest.mark.parametrize("method", ["umap", "tsne"])
def test_a_seed_gives_the_same_bytes(method, features, request):
    fitted = request.getfixturevalue(method)
    again = type(fitted).fit(features, TRAIN, fitted.settings)
    assert again.anchors.places.tobytes() == fitted.anchors.places.tobytes()


@pytest.mark.parametrize("method", ["umap", "tsne"])
def test_restored_without_pickle_it_places_the_same(method, features, request):
    fitted = request.getfixturevalue(method)
    description = fitted.description() | {"parameters": vars(fitted.settings)}
    again = method_class(method).restore(fitted.tensors(), description, features)
    np.testing.assert_array_equal(again.transform(features[300:]), fitted.transform(features[300:]))


@pytest.mark.parametrize(
    "damage",
    [
        {"rows": np.arange(1, 261)[::-1].copy()},
        {"rows": np.arange(100, 360)},
        {"rows": np.arange(259)},
        {"places": np.full((260, 2), np.nan, np.float32)},
        {"places": np.zeros((260, 3), np.float32)},
    ],
)
def test_anchors_that_are_not_of_the_index(umap, features, damage):
    description = umap.description() | {"parameters": vars(umap.settings)}
    with pytest.raises(ValueError, match=r"rows|places"):
        UMAPProjector.restore(umap.tensors() | damage, description, features)


def test_new_images_land_where_openTSNE_places_them(tsne, features):  # noqa: N802
    """Around the same places of the fit, its neighbours found by its own search."""
    from openTSNE import TSNE

    train, new = features.embeddings[TRAIN].astype(float), features.embeddings[300:].astype(float)
    theirs = TSNE(
        perplexity=10,
        neighbors="exact",
        negative_gradient_method="fft",
        early_exaggeration_iter=0,
        n_iter=0,
        random_state=0,
    ).fit(train)
    theirs[:] = tsne.anchors.places
    placed = np.asarray(theirs.transform(new))
    shift = np.asarray(theirs)[0] - tsne.anchors.places[0]  # it centres them
    size = np.ptp(tsne.anchors.places)
    np.testing.assert_allclose(tsne.transform(features[300:]), placed - shift, atol=1e-4 * size)


def test_more_images_than_are_fitted_to_are_drawn(features):
    drawn = UMAPProjector.fit(features, TRAIN, UMAPSettings(n_neighbors=8, max_fitted=100, dimensions=3))
    assert drawn.anchors.places.shape == (100, 3)
    assert np.isin(drawn.anchors.rows, TRAIN).all()
    assert (np.diff(drawn.anchors.rows) > 0).all()
    assert drawn.transform(features[:5]).shape == (5, 3)
    assert drawn.axis_labels == ("UMAP 1", "UMAP 2", "UMAP 3")


def test_progress_reaches_the_end_and_may_end_the_fit(features):
    told = []
    TSNEProjector.fit(
        features,
        TRAIN,
        TSNESettings(perplexity=5, metric="euclidean"),
        lambda stage, share: told.append((stage, share)),
    )
    assert told[0][0] == "finding neighbours"
    assert told[-1] == ("t-sne", 1.0)
    shares = [share for stage, share in told if stage == "t-sne"]
    assert shares == sorted(shares)
    assert len(shares) > 20

    def stop(stage, share):
        if stage == "umap" and share > 0.2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        UMAPProjector.fit(features, TRAIN, SETTINGS, stop)
    # Other bars go on: their common lock is free again.
    other = threading.Thread(target=lambda: list(tqdm(range(2), file=io.StringIO())), daemon=True)
    other.start()
    other.join(60)
    assert not other.is_alive()


def test_too_few_images(features):
    with pytest.raises(SettingError, match="needs more than as many training images; this index has 15"):
        UMAPProjector.fit(features, np.arange(15))
    with pytest.raises(SettingError, match="more than 91 training images"):
        TSNEProjector.fit(features, np.arange(91))


@pytest.mark.parametrize(
    "wrong",
    [
        {"dimensions": 4},
        {"n_neighbors": 1},
        {"min_dist": -0.1},
        {"min_dist": float("nan")},
        {"seed": -1},
        {"max_fitted": 5},
    ],
)
def test_settings_out_of_range(wrong):
    with pytest.raises(SettingError, match=next(iter(wrong))):
        UMAPSettings(**wrong)


def test_tsne_in_three_dimensions(features):
    fitted = TSNEProjector.fit(features, TRAIN, TSNESettings(perplexity=5, dimensions=3, metric="euclidean"))
    assert fitted.anchors.places.shape == (260, 3)
    assert np.isfinite(fitted.transform(features[300:])).all()
