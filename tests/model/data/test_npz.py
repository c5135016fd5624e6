import io
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from model.data.npz import DatasetDamaged, read_labels, read_layout

Arrays = dict[str, np.ndarray]


def _npy(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def test_layout_of_a_sound_file(write_npz: Callable[..., Path]) -> None:
    layout = read_layout(write_npz("one", colour=True, size=12))
    assert layout.image_size == (12, 12)
    assert layout.n_channels == 3
    assert layout.n_samples == {"train": 11, "val": 4, "test": 5}


def test_labels_come_as_columns(write_npz: Callable[..., Path], make_arrays: Callable[..., Arrays]) -> None:
    arrays = make_arrays()
    arrays |= {name: array[:, 0] for name, array in arrays.items() if name.endswith("labels")}
    labels = read_labels(write_npz("flat", arrays=arrays), "val")
    assert labels.dtype == np.int64
    assert labels.tolist() == [[0], [1], [2], [0]]


@pytest.mark.parametrize(
    ("member", "replacement", "complaint"),
    [
        ("train_images", np.zeros((11, 28, 28), np.float32), "float32, not uint8"),
        ("train_images", np.zeros((11, 28), np.uint8), "shape"),
        ("train_images", np.zeros((11, 28, 28, 4), np.uint8), "shape"),
        ("val_images", np.zeros((4, 20, 20), np.uint8), "val_images"),
        ("val_images", np.zeros((3, 28, 28), np.uint8), "3 images"),
        ("test_labels", np.zeros((5, 1), np.float64), "whole numbers"),
        ("test_labels", np.zeros((5, 2), np.uint8), "unlike train_labels"),
        ("train_images", np.array([{"a": 1}] * 11, dtype=object), "Python objects"),
        ("train_images", np.asfortranarray(np.zeros((11, 28, 28), np.uint8)), "Fortran"),
        ("test_images", None, "no array test_images"),
    ],
)
def test_other_layouts_are_refused_by_name(
    write_npz: Callable[..., Path],
    make_arrays: Callable[..., Arrays],
    member: str,
    replacement: np.ndarray | None,
    complaint: str,
) -> None:
    arrays = make_arrays()
    if replacement is None:
        del arrays[member]
    else:
        arrays[member] = replacement
    path = write_npz("odd", arrays=arrays)
    with pytest.raises(DatasetDamaged, match=complaint) as refusal:
        read_layout(path)
    assert "odd.npz" in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_small_file_that_claims_to_be_large_is_refused(
    data_dir: Path, make_arrays: Callable[..., Arrays]
) -> None:
    header = b"{'descr': '|u1', 'fortran_order': False, 'shape': (40000000, 28, 28), }"
    bomb = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header) + 1) + header + b"\n"
    path = data_dir / "bomb.npz"
    with zipfile.ZipFile(path, "w") as archive:
        for name, array in make_arrays().items():
            archive.writestr(f"{name}.npy", bomb if name == "train_images" else _npy(array))
    with pytest.raises(DatasetDamaged, match="train_images says 31360000000 bytes, the archive 0"):
        read_layout(path)


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04 not really", b"\x93NUMPY\x01\x00", b"<html>404</html>"])
def test_what_is_no_npz_is_refused(data_dir: Path, data: bytes) -> None:
    path = data_dir / "none.npz"
    path.write_bytes(data)
    with pytest.raises(DatasetDamaged, match=r"none\.npz"):
        read_layout(path)


def test_a_cut_file_is_refused(write_npz: Callable[..., Path]) -> None:
    path = write_npz("cut")
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(DatasetDamaged, match=r"cut\.npz"):
        read_layout(path)
