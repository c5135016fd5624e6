"""Separation of the classes of a data set, from the index: the same as the probes say of the same rows."""

from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest
from sklearn.metrics import silhouette_score

from model.latent.class_separation import class_separation
from model.latent.index import Block
from model.latent.probes import Labelled, probe
from model.latent.several_separation import several_separation

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def name(index):
    return next(
        d["name"] for d in index.datasets if sum(n > 3 for n in d["class_counts"]["test"].values()) > 1
    )


def rows(index, name, split):
    (block,) = [b for b in index.blocks if (b.dataset, b.split) == (name, split)]
    return slice(block.start, block.stop)


def test_figures_are_those_of_the_probes_and_of_sklearn(index, name):
    found = class_separation(index, name)
    labels = index.images["label"].to_numpy().astype(np.int64)
    parts = {
        s: Labelled(index.embeddings[rows(index, name, s)], labels[rows(index, name, s)])
        for s in ("train", "val", "test")
    }
    expected = probe(parts["train"], parts["val"], parts["test"])
    assert found["linear"] == expected["linear"]
    assert found["knn"] == expected["knn"]
    test = parts["test"]
    assert found["silhouette"]["value"] == pytest.approx(
        silhouette_score(test.embeddings, test.labels, metric="cosine"), abs=1e-5
    )
    low, high = found["silhouette"]["interval"]
    assert low < found["silhouette"]["value"] < high
    assert found["sampled"]["train"] == {"drawn": len(parts["train"]), "there": len(parts["train"])}


def test_large_splits_are_sub_sampled_and_it_says_so(index, name):
    found = class_separation(index, name, max_images=20)
    assert found["n_train"] == 20
    assert found["sampled"]["train"]["drawn"] == 20 < found["sampled"]["train"]["there"]


def test_where_there_is_nothing_to_tell_apart(index, name):
    def changed(**given):
        fields = ("datasets", "blocks", "images", "embeddings")
        return SimpleNamespace(**{field: getattr(index, field) for field in fields} | given)

    assert "no data set" in class_separation(index, "chestmnist")["not_computed"]
    trained = tuple(b for b in index.blocks if b.split == "train")
    assert "no test images" in class_separation(changed(blocks=trained), name)["not_computed"]
    same = index.images.set_column(
        index.images.schema.get_field_index("label"), "label", [np.zeros(index.n, np.int32)]
    )
    assert "two classes" in class_separation(changed(images=same), name)["not_computed"]


def chest(masks):
    """An index of 100 images a split, whose labels are the bit masks of their classes."""
    blocks, rng = [], np.random.default_rng(0)
    for place, split in enumerate(("train", "val", "test")):
        blocks.append(Block("chest", split, 100 * place, 100))
    return SimpleNamespace(
        datasets=({"name": "chest", "multi_label": True},),
        blocks=tuple(blocks),
        images=pa.table({"label": pa.array(np.tile(masks, 3), pa.int32())}),
        embeddings=rng.normal(size=(300, 8)).astype(np.float32),
    )


def test_of_several_labels_each_class_is_told_from_the_rest():
    index = chest(np.random.default_rng(1).integers(0, 8, 100))
    found = class_separation(index, "chest")
    masks = index.images["label"].to_numpy().astype(np.int64)
    train, val, test = (Labelled(index.embeddings[a : a + 100], masks[a : a + 100]) for a in (0, 100, 200))
    drawn = {"drawn": 100, "there": 100}
    assert found == {
        **several_separation(train, val, test),
        "sampled": {"train": drawn, "val": drawn, "test": drawn},
    }
    assert found["classes"] == 3
    assert class_separation(index, "chest", max_images=50)["n"] == 50


def test_of_several_labels_too_few_of_each_class_is_said():
    assert (
        "none of its classes has 10 images" in class_separation(chest(np.zeros(100)), "chest")["not_computed"]
    )
    rare = np.where(np.arange(100) < 9, 2, 0)
    assert "none of its classes has 10 images" in class_separation(chest(rare), "chest")["not_computed"]
