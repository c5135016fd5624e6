"""The stability of maps over seeds: of given fits, and of fits that it makes."""

import numpy as np
import pytest
from scipy.spatial import procrustes

from model import open_index
from model.latent import map_stability
from model.latent.errors import SettingError
from model.latent.features import Features
from model.latent.map_fitting import add_map
from model.latent.map_measuring import QualitySettings, measure_map
from model.latent.map_stability import stability, stability_over_seeds
from model.latent.pca import PCASettings
from model.latent.tsne import TSNEProjector, TSNESettings
from tests.model.latent.test_map_quality import clouds


def test_the_same_map_moved_turned_mirrored_and_scaled_is_the_same():
    points = clouds(200, d=2).astype(np.float64)
    turn = np.array([[0.6, -0.8], [0.8, 0.6]])
    found = stability([points, points @ turn * 7 + 100, points * [-1, 1]])
    assert (found.fits, found.n, found.n_used, found.exact) == (3, 200, 200, True)
    assert len(found.disparities) == 3
    assert found.largest == pytest.approx(0, abs=1e-12)


def test_against_scipy_and_chance():
    rng = np.random.default_rng(0)
    fits = [rng.normal(size=(2000, 3)) for _ in range(3)]
    found = stability(fits)
    theirs = [procrustes(fits[i], fits[j])[2] for i, j in ((0, 1), (0, 2), (1, 2))]
    np.testing.assert_allclose(found.disparities, theirs)
    assert found.mean == pytest.approx(np.mean(theirs))
    assert found.largest == max(found.disparities) <= 1
    assert found.mean > 0.98


@pytest.mark.parametrize(
    ("fits", "words"),
    [
        ([np.zeros((5, 2))], "at least two"),
        ([np.eye(5)[:, :2], np.eye(5)[:, :3]], "same shape"),
        ([np.eye(5)[:, :2], np.ones((5, 2))], "at one place"),
        ([np.eye(5)[:, :2], np.full((5, 2), np.nan)], "not finite"),
    ],
)
def test_what_cannot_be_compared(fits, words):
    with pytest.raises(SettingError, match=words):
        stability(fits)


# --- of a map of an index ---


@pytest.fixture(scope="module")
def charted(tiny_index_dir, tmp_path_factory):
    """An index with a small t-SNE, measured as it is fitted, and what was told meanwhile."""
    import shutil

    folder = shutil.copytree(tiny_index_dir, tmp_path_factory.mktemp("seeds") / "index")
    told = []
    settings = TSNESettings(perplexity=5, max_fitted=400, seed=2**32 - 1)
    add_map(
        open_index(folder),
        "tsne",
        settings,
        stability=2,
        progress=lambda stage, share: told.append((stage, share)),
    )
    return folder, told


def test_a_map_with_a_seed_is_measured_as_it_is_fitted(charted):
    folder, told = charted
    found = open_index(folder).map("tsne").quality.stability
    assert (found.fits, found.n, found.n_used, found.exact, len(found.disparities)) == (2, 400, 400, True, 1)
    shares = [share for stage, share in told if stage == "measuring stability"]
    assert shares == sorted(shares)
    assert shares[-1] == 1
    assert len(shares) > 10


def test_it_is_what_fits_with_other_seeds_show(charted):
    index = open_index(charted[0])
    chart = index.map("tsne")
    rows, features = chart.projector.anchors.rows, Features(index.embeddings)
    other = TSNEProjector.fit(features, rows, TSNESettings(perplexity=5, max_fitted=400, seed=0))
    expected = procrustes(chart.projector.anchors.places, other.anchors.places)[2]
    assert chart.quality.stability.mean == pytest.approx(expected)


def test_of_many_images_a_draw_is_fitted(charted, monkeypatch):
    monkeypatch.setattr(map_stability, "IMAGES", 150)
    index = open_index(charted[0])
    found = stability_over_seeds(index.map("tsne"), Features(index.embeddings), 3)
    assert (found.fits, found.n, found.n_used, found.exact) == (3, 400, 150, False)
    assert 0 < found.mean <= found.largest < 1
    assert len(found.disparities) == 3


def test_measured_otherwise_it_stays_until_it_is_asked_for(charted, monkeypatch):
    monkeypatch.setattr(map_stability, "IMAGES", 150)
    settings = QualitySettings(k=5, sample=200, references=150, pairs=1000)
    before = open_index(charted[0]).map("tsne").quality.stability
    assert measure_map(open_index(charted[0]), "tsne", settings).stability == before
    assert measure_map(open_index(charted[0]), "tsne", settings, fits=2).stability.n_used == 150
    assert open_index(charted[0]).map("tsne").quality.stability.n_used == 150
    assert measure_map(open_index(charted[0]), "tsne", settings, fits=0).stability is None


@pytest.mark.parametrize(
    ("method", "settings", "fits", "words"),
    [
        ("pca", PCASettings(dimensions=3), 2, "pca has no seed"),
        ("tsne", TSNESettings(), 1, "stability must lie between 2 and 10"),
        ("tsne", TSNESettings(), 11, "stability must lie between 2 and 10"),
    ],
)
def test_fits_that_cannot_be_compared_are_refused_before_the_map_is_fitted(
    copy, method, settings, fits, words
):
    def never(stage, share):
        raise AssertionError(stage)

    with pytest.raises(SettingError, match=words):
        add_map(open_index(copy), method, settings, name="other", stability=fits, progress=never)


def test_what_ends_its_measuring_leaves_nothing_of_the_map(copy):
    def stop(stage, share):
        if stage == "measuring stability":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        add_map(open_index(copy), "tsne", TSNESettings(perplexity=5, max_fitted=400), progress=stop)
    assert [path.name for path in (copy / "maps").iterdir()] == ["pca"]
