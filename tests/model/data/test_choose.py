import json
import socket
from pathlib import Path

import numpy as np
import pytest

from model.data import choose
from model.data import download as download_module
from model.data.choose import choose_data
from model.errors import VQScopeError


def cut(source: Path, target: Path, *, n: int = 40, size: int = 28) -> None:
    """Write a small data set: the first ``n`` images of each split of a set of the sample."""
    with np.load(source) as arrays:
        cut = {name: array[:n] for name, array in arrays.items()}
    if size != 28:
        cut = {
            name: array.repeat(size // 28, 1).repeat(size // 28, 2) if name.endswith("images") else array
            for name, array in cut.items()
        }
    np.savez_compressed(target, **cut)


@pytest.fixture
def no_network(monkeypatch):
    """Send every request to a port of this machine where nobody listens."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{closed.getsockname()[1]}")
        monkeypatch.setenv("NO_PROXY", "")
        yield


@pytest.fixture
def home(tmp_path, monkeypatch):
    """An empty home folder and cache, and no VQSCOPE_DATA."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("VQSCOPE_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("VQSCOPE_DATA", raising=False)
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


@pytest.fixture
def said():
    return []


def choice(said, data_dir=None, datasets=(), *, or_sample=False):
    folder, infos = choose_data(data_dir, datasets, or_sample=or_sample, say=said.append)
    return folder, [info.name for info in infos]


def test_a_named_folder_that_is_missing_is_refused(tmp_path, said):
    with pytest.raises(VQScopeError, match=r"absent does not exist"):
        choice(said, tmp_path / "absent")


@pytest.mark.parametrize("by", ["option", "variable"])
def test_a_named_folder_without_a_set_falls_back_on_the_sample(
    by, tmp_path, said, home, no_network, monkeypatch
):
    folder = tmp_path / "empty"
    folder.mkdir()
    monkeypatch.setenv("VQSCOPE_DATA", str(folder if by == "variable" else tmp_path / "absent"))
    taken, names = choice(said, folder if by == "option" else None)
    assert taken == tmp_path / "cache" / "sample"
    assert len(names) >= 4
    assert said[0].endswith(f"not in {folder}: trying to download")
    assert said[1].startswith("no download (cannot fetch dermamnist.npz")
    assert "taking the offline sample" in said[2]
    assert list(folder.iterdir()) == []


def test_what_is_downloaded_into_a_named_folder_is_taken(tmp_path, said, home, sample_dir, monkeypatch):
    def fetch(url, target, *, md5):
        cut(sample_dir / "sample_ct.npz", target)

    monkeypatch.setattr(download_module, "fetch", fetch)
    assert choice(said, tmp_path, ["retinamnist"]) == (tmp_path, ["retinamnist"])
    assert said == [f"retinamnist not in {tmp_path}: trying to download"]


def test_the_variable_names_a_folder_too(tmp_path, said, monkeypatch):
    monkeypatch.setenv("VQSCOPE_DATA", str(tmp_path / "absent"))
    with pytest.raises(VQScopeError, match=r"absent does not exist"):
        choice(said)


def test_a_folder_of_broken_files_is_refused_with_the_reason(tmp_path, said):
    (tmp_path / "broken.npz").write_bytes(b"not a zip file")
    with pytest.raises(VQScopeError, match=r"can be read \(broken: "):
        choice(said, tmp_path)


def test_a_named_set_that_is_broken_is_refused(tmp_path, said, sample_dir):
    cut(sample_dir / "sample_ct.npz", tmp_path / "whole.npz")
    (tmp_path / "broken.npz").write_bytes(b"not a zip file")
    with pytest.raises(VQScopeError, match=r"broken\.npz: "):
        choice(said, tmp_path, ["whole", "broken"])
    assert choice(said, tmp_path) == (tmp_path, ["whole"])


def test_a_named_set_that_cannot_be_had_is_refused(tmp_path, said, sample_dir, no_network):
    cut(sample_dir / "sample_ct.npz", tmp_path / "breastmnist.npz")
    with pytest.raises(VQScopeError, match="did you mean breastmnist"):
        choice(said, tmp_path, ["breastmnis"])
    with pytest.raises(VQScopeError, match=r"cannot fetch retinamnist\.npz"):
        choice(said, tmp_path, ["breastmnist", "retinamnist"])


def test_or_sample_takes_the_sample_without_a_download(tmp_path, said, home):
    folder, names = choice(said, tmp_path / "empty", or_sample=True)
    assert folder == tmp_path / "cache" / "sample"
    assert len(names) >= 4
    assert all(name.startswith("sample_") for name in names)
    assert not any("download" in line for line in said)


def test_medmnists_folder_is_taken_when_it_holds_a_set(home, said, sample_dir):
    (home / ".medmnist").mkdir()
    cut(sample_dir / "sample_ct.npz", home / ".medmnist" / "breastmnist.npz")
    assert choice(said) == (home / ".medmnist", ["breastmnist"])


def test_without_data_and_network_the_sample_is_taken_and_said(home, said, no_network):
    folder, names = choice(said)
    assert folder.name == "sample"
    assert len(names) >= 4
    assert said[0].startswith("dermamnist, ")
    assert "trying to download" in said[0]
    assert "not MedMNIST" in said[-1]


def test_without_network_a_named_set_is_not_replaced(home, said, no_network):
    with pytest.raises(VQScopeError):
        choice(said, datasets=["breastmnist"])


def test_the_papers_sets_come_first_then_what_fits(tmp_path, said, sample_dir, monkeypatch):
    ct = sample_dir / "sample_ct.npz"
    for name in ("aaa", "retinamnist", "dermamnist"):
        cut(ct, tmp_path / f"{name}.npz")
    cut(ct, tmp_path / "bloodlike.npz", n=60)
    (tmp_path / "bloodlike.json").write_text(json.dumps({"title": "B", "stands_for": "bloodmnist"}))
    assert choice(said, tmp_path)[1] == ["dermamnist", "retinamnist", "bloodlike", "aaa"]
    assert said == []
    monkeypatch.setattr(choose, "MAX_IMAGES", 400)  # 3 x 120, but not the 180 of bloodlike beside them
    assert choice(said, tmp_path)[1] == ["dermamnist", "retinamnist", "aaa"]
    assert said == ["left out to start soon: bloodlike (choose with --datasets)"]


def test_of_several_sizes_the_smallest_is_taken(tmp_path, said, sample_dir):
    ct = sample_dir / "sample_ct.npz"
    cut(ct, tmp_path / "breastmnist_224.npz", size=224)
    assert choice(said, tmp_path)[1] == ["breastmnist_224"]
    cut(ct, tmp_path / "breastmnist.npz")
    assert choice(said, tmp_path)[1] == ["breastmnist"]


def stand_in(folder, name, *, of, source):
    cut(source, folder / f"{name}.npz")
    (folder / f"{name}.json").write_text(json.dumps({"title": name, "stands_for": of}))


def test_of_the_same_pictures_split_in_two_ways_one_is_taken(tmp_path, said, sample_dir):
    ct = sample_dir / "sample_ct.npz"
    stand_in(tmp_path, "cells", of="bloodmnist", source=ct)
    stand_in(tmp_path, "zells", of="bloodmnist", source=ct)
    assert choice(said, tmp_path)[1] == ["cells"]
    cut(ct, tmp_path / "bloodmnist_64.npz", size=56)
    said.clear()
    assert choice(said, tmp_path)[1] == ["bloodmnist_64"]
    cut(ct, tmp_path / "bloodmnist.npz")
    said.clear()
    assert choice(said, tmp_path)[1] == ["bloodmnist"]
    assert said == [
        f"left out: {name}, the pictures of bloodmnist split another way (choose with --datasets)"
        for name in ("cells", "zells")
    ]
    assert choice(said, tmp_path, ["cells", "bloodmnist"])[1] == ["cells", "bloodmnist"]
