import numpy as np
import pytest

from model.data.arrays import open_split
from model.errors import VQScopeError
from model.evaluation import as_table, evaluate
from model.inference import load_model


def test_figures_are_means_over_the_images_of_a_split(tiny_model_dir, sample_dir):
    model = load_model(tiny_model_dir, "cpu")
    result = evaluate(model, data_dir=sample_dir, datasets=["sample_ct", "sample_fundus"], progress=False)
    images = np.asarray(open_split("sample_ct", "test", data_dir=sample_dir).images)
    analysis = model.analyse(images)
    assert result["datasets"]["sample_ct"]["n"] == len(images)
    assert result["datasets"]["sample_ct"]["psnr"] == pytest.approx(analysis.figures.psnr.mean(), abs=1e-3)
    assert list(result["datasets"]) == ["sample_ct", "sample_fundus"]


def test_codebook_use_is_over_all_data_sets(tiny_model_dir, sample_dir):
    model = load_model(tiny_model_dir, "cpu")
    names = ["sample_ct", "sample_fundus"]
    codes = [model.encode(open_split(n, "test", data_dir=sample_dir).images).codes.ravel() for n in names]
    result = evaluate(model, data_dir=sample_dir, datasets=names, progress=False)
    assert result["codebook"]["used"] == len(np.unique(np.concatenate(codes)))
    share = np.bincount(np.concatenate(codes)) / sum(len(c) for c in codes)
    entropy = -(share[share > 0] * np.log(share[share > 0])).sum()
    assert result["codebook"]["perplexity"] == pytest.approx(np.exp(entropy), rel=1e-4)


def test_the_table_has_a_row_per_data_set(tiny_model_dir, sample_dir):
    result = evaluate(
        load_model(tiny_model_dir, "cpu"),
        data_dir=sample_dir,
        datasets=["sample_mr"],
        split="val",
        progress=False,
    )
    table = as_table(result)
    assert "sample_mr" in table
    assert "294 bits" in table


def test_an_empty_split_is_a_clear_line(tiny_model_dir, tmp_path):
    images, labels = np.zeros((4, 28, 28), np.uint8), np.zeros((4, 1), np.uint8)
    arrays = {"train_images": images, "val_images": images, "test_images": images[:0]}
    np.savez(tmp_path / "odd.npz", **arrays, train_labels=labels, val_labels=labels, test_labels=labels[:0])
    with pytest.raises(VQScopeError, match="no images in its test split"):
        evaluate(load_model(tiny_model_dir, "cpu"), data_dir=tmp_path, datasets=["odd"], progress=False)
