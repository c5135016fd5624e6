"""The quality of the maps of a real small index: measured when it is built, stored beside the map."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace

import numpy as np
import pytest
from sklearn.manifold import trustworthiness

from model import once
from model.latent import quality_store
from model.latent.errors import IndexDamaged, MapNotFound, SettingError
from model.latent.index import open_index
from model.latent.map_measuring import QualitySettings, measure_map
from model.latent.quality_store import open_quality, write_quality
from model.latent.reuse import verify

pytestmark = pytest.mark.integration
QUICK = QualitySettings(k=5, sample=200, references=150, pairs=1000)


def test_an_index_is_measured_when_it_is_built(index):
    chart = index.map("pca")
    quality = chart.quality
    assert (quality.metric, quality.stability) == ("euclidean", None)
    ranks = quality.neighbourhoods
    assert (ranks.n, ranks.exact) == (index.n, False)
    assert 1950 < ranks.n_used < 2050
    assert (quality.points.references, quality.points.exact) == (index.n, True)
    # The estimate against the exact figures: of our own, and of scikit-learn.
    low, high = ranks.preservation.interval
    assert quality.points.mean == pytest.approx(ranks.preservation.value, abs=high - low)
    low, high = ranks.trustworthiness.interval
    doubles = (array.astype(np.float64) for array in (index.embeddings, chart.coordinates))
    assert trustworthiness(*doubles, n_neighbors=15) == pytest.approx(
        ranks.trustworthiness.value, abs=high - low
    )
    assert quality.points.by_dataset.keys() == {info["name"] for info in index.datasets}
    assert chart.preservation.mean() == pytest.approx(quality.points.mean)
    for figure in (quality.neighbourhoods.trustworthiness, quality.distances.spearman):
        assert figure.chance + 0.2 < figure.value <= 1


def test_measured_again_with_other_settings(copy):
    index = open_index(copy)
    told = measure_map(index, "pca", replace(QUICK, metric="cosine"))
    stored = open_index(copy).map("pca")
    assert stored.quality == told
    assert not told.neighbourhoods.exact
    assert 190 <= told.neighbourhoods.n_used <= 220
    assert 140 <= told.points.references <= 170
    assert told.stability is None
    assert stored.preservation.mean() == pytest.approx(told.points.mean, abs=1e-6)
    assert sorted(path.name for path in (copy / "maps" / "pca").iterdir()) == [
        "coordinates.npy", "map.json", "preservation.npy", "projector.safetensors", "quality.json",
    ]  # fmt: skip
    again = measure_map(index, "pca", replace(QUICK, metric="cosine"))
    assert again == told


@pytest.mark.parametrize("left", [("quality.json",), ("preservation.npy",), ()])
def test_a_map_without_quality_opens(copy, left):
    folder = copy / "maps" / "pca"
    if left != ("quality.json",):
        (folder / "quality.json").unlink()
    if left == ():
        (folder / "preservation.npy").unlink()
    if left == ("quality.json",):  # of another version, however it looks
        (folder / "quality.json").write_text('{"version": 99}')
    chart = open_index(copy).map("pca")
    assert (chart.quality, chart.preservation) == (None, None)
    measure_map(open_index(copy), "pca", QUICK)
    assert open_index(copy).map("pca").quality is not None


@pytest.mark.parametrize("name", ["quality.json", "preservation.npy"])
@pytest.mark.parametrize("how", ["cut", "empty", "rubbish", "missing"])
def test_damaged_files_are_one_line_that_helps(copy, name, how):
    path = copy / "maps" / "pca" / name
    data = path.read_bytes()
    path.unlink()
    if how != "missing":
        path.write_bytes({"cut": data[:-7], "empty": b"", "rubbish": b"\x93rubbish\x00" * 20}[how])
    elif name == "quality.json":
        return  # a map may go without
    with pytest.raises(IndexDamaged) as caught:
        open_index(copy)
    message = str(caught.value)
    assert name in message
    assert "\n" not in message
    assert "quality.json, and" in message
    (copy / "maps" / "pca" / "quality.json").unlink()  # as it says
    measure_map(open_index(copy), "pca", QUICK)
    assert open_index(copy).map("pca").quality is not None


@pytest.mark.parametrize(
    "change",
    [
        lambda c: c.pop("points"),
        lambda c: c.update(metric="l1"),
        lambda c: c.update(seed=True),
        lambda c: c["neighbourhoods"].update(n=c["neighbourhoods"]["n"] + 1),
        lambda c: c["neighbourhoods"].update(exact=1),
        lambda c: c["neighbourhoods"].update(k=-1),
        lambda c: c["neighbourhoods"]["trustworthiness"].update(value="0.9"),
        lambda c: c["neighbourhoods"]["trustworthiness"].update(interval=[0.1]),
        lambda c: c["distances"]["pearson"].update(value=float("nan")),
        lambda c: c["points"].update(by_dataset=[1]),
        lambda c: c.update(stability={}),
    ],
)
def test_content_that_does_not_fit(copy, change):
    path = copy / "maps" / "pca" / "quality.json"
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))
    with pytest.raises(IndexDamaged, match=r"quality\.json"):
        open_index(copy)


class Killed(BaseException):
    """What a kill is to the writing."""


def test_a_kill_while_writing_leaves_old_none_or_new(copy, monkeypatch):
    folder = copy / "maps" / "pca"
    n = open_index(copy).n
    old, stored = open_quality(folder, n)
    preservation = np.array(stored)  # not the file, which goes
    new = measure_map(open_index(copy), "pca", QUICK)
    other = np.array(open_quality(folder, n)[1])
    steps = {"left": 0}

    def counted(function):
        def call(*given, **named):
            if not steps["left"]:
                raise Killed
            steps["left"] -= 1
            return function(*given, **named)

        return call

    for allowed in range(30):
        write_quality(folder, old, preservation)
        steps["left"] = allowed
        with monkeypatch.context() as patch:
            patch.setattr(quality_store, "sync", counted(quality_store.sync))
            for name in ("unlink", "rename"):
                patch.setattr(quality_store.Path, name, counted(getattr(quality_store.Path, name)))
            try:
                write_quality(folder, new, other)
                done = True
            except Killed:
                done = False
        found = open_quality(folder, n)
        assert found is None or found[0] in (old, new)
        if found is not None:
            np.testing.assert_array_equal(found[1], preservation if found[0] == old else other)
        if done:
            assert found[0] == new
            return
    pytest.fail("it never came to its end")


def test_two_who_measure_one_map_at_once_do_not_spoil_each_other(copy, monkeypatch):
    folder = copy / "maps" / "pca"
    n = open_index(copy).n
    old, preservation = (open_quality(folder, n)[0], np.array(open_quality(folder, n)[1]))
    new, other = replace(old, seed=7), preservation / 2
    inside, waits = threading.Event(), threading.Event()
    write_json, lock_folder = quality_store.write_json, once.lock_folder

    def write_slowly(path, content):  # until the other one is at the lock, or in here as well
        if inside.is_set():
            waits.set()
        inside.set()
        assert waits.wait(60)
        write_json(path, content)

    def lock(path, **given):
        if inside.is_set():
            waits.set()
        return lock_folder(path, **given)

    monkeypatch.setattr(quality_store, "write_json", write_slowly)
    monkeypatch.setattr(once, "lock_folder", lock)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(write_quality, folder, old, preservation)
        assert inside.wait(60)
        second = pool.submit(write_quality, folder, new, other)
        first.result(), second.result()
    found = open_quality(folder, n)
    assert found[0] == new
    np.testing.assert_array_equal(found[1], other)
    assert not list(folder.glob("*.part"))


def test_verify_reads_the_preservation(copy):
    path = copy / "maps" / "pca" / "preservation.npy"
    stored = np.load(path)
    stored[-1] = np.nan
    np.save(path, stored)
    with pytest.raises(IndexDamaged, match=r"preservation\.npy holds"):
        verify(open_index(copy))


def test_settings_out_of_range(index):
    for wrong in ({"k": 0}, {"metric": "l1"}, {"sample": 1}, {"references": 20}, {"pairs": 10}, {"seed": -1}):
        with pytest.raises(SettingError, match=next(iter(wrong))):
            QualitySettings(**wrong)
    with pytest.raises(SettingError, match="choose k from 1 to"):
        measure_map(index, "pca", QualitySettings(k=index.n, references=10**6))
    with pytest.raises(SettingError, match="pca has no seed"):
        measure_map(index, "pca", QUICK, fits=2)
    with pytest.raises(MapNotFound):
        measure_map(index, "umap")


def test_all_of_it_is_json(index):
    text = json.dumps(asdict(index.map("pca").quality), allow_nan=False)
    assert '"trustworthiness"' in text
