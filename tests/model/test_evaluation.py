import json
from dataclasses import replace

import numpy as np
import pytest

from model.data.arrays import open_split
from model.errors import VQScopeError
from model.evaluation import evaluate
from model.evaluation_summary import card_figures, not_comparable
from model.evaluation_table import as_table
from model.inference import load_model

PAIR = ("sample_ct", "sample_fundus")


@pytest.fixture(scope="module")
def model(tiny_model_dir):
    return load_model(tiny_model_dir, "cpu")


@pytest.fixture(scope="module")
def pair(model, sample_dir):
    return evaluate(model, data_dir=sample_dir, datasets=PAIR, progress=False)


def write(folder, name, *, images=(60, 20, 30), classes=2, labels=1, bright=0, seed=0, **card):
    """A data set of noise whose first class is brighter by `bright` grey levels."""
    rng = np.random.default_rng(seed)
    arrays = {}
    for split, n in zip(("train", "val", "test"), images, strict=True):
        y = rng.integers(0, classes, (n, labels)).astype(np.uint8)
        x = rng.integers(0, 150, (n, 28, 28)) + bright * (y[:, :1, None] == 0)
        arrays |= {f"{split}_images": x.astype(np.uint8), f"{split}_labels": y}
    np.savez(folder / f"{name}.npz", **arrays)
    if card:
        (folder / f"{name}.json").write_text(json.dumps(card))


def test_figures_are_means_over_the_images_of_a_split(model, sample_dir, pair):
    found = pair.summary["datasets"]
    images = np.asarray(open_split("sample_ct", "test", data_dir=sample_dir).images)
    psnr = model.analyse(images).figures.psnr
    assert list(found) == list(PAIR)
    assert found["sample_ct"]["n"] == len(images)
    assert found["sample_ct"]["psnr"] == pytest.approx(psnr.mean(), abs=1e-3)
    low, high = found["sample_ct"]["psnr_interval"]
    assert low < found["sample_ct"]["psnr"] < high
    assert high - low == pytest.approx(2 * 1.96 * psnr.std() / np.sqrt(len(psnr)), rel=0.1)


def test_the_mean_counts_every_data_set_alike(pair):
    for name in ("psnr", "ssim", "mae"):
        values = [entry[name] for entry in pair.summary["datasets"].values()]
        low, high = pair.summary["mean"][f"{name}_interval"]
        assert pair.summary["mean"][name] == pytest.approx(np.mean(values))
        assert low < np.mean(values) < high


def test_the_worst_images_are_listed_with_their_figures(model, sample_dir, pair):
    worst = pair.summary["datasets"]["sample_ct"]["worst"]
    part = open_split("sample_ct", "test", data_dir=sample_dir)
    assert len(worst) == 10
    assert [w["psnr"] for w in worst] == sorted(w["psnr"] for w in worst)
    assert worst[0]["psnr"] == pytest.approx(pair.splits[0].figures.psnr.min())
    row = worst[0]["position"]
    again = model.analyse(np.asarray(part.images[row : row + 1])).figures
    assert worst[0]["ssim"] == pytest.approx(float(again.ssim[0]), abs=1e-4)
    assert worst[0]["label"] == part.labels[row, 0]


def test_codebook_use_is_per_data_set_and_over_all(model, sample_dir, pair):
    codes = [model.encode(open_split(n, "test", data_dir=sample_dir).images).codes.ravel() for n in PAIR]
    entries = [entry["codebook"] for entry in pair.summary["datasets"].values()]
    for found, seen in zip(
        [*entries, pair.summary["codebook"]], [*codes, np.concatenate(codes)], strict=True
    ):
        share = np.bincount(seen) / len(seen)
        entropy = -(share[share > 0] * np.log2(share[share > 0])).sum()
        assert found["size"] == 64
        assert found["used"] == len(np.unique(seen)) == 64 - found["dead"]
        assert found["perplexity"] == pytest.approx(2**entropy)
        assert found["bits_nominal"] == 49 * 6 == model.bits_per_image
        assert found["bits_empirical"] == pytest.approx(49 * entropy)


