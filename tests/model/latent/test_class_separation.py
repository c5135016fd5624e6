"""Separation of the classes of a data set, from the index: the same as the probes say of the same rows."""

from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.metrics import silhouette_score

from model.latent.class_separation import class_separation
from model.latent.probes import Labelled, probe

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
    several = tuple({**d, "multi_label": True} for d in index.datasets)
    assert "several labels" in class_separation(changed(datasets=several), name)["not_computed"]
    same = index.images.set_column(
        index.images.schema.get_field_index("label"), "label", [np.zeros(index.n, np.int32)]
    )
    assert "two classes" in class_separation(changed(images=same), name)["not_computed"]
