"""The outlier detector on the index of the offline sample: what it is fitted to, what it says, how it is kept."""

import shutil
from types import SimpleNamespace

import numpy as np
import pytest
from scipy import stats
from sklearn.neighbors import NearestNeighbors

from model.data.arrays import open_split
from model.latent import outlier_store
from model.latent.errors import IndexDamaged, SettingError
from model.latent.outlier_column import outlier_percentiles
from model.latent.outlier_fitting import NoReferences, fit_outliers
from model.latent.outlier_store import load_outliers, open_outliers, save_outliers
from model.latent.outliers import EVERYTHING, LatentImages, OutlierSettings, standing
from model.latent.typicality import MEASURES

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def detector(index):
    return fit_outliers(index)


@pytest.fixture(scope="module")
def asked(model, sample_dir, sample_names):
    part = open_split(sample_names[0], "test", data_dir=sample_dir)
    return LatentImages.of(model.analyse(np.asarray(part.images[:12])))


def rows(index, name, split):
    (block,) = [b for b in index.blocks if (b.dataset, b.split) == (name, split)]
    return np.arange(block.start, block.stop)


def test_measures_are_those_of_the_index(index, detector, sample_names):
    reference = detector.references[0]
    train, val = rows(index, sample_names[0], "train"), rows(index, sample_names[0], "val")
    theirs = NearestNeighbors(n_neighbors=1, metric="cosine").fit(index.embeddings[train])
    distances, _ = theirs.kneighbors(index.embeddings[val])
    np.testing.assert_allclose(reference.measures[:, 0], distances[:, 0], atol=2e-6)
    stored = index.images["quantisation_error"].to_numpy()[val]
    np.testing.assert_array_equal(reference.measures[:, 1], stored)
    np.testing.assert_allclose(-10 * np.log10(reference.measures[:, 3]), index.images["psnr"].to_numpy()[val])
    assert reference.rarity.counts.sum() == index.codes[train].size


def test_test_images_are_never_looked_at(index, detector):
    hidden = SimpleNamespace(**{name: getattr(index, name) for name in ("datasets", "manifest", "images")})
    hidden.blocks = tuple(block for block in index.blocks if block.split != "test")
    hidden.embeddings, hidden.codes = np.array(index.embeddings), np.array(index.codes)
    for block in index.blocks:
        if block.split == "test":
            hidden.embeddings[block.start : block.stop] = np.nan
            hidden.codes[block.start : block.stop] = 0
    again = fit_outliers(hidden)
    np.testing.assert_array_equal(again.strangeness, detector.strangeness)