def test_data_sets_are_told_apart_above_chance(pair):
    found = pair.summary["separation"]
    assert found["linear"]["accuracy_interval"][0] > found["chance"]
    assert found["n_train"] == sum(part.arrays.info.n_samples["train"] for part in pair.splits)


def test_labels_in_the_images_are_found_and_random_ones_are_not(model, tmp_path):
    write(tmp_path, "seen", bright=100)
    write(tmp_path, "random", images=(300, 60, 200), seed=1)
    result = evaluate(model, data_dir=tmp_path, datasets=("seen", "random"), progress=False).summary
    seen, random = (entry["probes"] for entry in result["datasets"].values())
    assert seen["linear"]["accuracy"] == seen["knn"]["accuracy"] == 1.0
    for kind in ("linear", "knn"):
        for figure in ("accuracy", "auc"):
            # Twice a 95 % interval, about four standard errors: of four such intervals one leaves chance out on every
            # seventh machine, each of which trains another model.
            low, high = random[kind][f"{figure}_interval"]
            assert abs(random[kind][figure] - 0.5) < high - low < 0.25


def test_the_evaluated_labels_change_no_fit(model, tmp_path):
    write(tmp_path, "true", bright=15)
    arrays = dict(np.load(tmp_path / "true.npz"))
    arrays["test_labels"] = 1 - arrays["test_labels"]
    np.savez(tmp_path / "turned.npz", **arrays)
    result = evaluate(model, data_dir=tmp_path, datasets=("true", "turned"), progress=False).summary
    true, turned = (entry["probes"] for entry in result["datasets"].values())
    for kind in ("linear", "knn"):
        assert true[kind].get("c") == turned[kind].get("c")
        assert true[kind]["accuracy"] == pytest.approx(1 - turned[kind]["accuracy"])


def test_on_the_validation_split_it_is_not_tuned_on(model, tmp_path):
    write(tmp_path, "one", bright=100)
    found = evaluate(model, data_dir=tmp_path, datasets=("one",), split="val", progress=False).summary
    assert found["datasets"]["one"]["probes"]["n"] == 20
    # Without a single validation image but those evaluated, C comes from held-out training images.
    arrays = dict(np.load(tmp_path / "one.npz"))
    arrays["val_labels"] = 1 - arrays["val_labels"]
    np.savez(tmp_path / "two.npz", **arrays)
    turned = evaluate(model, data_dir=tmp_path, datasets=("two",), split="val", progress=False).summary
    linear = [r["datasets"][n]["probes"]["linear"] for r, n in ((found, "one"), (turned, "two"))]
    assert linear[0]["c"] == linear[1]["c"]
    assert linear[0]["accuracy"] == pytest.approx(1 - linear[1]["accuracy"])


@pytest.mark.parametrize(
    ("made", "settings", "why"),
    [
        ({"labels": 3}, {}, "several labels"),
        ({"classes": 1}, {}, "not of two classes"),
        ({}, {"split": "train"}, "on the training split they mean nothing"),
        ({}, {"probes": False}, "left out on request"),
    ],
)
def test_probes_that_mean_nothing_are_not_computed(model, tmp_path, made, settings, why):
    write(tmp_path, "odd", **made)
    result = evaluate(model, data_dir=tmp_path, datasets=("odd",), progress=False, **settings).summary
    assert why in result["datasets"]["odd"]["probes"]["not_computed"]
    assert f"probes: not computed ({result['datasets']['odd']['probes']['not_computed']})" in as_table(result)


def test_of_many_images_some_are_drawn(model, tmp_path, monkeypatch):
    monkeypatch.setattr("model.latent.embedding_quality.MAX_IMAGES", 40)
    write(tmp_path, "one", bright=100)
    write(tmp_path, "two", images=(30, 10, 10), seed=1)
    result = evaluate(model, data_dir=tmp_path, datasets=("one", "two"), progress=False).summary
    assert result["datasets"]["one"]["probes"]["n_train"] == 40
    assert result["datasets"]["one"]["probes"]["n"] == 30
    assert result["separation"]["n_train"] <= 40
    assert result["separation"]["classes"] == 2


