import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from model.data import fingerprint as fingerprint_module
from model.data.catalogue import DatasetNotFound, find_dataset, list_datasets, report_warnings
from model.data.fingerprint import fingerprint
from model.data.official import official_names, official_sets
from model.errors import VQScopeError

CARD = {
    "name": "cells",
    "title": "Cells",
    "modality": "microscopy",
    "labels": {"0": "round", "1": "long", "2": "dead"},
    "licence": "CC0",
    "official": False,
    "stands_for": "bloodmnist",
    "note": "made up",
    "n_channels": 1,
    "n_samples": {"train": 11, "val": 4, "test": 5},
}


def test_an_empty_or_missing_folder_still_lists_the_twelve_sets(tmp_path: Path, cache: Path) -> None:
    infos = list_datasets(tmp_path / "nowhere", cache=cache)
    assert [info.name for info in infos] == official_names()
    assert len(infos) == 12
    assert not any(info.available or info.path or info.md5 or info.class_counts for info in infos)
    chest = next(info for info in infos if info.name == "chestmnist")
    assert chest.multi_label
    assert chest.labels[13] == "hernia"
    assert chest.n_samples == {"train": 78468, "val": 11219, "test": 22433}
    assert chest.modality == "chest X-ray"


def test_medmnists_own_table_agrees() -> None:
    from medmnist import INFO  # slow: torch

    two_dimensional = {flag for flag in INFO if "3d" not in flag}
    assert set(official_names()) == two_dimensional
    one = official_sets()["pathmnist_64"]
    assert (one.md5, one.url) == (INFO["pathmnist"]["MD5_64"], INFO["pathmnist"]["url_64"])


def test_a_file_with_a_card_shows_what_both_say(
    write_npz: Callable[..., Path], data_dir: Path, cache: Path
) -> None:
    path = write_npz("cells", card=CARD, counts={"train": 11, "val": 4, "test": 5})
    info = find_dataset("cells", data_dir, cache=cache)
    assert (info.title, info.modality, info.licence, info.note) == ("Cells", "microscopy", "CC0", "made up")
    assert (info.source, info.available, info.official) == ("card", True, False)
    assert info.stands_for == "bloodmnist"
    assert info.labels == {0: "round", 1: "long", 2: "dead"}
    assert info.class_counts == {
        "train": {0: 4, 1: 4, 2: 3},
        "val": {0: 2, 1: 1, 2: 1},
        "test": {0: 2, 1: 2, 2: 1},
    }
    assert info.path == path
    assert info.warnings == ()
    assert json.loads(json.dumps(info.to_dict())) == info.to_dict()


def test_a_file_without_a_card_names_its_labels_by_value(
    write_npz: Callable[..., Path], data_dir: Path, cache: Path
) -> None:
    write_npz("bare", colour=True, size=40)
    info = find_dataset("bare", data_dir, cache=cache)
    assert (info.source, info.n_channels, info.image_size) == ("bare", 3, 40)
    assert (info.licence, info.task) == ("unknown", "multi-class")
    assert info.labels == {0: "0", 1: "1", 2: "2"}


def test_several_labels_count_positives(write_npz: Callable[..., Path], data_dir: Path, cache: Path) -> None:
    write_npz("chestlike", labels=3)
    info = find_dataset("chestlike", data_dir, cache=cache)
    assert info.multi_label
    assert info.to_dict()["multi_label"] is True
    assert info.class_counts is not None
    assert info.class_counts["val"] == {0: 2, 1: 2, 2: 2}


@pytest.mark.parametrize(
    ("labels", "task"), [(3, "findings, several an image"), (1, "multi-label, says the card")]
)
def test_the_file_decides_whether_there_are_several_labels(
    write_npz: Callable[..., Path], data_dir: Path, cache: Path, labels: int, task: str
) -> None:
    write_npz("mine", labels=labels, card={"task": task})
    info = find_dataset("mine", data_dir, cache=cache)
    assert (info.task, info.multi_label, info.to_dict()["multi_label"]) == (task, labels > 1, labels > 1)


