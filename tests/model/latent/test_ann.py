import json
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from model.cli import main
from model.latent.ann import (
    ApproximateSearch,
    SearchSettings,
    SearchUnavailable,
    build_search,
    n_lists,
    open_search,
)
from model.latent.errors import IndexDamaged, IndexMismatch, SettingError
from model.latent.neighbours import nearest

pytest.importorskip("faiss")
METRICS = ("cosine", "euclidean")
N, D = 3000, 24


@pytest.fixture
def index(tmp_path) -> SimpleNamespace:
    """What a search sees of an index: clustered embeddings of very different lengths, one of them zero."""
    rng = np.random.default_rng(0)
    centres = 4 * rng.standard_normal((12, D))
    rows = centres[rng.integers(12, size=N)] + rng.standard_normal((N, D))
    rows *= rng.lognormal(sigma=0.5, size=(N, 1))
    rows[7] = 0
    embeddings = rows.astype(np.float32)
    return SimpleNamespace(path=tmp_path, version="v1", embeddings=embeddings, n=N)


def recall(search: ApproximateSearch, index, metric: str, k: int) -> float:
    rows = np.arange(0, N, 37)
    _, exact = nearest(index.embeddings, index.embeddings[rows], k=k, metric=metric, exclude=rows)
    found, distances = search.nearest(index.embeddings[rows], k=k, metric=metric, exclude=rows)
    assert found.shape == distances.shape == (len(rows), k)
    assert not (found == rows[:, None]).any()
    assert (np.diff(distances, axis=1) >= 0).all()
    return float((distances <= exact[:, -1:]).mean())


@pytest.mark.parametrize("metric", METRICS)
def test_finds_what_the_exact_search_finds(index, metric):
    search = build_search(index, progress=False)
    assert recall(search, index, metric, 10) >= 0.99
    assert recall(search, index, metric, 50) >= 0.97
    assert search.recall[metric] >= 0.99


@pytest.mark.parametrize("metric", METRICS)
def test_looking_into_all_lists_and_measuring_all_rows_is_the_exact_search(index, metric):
    search = build_search(index, SearchSettings(probes=10**6, candidates=N), progress=False)
    rows = np.array([0, 7, 8, 500])
    queries = index.embeddings[rows]
    for exclude in (None, rows):
        exact = nearest(index.embeddings, queries, k=20, metric=metric, exclude=exclude)
        found = search.nearest(queries, k=20, metric=metric, exclude=exclude)
        np.testing.assert_array_equal(found[0], exact[0])
        np.testing.assert_array_equal(found[1], exact[1])
    assert search.recall[metric] == 1


@pytest.mark.parametrize("metric", METRICS)
def test_as_many_neighbours_as_asked_for_though_few_lie_in_the_nearest_list(index, metric):
    search = build_search(index, SearchSettings(probes=1, candidates=1), progress=False)
    rows, _ = search.nearest(index.embeddings[:2], k=2000, metric=metric, exclude=[0, -1])
    assert rows.shape == (2, 2000)
    assert all(len(set(row)) == 2000 for row in rows.tolist())
    assert 0 not in rows[0]
    everything, _ = search.nearest(index.embeddings[:1], k=9999, metric=metric, exclude=[0])
    assert sorted(everything[0].tolist()) == list(range(1, N))


def test_the_recall_is_measured_and_not_hoped_for(index):
    """One list of many looked into, one candidate a neighbour: it must be seen to be poor."""
    index.embeddings = np.random.default_rng(1).standard_normal((N, D)).astype(np.float32)
    search = build_search(index, SearchSettings(probes=1, candidates=1), progress=False)
    assert 0.05 < search.recall["cosine"] < 0.8
    assert open_search(index).recall == search.recall


def test_what_is_there_is_kept_while_it_fits(index):
    build_search(index, progress=False)
    path = index.path / "search" / "search.json"
    first = path.stat().st_mtime_ns
    build_search(index, progress=False)
    assert path.stat().st_mtime_ns == first
    build_search(index, afresh=True, progress=False)
    second = path.stat().st_mtime_ns
    assert second != first
    build_search(index, SearchSettings(probes=8), progress=False)
    assert path.stat().st_mtime_ns != second
    assert open_search(index).settings.probes == 8


def test_none_is_told_with_the_command_that_builds_it(index):
    with pytest.raises(SearchUnavailable, match="vqscope index --search --out"):
        open_search(index)


def test_one_of_another_index_is_refused(index):
    build_search(index, progress=False)
    index.version = "v2"
    with pytest.raises(IndexMismatch, match="before the index was changed"):
        open_search(index)
    assert build_search(index, progress=False).index_version == "v2"


@pytest.mark.parametrize("harm", ["flip", "cut", "remove", "describe"])
def test_a_damaged_one_is_refused_and_built_again(index, harm):
    build_search(index, progress=False)
    path = index.path / "search" / "cosine.faiss"
    data = bytearray(path.read_bytes())
    if harm == "flip":
        data[len(data) // 2] ^= 1
        path.write_bytes(data)
    elif harm == "cut":
        path.write_bytes(data[:-1])
    elif harm == "remove":
        path.unlink()
    else:
        described = path.with_name("search.json")
        content = json.loads(described.read_text())
        content["settings"]["probes"] = "many"
        described.write_text(json.dumps(content))
    with pytest.raises(IndexDamaged):
        open_search(index)
    assert build_search(index, progress=False).recall["cosine"] > 0.99


def test_without_faiss_it_says_what_to_install(index, monkeypatch):
    monkeypatch.setitem(sys.modules, "faiss", None)
    with pytest.raises(SearchUnavailable, match=r"pip install 'vqscope\[search\]'"):
        build_search(index, progress=False)


@pytest.mark.parametrize("wrong", [{"k": 0}, {"metric": "l1"}, {"exclude": [1, 2]}])
def test_wrong_arguments_are_refused(index, wrong):
    search = build_search(index, progress=False)
    with pytest.raises(SettingError):
        search.nearest(index.embeddings[:1], **({"k": 3} | wrong))
    with pytest.raises(SettingError):
        search.nearest(index.embeddings[:1, :5], k=3)
    with pytest.raises(SettingError):
        search.nearest(index.embeddings[:1] * np.nan, k=3)
    with pytest.raises(SettingError):
        SearchSettings(probes=0)


@pytest.mark.parametrize("n", [1, 2, 30])
def test_a_handful_of_images(index, n):
    index.embeddings, index.n = index.embeddings[:n], n
    search = build_search(index, progress=False)
    rows, _ = search.nearest(index.embeddings[:1], k=5, exclude=[0])
    assert rows.shape == (1, min(5, n - 1))


def test_lists_grow_with_the_root_of_the_images():
    assert [n_lists(n) for n in (1, 38, 100, 2000, 25_000, 707_962)] == [1, 1, 2, 32, 128, 1024]


@pytest.mark.integration
def test_the_command(copy, capsys):
    assert main(["index", "--search", "--out", str(copy)]) == 0
    captured = capsys.readouterr()
    assert "of the 10 nearest images" in captured.err
    assert captured.out == ""
    assert (copy / "search" / "cosine.faiss").is_file()