def test_stand_ins_are_not_compared_with_published_scores(model, tmp_path):
    write(tmp_path, "own", stands_for="bloodmnist", official=False, title="Own split")
    write(tmp_path, "same", stands_for="same", official=False)
    result = evaluate(
        model, data_dir=tmp_path, datasets=("own", "same"), probes=False, progress=False
    ).summary
    assert not result["datasets"]["own"]["comparable"]
    assert "bloodmnist" in result["datasets"]["own"]["caveat"]
    assert result["datasets"]["same"]["comparable"]
    table = as_table(result)
    assert "own *" in table
    assert "same *" not in table
    assert "not comparable with published scores" in table


def test_the_table_fits_100_columns(model, tmp_path):
    write(tmp_path, "a_rather_long_name_of_a_data_set", images=(60, 20, 3), stands_for="x")
    write(tmp_path, "short", bright=100)
    names = ("a_rather_long_name_of_a_data_set", "short")
    table = as_table(evaluate(model, data_dir=tmp_path, datasets=names, progress=False).summary)
    assert max(map(len, table.splitlines())) <= 100
    for words in ("a_rather", "short", "mean", "±", "linear", "k-NN", "told from the embedding", "294 bits"):
        assert words in table


def test_one_image_has_figures_without_interval(model, tmp_path):
    write(tmp_path, "one", images=(20, 5, 1))
    result = evaluate(model, data_dir=tmp_path, datasets=("one",), progress=False).summary
    assert result["datasets"]["one"]["psnr_interval"] is None
    assert result["mean"]["psnr_interval"] is None
    assert json.dumps(result, allow_nan=False)
    assert "one" in as_table(result)


def test_the_card_carries_what_a_reader_of_a_model_needs(pair):
    figures = card_figures(pair.summary)
    assert figures["split"] == "test"
    assert figures["datasets"]["sample_ct"]["md5"] == pair.splits[0].arrays.info.md5
    assert (
        figures["datasets"]["sample_ct"]["psnr_interval"]
        == pair.summary["datasets"]["sample_ct"]["psnr_interval"]
    )
    assert figures["codebook"]["perplexity"] > 1
    assert figures["separation"]["linear"]["accuracy"] == pair.summary["separation"]["linear"]["accuracy"]
    assert len(json.dumps(figures)) < len(json.dumps(pair.summary)) / 1.5


def test_an_empty_split_is_a_clear_line(model, tmp_path):
    write(tmp_path, "odd", images=(4, 4, 0))
    with pytest.raises(VQScopeError, match="no images in its test split"):
        evaluate(model, data_dir=tmp_path, datasets=["odd"], progress=False)


def test_without_validation_images_probes_are_tuned_on_training_images(model, tmp_path):
    write(tmp_path, "odd", images=(50, 0, 20), bright=100)
    write(tmp_path, "even", images=(50, 0, 20), seed=1)
    result = evaluate(model, data_dir=tmp_path, datasets=["odd", "even"], progress=False).summary
    assert result["datasets"]["odd"]["probes"]["linear"]["accuracy"] == 1.0
    assert result["separation"]["n_train"] == 100


def test_the_same_pictures_under_other_splits_are_not_comparable(tmp_path):
    write(tmp_path, "one")
    info = open_split("one", "test", data_dir=tmp_path).info
    stand_in = {"name": "other", "stands_for": "one", "md5": "0" * 32}
    assert not_comparable(info, []) is None
    assert not_comparable(info, [{**stand_in, "md5": info.md5}]) is None
    assert not_comparable(info, [{**stand_in, "stands_for": None}]) is None
    assert "learnt from other" in (not_comparable(info, [stand_in]) or "")
    assert "learnt from one" in (not_comparable(info, [{"name": "one", "md5": "0" * 32}]) or "")


def test_the_official_file_and_another_of_its_splits_are_comparable(tmp_path):
    write(tmp_path, "one")
    info = replace(open_split("one", "test", data_dir=tmp_path).info, official=True)
    again = {"name": "one", "md5": "0" * 32, "official": False}
    assert not_comparable(info, [{**again, "stands_for": "one"}]) is None  # another order, its card says
    assert "learnt from one" in (not_comparable(info, [{**again, "stands_for": None}]) or "")
    bare = replace(info, official=False)
    assert "learnt from one" in (not_comparable(bare, [{**again, "stands_for": "one"}]) or "")