def test_a_medmnist_name_with_another_md5_warns_but_works(
    write_npz: Callable[..., Path], data_dir: Path, cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_npz("breastmnist")
    info = find_dataset("breastmnist", data_dir, cache=cache)
    assert info.available
    assert not info.official
    assert info.md5_expected == official_sets()["breastmnist"].md5
    assert any("not the official BreastMNIST file" in warning for warning in info.warnings)
    assert any("announced were 546/78/156" in warning for warning in info.warnings)
    report_warnings([info])
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == len(info.warnings)
    assert all(line.startswith("vqscope: warning: breastmnist: ") for line in lines)
    report_warnings([find_dataset("breastmnist", data_dir, cache=cache)])
    assert capsys.readouterr().err == ""  # once in a process is enough


def test_a_card_with_another_md5_warns(write_npz: Callable[..., Path], data_dir: Path, cache: Path) -> None:
    write_npz("cells", card={**CARD, "md5": "0" * 32})
    assert "not the file its card describes" in find_dataset("cells", data_dir, cache=cache).warnings[0]


@pytest.mark.parametrize(
    "text", ["{", "[]", '"x"', "\udcff".encode("utf-8", "surrogateescape").decode("latin-1")]
)
def test_a_broken_card_is_left_out_with_a_warning(
    write_npz: Callable[..., Path], data_dir: Path, cache: Path, text: str
) -> None:
    path = write_npz("cells")
    path.with_suffix(".json").write_text(text, encoding="latin-1")
    info = find_dataset("cells", data_dir, cache=cache)
    assert info.available
    assert info.source == "bare"
    assert "cells.json" in info.warnings[0]


def test_wrong_fields_of_a_card_are_named(
    write_npz: Callable[..., Path], data_dir: Path, cache: Path
) -> None:
    write_npz("cells", card={"title": 3, "labels": {"a": "b"}, "n_samples": [1], "modality": "CT"})
    info = find_dataset("cells", data_dir, cache=cache)
    assert (info.title, info.modality) == ("cells", "CT")
    assert all(field in info.warnings[0] for field in ("title", "labels", "n_samples"))


def test_broken_files_are_listed_as_unavailable(
    write_npz: Callable[..., Path], data_dir: Path, cache: Path
) -> None:
    write_npz("sound")
    (data_dir / "html.npz").write_text("<html>")
    (data_dir / "bad name.npz").write_bytes((data_dir / "sound.npz").read_bytes())
    (data_dir / "retinamnist.npz").write_bytes(b"")
    listed = {info.name: info for info in list_datasets(data_dir, cache=cache)}
    assert listed["sound"].available
    for name in ("html", "bad name", "retinamnist"):
        assert not listed[name].available
        assert listed[name].path is not None
        assert listed[name].warnings, name


def test_larger_official_sizes_are_listed_where_present(
    write_npz: Callable[..., Path], data_dir: Path, cache: Path
) -> None:
    write_npz("breastmnist_64", size=64)
    names = [info.name for info in list_datasets(data_dir, cache=cache)]
    assert "breastmnist_64" in names
    assert "retinamnist_64" not in names
    info = find_dataset("breastmnist_64", data_dir, cache=cache)
    assert (info.source, info.image_size, info.md5_expected) == (
        "medmnist", 64, official_sets()["breastmnist_64"].md5,
    )  # fmt: skip


def test_an_unknown_name_gets_close_matches(
    write_npz: Callable[..., Path], data_dir: Path, cache: Path
) -> None:
    write_npz("cells")
    with pytest.raises(DatasetNotFound, match=r"did you mean cells.*available: cells"):
        find_dataset("cels", data_dir, cache=cache)
    with pytest.raises(DatasetNotFound, match="breastmnist"):
        find_dataset("brestmnist", data_dir, cache=cache)
    with pytest.raises(DatasetNotFound):
        find_dataset("../data/cells", data_dir, cache=cache)


def test_an_unchanged_file_is_hashed_once_and_a_changed_one_again(
    write_npz: Callable[..., Path], cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed: list[Path] = []
    real = fingerprint_module.hash_file
    monkeypatch.setattr(fingerprint_module, "hash_file", lambda path: hashed.append(path) or real(path))
    path = write_npz("cells")
    first = fingerprint(path, cache=cache)
    assert fingerprint(path, cache=cache) == first
    assert len(hashed) == 1
    write_npz("cells", seed=1)
    os.utime(path, ns=(1, 1))  # a clock that stands still must not hide the change
    assert fingerprint(path, cache=cache).md5 != first.md5
    assert len(hashed) == 2


def test_a_broken_or_unwritable_cache_costs_time_only(write_npz: Callable[..., Path], cache: Path) -> None:
    path = write_npz("cells")
    first = fingerprint(path, cache=cache)
    (entry,) = (cache / "fingerprints").glob("*.json")
    entry.write_text("{}")
    assert fingerprint(path, cache=cache) == first
    file_in_the_way = cache / "file"
    file_in_the_way.write_text("")
    assert fingerprint(path, cache=file_in_the_way) == first


def test_unknown_sizes_are_refused() -> None:
    with pytest.raises(VQScopeError, match="28, 64, 128, 224"):
        official_names(32)


def test_the_real_folder(real_data_dir: Path, cache: Path) -> None:
    listed = {info.name: info for info in list_datasets(real_data_dir, cache=cache)}
    assert listed["breastmnist"].official
    assert listed["breastmnist"].warnings == ()
    assert listed["breastmnist"].class_counts is not None
    assert listed["breastmnist"].class_counts["test"] == {0: 42, 1: 114}
    if "ham10000" in listed:
        assert listed["ham10000"].stands_for == "dermamnist"
        assert sum(listed["ham10000"].n_samples.values()) == 10_015
    for info in listed.values():
        if info.available and info.class_counts is not None and not info.multi_label:
            counts = {split: sum(values.values()) for split, values in info.class_counts.items()}
            assert counts == info.n_samples
            assert np.all(np.array(list(counts.values())) > 0)
