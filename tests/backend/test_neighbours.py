"""The nearest images of an image of the index, over HTTP."""

import shutil
from dataclasses import replace

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from backend.searching import Searching
from model.latent.ann import build_search, open_search
from model.latent.index import open_index


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_equal_to_scikit_learn(client, index, metric):
    block = next(block for block in index.blocks if block.split == "val")
    row = block.start + block.count // 2
    path = f"/v1/neighbours/{block.dataset}/val/{block.count // 2}"
    answer = client.get(path, params={"k": 7, "metric": metric}).json()
    embeddings = np.asarray(index.embeddings, np.float64)
    theirs = NearestNeighbors(n_neighbors=8, metric=metric, algorithm="brute").fit(embeddings)
    distances, rows = theirs.kneighbors(embeddings[row : row + 1])
    kept = rows[0] != row
    named = [(item["dataset"], item["split"], item["position"]) for item in answer["items"]]
    assert [index.row(*name) for name in named] == rows[0][kept].tolist()
    found = [item["distance"] for item in answer["items"]]
    np.testing.assert_allclose(found, distances[0][kept], rtol=1e-4, atol=1e-5)
    images = index.images.to_pylist()
    same = [images[other]["dataset"] == block.dataset for other in rows[0][kept]]
    assert answer["same_dataset"]["count"] == sum(same)
    others = [image["dataset"] == block.dataset for i, image in enumerate(images) if i != row]
    assert answer["same_dataset"]["expected"] == pytest.approx(np.mean(others))
    alike = [image["dataset"] == block.dataset and image["label"] == images[row]["label"] for image in images]
    assert answer["same_label"]["count"] == sum(alike[other] for other in rows[0][kept])
    assert answer["same_label"]["expected"] == pytest.approx((sum(alike) - 1) / (index.n - 1))
    within = answer["same_label_within"]
    assert (within["n"], within["count"]) == (sum(same), answer["same_label"]["count"])
    assert within["expected"] == pytest.approx((sum(alike) - 1) / sum(others))
    assert answer["same_label"]["share"] == pytest.approx(answer["same_label"]["count"] / 7)
    assert answer["index"] == index.version


def test_what_is_not_there_is_a_problem(client, index, problem):
    dataset = index.blocks[0].dataset
    problem(client.get("/v1/neighbours/nothing/val/0"), 404, "not-found")
    problem(client.get(f"/v1/neighbours/{dataset}/val/999999"), 404, "not-found")
    problem(client.get(f"/v1/neighbours/{dataset}/val/0", params={"k": 201}), 422, "invalid-request")
    problem(client.get(f"/v1/neighbours/{dataset}/val/0", params={"metric": "l1"}), 422, "invalid-request")


def test_the_answer_says_that_it_is_exact(client, index):
    block = index.blocks[0]
    answer = client.get(f"/v1/neighbours/{block.dataset}/{block.split}/0", params={"search": "exact"}).json()
    assert (answer["search"], answer["recall"]) == ("exact", 1)


def test_without_approximate_search_it_is_the_default_and_asking_for_it_a_problem(client, index, problem):
    path = f"/v1/neighbours/{index.blocks[0].dataset}/{index.blocks[0].split}/0"
    assert client.get(path).json()["search"] == "exact"
    detail = problem(client.get(path, params={"search": "approximate"}), 404, "not-found")
    assert "vqscope index --search" in detail
    problem(client.get(path, params={"search": "quick"}), 422, "invalid-request")


def test_approximate_search_says_so_and_how_good_it_is(run_service, make_settings, tiny_index_dir, tmp_path):
    pytest.importorskip("faiss")
    folder = shutil.copytree(tiny_index_dir, tmp_path / "index")
    built = build_search(open_index(folder), progress=False)
    with run_service(make_settings(index=folder)) as service:
        block = service.service.loaded().index.blocks[0]
        path = f"/v1/neighbours/{block.dataset}/{block.split}/0"
        exact, found = (
            service.client.get(path, params={"k": 5, "search": search}).json()
            for search in ("exact", "approximate")
        )
        assert found["search"] == "approximate"
        assert found["recall"] == built.recall["cosine"]
        assert len(found["items"]) == 5
        assert found["items"][0] == exact["items"][0]
        assert service.client.get(path).json()["search"] == "exact"  # the index is small


def test_a_search_of_another_index_is_left_alone(tiny_index_dir, tmp_path, caplog):
    pytest.importorskip("faiss")
    folder = shutil.copytree(tiny_index_dir, tmp_path / "index")
    build_search(open_index(folder), progress=False)
    stale = replace(open_index(folder), version="0" * 12)
    assert Searching.of(stale).approximate is None
    assert "no approximate search" in caplog.text


def test_an_approximate_search_that_misses_much_is_no_default(tiny_index_dir, tmp_path, monkeypatch, caplog):
    pytest.importorskip("faiss")
    folder = shutil.copytree(tiny_index_dir, tmp_path / "index")
    index = open_index(folder)
    build_search(index, progress=False)
    search = open_search(index)
    monkeypatch.setattr("backend.searching.APPROXIMATE_FROM", index.n)
    for recall, by_default in ((0.989, False), (0.99, True)):
        worse = replace(search, recall={**search.recall, "cosine": recall})
        monkeypatch.setattr("backend.searching.open_search", lambda _, worse=worse: worse)
        found = Searching.of(index)
        assert found.by_default is by_default
        assert found.choose("approximate") is worse
        assert ("finds only 0.989 of the nearest" in caplog.text) is not by_default
        caplog.clear()


def test_a_large_index_is_searched_approximately_by_default():
    approximate = object()
    assert Searching(approximate, "", by_default=True).choose(None) is approximate
    assert Searching(approximate, "", by_default=True).choose("exact") is None
    assert Searching(approximate, "", by_default=False).choose(None) is None
