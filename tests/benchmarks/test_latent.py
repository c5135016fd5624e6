"""The synthetic index is one like any other, and what is measured is what the table says."""

from argparse import Namespace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from model import load_model
from model.data.arrays import open_split
from model.data.catalogue import find_dataset
from model.data.npz import SPLITS
from model.data.official import official_names
from model.latent.ann import RECALL_AT
from model.latent.index import open_index
from model.latent.neighbours import nearest
from model.latent.polygon import inside_polygon
from model.latent.reuse import verify
from tests.benchmarks.bars import Measured, as_table
from tests.benchmarks.latent.alone import measured_alone
from tests.benchmarks.latent.building import DATASET, draw_dataset, throughput
from tests.benchmarks.latent.engines import as_table as as_rows
from tests.benchmarks.latent.engines import compared, share_found
from tests.benchmarks.latent.serving import round_about
from tests.benchmarks.latent.synthetic import SyntheticSettings, synthetic_index


@pytest.fixture(scope="module")
def model():
    return load_model(device="cpu")


@pytest.fixture(scope="module")
def folder(model, tmp_path_factory):
    return synthetic_index(SyntheticSettings(images=2000, dim=16), model, tmp_path_factory.mktemp("bench"))


def test_the_synthetic_index_is_sound(folder, model):
    index = open_index(folder, model)
    verify(index)
    assert [d["name"] for d in index.datasets] == official_names()
    assert abs(index.n - 2000) < 40
    assert index.embeddings.shape == (index.n, 16)
    assert np.unique(index.codes).size > 400


def test_the_full_size_is_that_of_medmnist():
    infos = [find_dataset(name, Path("nowhere")) for name in official_names()]
    assert sum(sum(info.n_samples.values()) for info in infos) == SyntheticSettings().images


def test_the_polygon_holds_as_many_points_as_asked_for(folder):
    points = np.asarray(open_index(folder).map("pca").coordinates)
    assert abs(inside_polygon(points, round_about(points, 500)).sum() - 500) <= 5


@pytest.mark.integration
def test_time_and_memory_are_measured_in_a_process_of_its_own(folder):
    seconds, memory = measured_alone("opening", "opening", folder, seconds=1, mib=200, rounds=1)
    assert seconds.value > 0
    assert memory.unit == "MiB"
    assert 0 < memory.value < 200


def test_the_table_says_which_bars_are_met():
    rows = [
        Measured(what="a", unit="ms", values=[3, 1, 2], bar=2, cpu=1.5),
        Measured(what="b", unit="s", values=[3], bar=2, note="why"),
        Measured(what="c", unit="", values=[0.99], bar=0.98, at_least=True),
        Measured(what="d", unit="MiB", values=[5]),
    ]
    assert [row.met for row in rows] == [True, False, True, None]
    lines = as_table(rows)[2:]
    assert lines[0] == "| a | 2 ms | 1 ms | 3 ms | 1.5 ms | ≤ 2 ms | met |"
    assert "b (why)" in lines[1]
    assert "**missed**" in lines[1]


def test_the_drawn_data_set_is_one_like_any_other(tmp_path):
    folder = draw_dataset(tmp_path / "drawn", 200)
    parts = [open_split(DATASET, split, data_dir=folder) for split in SPLITS]
    assert [len(part) for part in parts] == [180, 10, 10]
    assert parts[0].images.shape == (180, 28, 28)
    assert np.array_equal(parts[0].images[0][:4, :4], np.full((4, 4), parts[0].images[0][0, 0]))


@pytest.mark.integration
def test_building_is_held_against_the_bare_encoder(model, tmp_path):
    share = throughput(model, draw_dataset(tmp_path / "drawn", 60), rounds=1)
    assert share.unit == "%"
    assert share.value > 0
    assert "60 images" in share.note


@pytest.mark.integration
def test_engines_of_search_are_held_against_the_exact_answer(folder, tmp_path):
    pytest.importorskip("usearch")
    index = open_index(folder)
    engines = list(compared(index, Namespace(queries=20, out=tmp_path)))
    assert len({engine.name for engine in engines}) == len(engines) == 13
    assert all(0.9 < engine.recall <= 1 for engine in engines)
    assert all(min(e.milliseconds, e.mib, e.built_s) > 0 for e in engines)
    assert [file.name for file in tmp_path.glob("usearch-*/*")] != []
    assert len(as_rows(engines)) == 2 + len(engines)


def test_a_neighbour_that_an_engine_did_not_find_costs_recall(folder):
    index = open_index(folder)
    query = np.asarray(index.embeddings[7])
    rows, distances = nearest(index.embeddings, query[None], k=RECALL_AT, exclude=[7])
    share = partial(share_found, index.embeddings, query, farthest=distances[0, -1])
    assert share(rows[0]) == share(rows[0, ::-1]) == 1
    far, _ = nearest(index.embeddings, -query[None], k=3)
    assert share(np.concatenate((rows[0, 3:], far[0]))) == 0.7
    assert share(rows[0, :4]) == 0.4