def test_the_column_holds_the_verdicts_on_test_images(index, detector):
    column = outlier_percentiles(detector, index)
    test = np.concatenate([np.arange(b.start, b.stop) for b in index.blocks if b.split == "test"])
    np.testing.assert_array_equal(np.flatnonzero(~np.isnan(column)), test)
    some = test[:: len(test) // 20]
    figures = index.images.take(some)
    judged = detector.judge(
        LatentImages(
            np.asarray(index.embeddings[some]),
            np.asarray(index.codes[some]),
            figures["quantisation_error"].to_numpy(),
            figures["psnr"].to_numpy(),
        )
    )
    expected = [100 * one.overall.combined.more_unusual_than for one in judged]
    np.testing.assert_allclose(column[some], expected, atol=0.2)  # products of matrices round by their shape


def test_verdicts_are_ranks_among_held_out_images(detector, asked):
    judgements = detector.judge(asked)
    measures = detector.measure(asked)
    for i, judgement in enumerate(judgements):
        assert [v.reference for v in judgement.datasets] == [r.name for r in detector.references]
        for reference, verdict, own in zip(detector.references, judgement.datasets, measures, strict=True):
            assert verdict.n == len(reference.measures)
            for column, name in enumerate(MEASURES):
                below = stats.percentileofscore(reference.measures[:, column], own[i, column], "strict")
                share = below / 100 * verdict.n / (verdict.n + 1)
                assert verdict.measures[name].more_unusual_than == pytest.approx(share)
        best = min(judgement.datasets, key=lambda v: v.combined.value)
        assert judgement.most_like == best.reference
        assert judgement.overall.combined.value == best.combined.value
        assert judgement.overall.reference == EVERYTHING
        assert judgement.overall.n == len(detector.strangeness)


def test_images_of_the_sample_are_ordinary_and_noise_is_not(detector, model, asked):
    own = np.array([j.overall.combined.more_unusual_than for j in detector.judge(asked)])
    noise = np.random.default_rng(0).integers(0, 256, (6, 28, 28, 3), dtype=np.uint8)
    told = detector.judge(LatentImages.of(model.analyse(noise)))
    assert np.median(own) < 0.95
    # Single ones may do better: the tiny model differs with the precision that a machine trains in.
    assert np.median([judgement.overall.combined.more_unusual_than for judgement in told]) > 0.95
    for judgement in told:
        assert judgement.overall.measures["reconstruction_error"].more_unusual_than > 0.95


def test_a_single_image_is_judged_as_in_company(detector, asked):
    alone = LatentImages(
        asked.embeddings[3:4], asked.codes[3:4], asked.quantisation_error[3:4], asked.psnr[3:4]
    )
    (one,), company = detector.judge(alone), detector.judge(asked)[3]
    assert one.most_like == company.most_like
    for mine, theirs in zip(one.datasets, company.datasets, strict=True):
        assert mine.combined.value == pytest.approx(theirs.combined.value)
        assert mine.combined.more_unusual_than == theirs.combined.more_unusual_than


def test_conformal_p_values_are_valid():
    """1 - share is super-uniform for an image of the same population, whatever its distribution."""
    rng = np.random.default_rng(0)
    p = np.array([1 - standing(x[0], x[1:]).more_unusual_than for x in rng.standard_cauchy((4000, 20))])
    assert np.unique(p).tolist() == pytest.approx(np.arange(1, 21) / 20)
    assert stats.chisquare(np.unique(p, return_counts=True)[1]).pvalue > 0.01
    assert standing(3.0, [1, 2, 3, 3]).more_unusual_than == 2 / 5  # ties count as as unusual
    low, high = standing(9.0, np.arange(9)).interval
    assert low == pytest.approx(1 / (1 + 1.959964**2 / 9))
    assert high == pytest.approx(1)


def test_words(detector, asked):
    verdict = detector.judge(asked)[0].overall
    share = 100 * verdict.combined.more_unusual_than
    assert verdict.words.startswith("more unusual than ")
    assert abs(float(verdict.words.split()[3]) - share) <= 100 * verdict.resolution
    assert f"of {verdict.n:,} held-out images of all data sets" in verdict.words


def test_more_images_than_asked_for_are_drawn_with_a_seed(index, detector):
    settings = OutlierSettings(max_training=25, max_validation=20, seed=1)
    few, again = fit_outliers(index, settings), fit_outliers(index, settings)
    assert [len(r.bank) for r in few.references] == [25] * len(few.references)
    assert [len(r.measures) for r in few.references] == [20] * len(few.references)
    np.testing.assert_array_equal(few.strangeness, again.strangeness)
    assert not np.array_equal(few.references[0].bank, detector.references[0].bank[:25])


def test_what_cannot_be_judged_against(index, sample_names):
    one = fit_outliers(index, datasets=sample_names[:1])
    assert [r.name for r in one.references] == [sample_names[0]]
    untrained = SimpleNamespace(
        **{n: getattr(index, n) for n in ("datasets", "manifest", "images", "embeddings", "codes")},
        blocks=tuple(b for b in index.blocks if b.split != "val" or b.dataset != sample_names[0]),
    )
    partly = fit_outliers(untrained)
    assert sample_names[0] in partly.skipped
    assert "0 validation images" in partly.skipped[sample_names[0]]
    with pytest.raises(NoReferences, match="no data set"):
        fit_outliers(untrained, datasets=sample_names[:1])
    with pytest.raises(SettingError, match="do not fit"):
        one.judge(
            LatentImages(np.zeros((1, 3), np.float32), np.zeros((1, 7, 7), int), np.ones(1), np.ones(1))
        )
    with pytest.raises(SettingError, match="neighbour"):
        OutlierSettings(neighbour=0)


# --- on disk ---


def test_what_is_kept_is_what_was_fitted(index, detector, asked, tmp_path, monkeypatch):
    opened = open_outliers(index, cache=tmp_path)
    assert opened.judge(asked) == detector.judge(asked)
    assert isinstance(opened.references[0].bank.base, np.memmap)

    def refuse(*_args, **_kwargs):
        raise AssertionError("fitted a second time")

    monkeypatch.setattr(outlier_store, "fit_outliers", refuse)
    assert open_outliers(index, cache=tmp_path).judge(asked) == detector.judge(asked)


def test_a_damaged_cache_is_made_anew(index, tmp_path, asked, detector):
    open_outliers(index, cache=tmp_path)
    (folder,) = [path for path in (tmp_path / "outliers").iterdir() if path.is_dir()]
    with (folder / "bank.npy").open("r+b") as file:
        file.truncate(200)
    assert open_outliers(index, cache=tmp_path).judge(asked) == detector.judge(asked)
    (folder / "references.json").unlink()
    assert open_outliers(index, cache=tmp_path).judge(asked) == detector.judge(asked)


def test_what_does_not_fit_is_refused(index, detector, tmp_path):
    save_outliers(detector, tmp_path)
    for name, change in {
        "references.json": lambda text: text.replace('"version": 2', '"version": 1'),
        "references.safetensors": lambda text: text[:50],
        "bank.npy": lambda text: text[:-4],
    }.items():
        copy = tmp_path.with_name(f"{tmp_path.name}-{name}")
        shutil.copytree(tmp_path, copy)
        data = (copy / name).read_bytes().decode("latin-1")
        (copy / name).write_bytes(change(data).encode("latin-1"))
        with pytest.raises(IndexDamaged):
            load_outliers(copy, index)
