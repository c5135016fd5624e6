import errno
import os
import pickle
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pytest

from model.data import arrays as arrays_module
from model.data.arrays import DatasetUnavailable, open_split
from model.data.catalogue import DatasetNotFound, find_dataset
from model.data.npz import DatasetDamaged
from model.errors import VQScopeError

Arrays = dict[str, np.ndarray]


def test_images_are_mapped_and_equal(
    write_npz: Callable[..., Path], make_arrays: Callable[..., Arrays], data_dir: Path, cache: Path
) -> None:
    arrays = make_arrays(colour=True)
    write_npz("cells", arrays=arrays)
    opened = open_split("cells", "val", data_dir=data_dir, cache=cache)
    assert isinstance(opened.images, np.memmap)
    assert not opened.images.flags.writeable
    np.testing.assert_array_equal(opened.images, arrays["val_images"])
    np.testing.assert_array_equal(opened.labels, arrays["val_labels"])
    assert opened.labels.dtype == np.int64
    assert len(opened) == 4
    folder = cache / "arrays" / f"cells-{opened.info.md5[:12]}"  # type: ignore[index]
    assert sorted(path.name for path in folder.glob("[!.]*")) == ["val_images.npy", "val_labels.npy"]


def test_the_second_opening_does_not_unpack(
    write_npz: Callable[..., Path], data_dir: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_npz("cells")
    info = find_dataset("cells", data_dir, cache=cache)
    first = open_split(info, "train", data_dir=data_dir, cache=cache)
    monkeypatch.setattr(arrays_module, "_unpack", lambda *_: pytest.fail("unpacked again"))
    second = open_split(info, "train", data_dir=data_dir, cache=cache)
    np.testing.assert_array_equal(first.images, second.images)


def test_a_cut_cache_file_is_made_again(write_npz: Callable[..., Path], data_dir: Path, cache: Path) -> None:
    write_npz("cells")
    expected = open_split("cells", "test", data_dir=data_dir, cache=cache).images.copy()
    (unpacked,) = (cache / "arrays").glob("*/test_images.npy")
    os.truncate(unpacked, 200)
    np.testing.assert_array_equal(
        open_split("cells", "test", data_dir=data_dir, cache=cache).images, expected
    )


def test_pickled_it_is_small_and_maps_again(
    write_npz: Callable[..., Path], data_dir: Path, cache: Path
) -> None:
    write_npz("cells", counts={"train": 200, "val": 1, "test": 1})
    opened = open_split("cells", "train", data_dir=data_dir, cache=cache)
    sent = pickle.dumps(opened)
    assert len(sent) < opened.images.nbytes / 10
    received = pickle.loads(sent)
    assert isinstance(received.images, np.memmap)
    np.testing.assert_array_equal(received.images, opened.images)


def test_an_empty_split_opens(write_npz: Callable[..., Path], data_dir: Path, cache: Path) -> None:
    write_npz("cells", counts={"train": 3, "val": 0, "test": 0})
    opened = open_split("cells", "val", data_dir=data_dir, cache=cache)
    assert opened.images.shape == (0, 28, 28)
    assert opened.labels.shape == (0, 1)


def test_a_read_only_data_folder_is_enough(
    write_npz: Callable[..., Path], data_dir: Path, cache: Path
) -> None:
    write_npz("cells")
    before = sorted(data_dir.iterdir())
    data_dir.chmod(stat.S_IRUSR | stat.S_IXUSR)
    try:
        assert len(open_split("cells", "train", data_dir=data_dir, cache=cache)) == 11
    finally:
        data_dir.chmod(stat.S_IRWXU)
    assert sorted(data_dir.iterdir()) == before


def test_a_full_disk_is_told_and_leaves_nothing(
    write_npz: Callable[..., Path], data_dir: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(source: Path, member: str, header: object, out: BinaryIO) -> None:
        out.write(b"some")
        raise OSError(errno.ENOSPC, "No space left on device")

    write_npz("cells")
    monkeypatch.setattr(arrays_module, "_stream", full)
    with pytest.raises(VQScopeError, match=r"no space left in .* VQSCOPE_CACHE"):
        open_split("cells", "train", data_dir=data_dir, cache=cache)
    assert [path for path in (cache / "arrays").rglob("*") if path.is_file() and path.stat().st_size] == []


def test_a_cache_that_cannot_be_made_is_told(
    write_npz: Callable[..., Path], data_dir: Path, tmp_path: Path
) -> None:
    write_npz("cells")
    (tmp_path / "file").write_text("")
    with pytest.raises(VQScopeError, match="VQSCOPE_CACHE"):
        open_split("cells", "train", data_dir=data_dir, cache=tmp_path / "file")


def test_damage_within_the_images_is_found_by_the_checksum(
    make_arrays: Callable[..., Arrays], data_dir: Path, cache: Path
) -> None:
    arrays = make_arrays()
    path = data_dir / "cells.npz"
    np.savez(path, **arrays)  # stored, so that the damage hits pixels, not the compression
    data = bytearray(path.read_bytes())
    at = data.index(arrays["train_images"].tobytes()[:64])
    data[at] ^= 0xFF
    path.write_bytes(bytes(data))
    with pytest.raises(DatasetDamaged, match=r"cells\.npz is damaged at train_images"):
        open_split("cells", "train", data_dir=data_dir, cache=cache)
    assert list((cache / "arrays").rglob("*.npy")) + list((cache / "arrays").rglob("*.tmp")) == []


def test_missing_broken_and_unknown_names_are_told(
    write_npz: Callable[..., Path], data_dir: Path, cache: Path
) -> None:
    with pytest.raises(
        DatasetUnavailable, match=f"vqscope data download --datasets breastmnist --data-dir {data_dir}$"
    ):
        open_split("breastmnist", "train", data_dir=data_dir, cache=cache)
    with pytest.raises(DatasetUnavailable, match=r"--datasets breastmnist --size 64 --data-dir"):
        open_split("breastmnist_64", "train", data_dir=data_dir, cache=cache)
    (data_dir / "broken.npz").write_text("x")
    with pytest.raises(DatasetUnavailable, match=r"broken cannot be used: broken\.npz"):
        open_split("broken", "train", data_dir=data_dir, cache=cache)
    with pytest.raises(DatasetNotFound):
        open_split("other", "train", data_dir=data_dir, cache=cache)
    write_npz("cells")
    with pytest.raises(VQScopeError, match="no split 'dev'"):
        open_split("cells", "dev", data_dir=data_dir, cache=cache)


def test_a_file_that_changed_since_it_was_listed_is_refused(
    write_npz: Callable[..., Path], data_dir: Path, cache: Path
) -> None:
    write_npz("cells")
    info = find_dataset("cells", data_dir, cache=cache)
    write_npz("cells", seed=1)
    os.utime(data_dir / "cells.npz", ns=(1, 1))
    with pytest.raises(DatasetUnavailable, match="has changed"):
        open_split(info, "train", data_dir=data_dir, cache=cache)


def test_what_a_killed_process_left_is_removed(
    write_npz: Callable[..., Path], data_dir: Path, cache: Path
) -> None:
    write_npz("cells")
    folder = cache / "arrays" / f"cells-{(find_dataset('cells', data_dir, cache=cache).md5 or '')[:12]}"
    folder.mkdir(parents=True)
    (folder / ".train_images-dead.tmp").write_bytes(b"half")
    assert len(open_split("cells", "train", data_dir=data_dir, cache=cache)) == 11
    assert list(folder.glob(".*.tmp")) == []


def test_processes_that_open_at_once_all_get_the_images(
    write_npz: Callable[..., Path], data_dir: Path, cache: Path
) -> None:
    write_npz("cells")
    program = (
        "import sys; from pathlib import Path; from model.data.arrays import open_split;"
        "print(open_split('cells', 'train', data_dir=Path(sys.argv[1]), cache=Path(sys.argv[2])).images.sum())"
    )
    command = [sys.executable, "-c", program, str(data_dir), str(cache)]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    sums = {process.communicate(timeout=60)[0] for process in running}
    assert [process.returncode for process in running] == [0, 0, 0]
    assert sums == {f"{open_split('cells', 'train', data_dir=data_dir, cache=cache).images.sum()}\n"}
