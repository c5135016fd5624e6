"""The MedMNIST file layout, read without trusting the file.

A data set is one ``NAME.npz`` with ``{train,val,test}_images`` (uint8, N×H×W or N×H×W×3) and
``{train,val,test}_labels`` (integers, N×L or N). Only the headers are read here; nothing is unpickled, and a
header is believed only where the archive's own sizes agree with it, since a 128-byte npy header can otherwise
ask for tens of gigabytes.
"""

import math
import os
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal

import numpy as np
from numpy.lib import format as npy

from model.errors import VQScopeError

Split = Literal["train", "val", "test"]
SPLITS: tuple[Split, ...] = ("train", "val", "test")

_MAX_LABEL_BYTES = 1 << 28  # 256 MiB: labels are loaded whole, images never are


class DatasetDamaged(VQScopeError):
    """A file that is no npz of the MedMNIST layout, or a broken one."""


@dataclass(frozen=True, kw_only=True)
class ArrayHeader:
    """What an npy header says: ``shape``, ``dtype``, and ``offset``, the bytes before the data."""

    shape: tuple[int, ...]
    dtype: np.dtype[np.generic]
    offset: int

    @property
    def n_bytes(self) -> int:
        """Bytes of the data, without the header."""
        return math.prod(self.shape) * self.dtype.itemsize


@dataclass(frozen=True, kw_only=True)
class Layout:
    """A checked layout: ``image_size`` (height, width), ``n_channels`` 1 or 3, ``n_samples`` by split."""

    headers: dict[str, ArrayHeader]
    image_size: tuple[int, int]
    n_channels: int
    n_samples: dict[str, int]
    n_labels: int


def read_header(stream: IO[bytes]) -> ArrayHeader:
    """Header of an npy stream that stands at its start. Raises ValueError where it is none that we accept."""
    version = npy.read_magic(stream)
    if version == (1, 0):
        shape, fortran, dtype = npy.read_array_header_1_0(stream, max_header_size=4096)
    elif version == (2, 0):
        shape, fortran, dtype = npy.read_array_header_2_0(stream, max_header_size=4096)
    else:
        raise ValueError(f"npy version {version} is not supported")
    if dtype.hasobject:
        raise ValueError("it holds Python objects")
    if fortran and sum(n > 1 for n in shape) > 1:
        raise ValueError("it is in Fortran order")
    if any(n < 0 for n in shape):
        raise ValueError("it has a negative length")
    return ArrayHeader(shape=tuple(shape), dtype=dtype, offset=stream.tell())


def read_layout(path: Path) -> Layout:
    """Check the npz at ``path`` by its headers and sizes. Raises DatasetDamaged saying what is wrong."""
    try:
        with zipfile.ZipFile(path) as archive:
            headers = {member: _member_header(archive, member) for member in _members()}
    except (OSError, ValueError, KeyError, zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError,
            RuntimeError) as error:  # fmt: skip
        raise DatasetDamaged(
            f"{path.name} is not a readable npz of the MedMNIST layout: {_plain(error)}"
        ) from error
    return _check(path.name, headers)


def read_labels(path: Path, split: str) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    """Labels of one split, int64 (N, L). Raises DatasetDamaged."""
    layout = read_layout(path)
    header = layout.headers[f"{split}_labels"]
    try:
        with zipfile.ZipFile(path) as archive, archive.open(f"{split}_labels.npy") as stream:
            stream.read(header.offset)
            data = stream.read(header.n_bytes)
    except (OSError, zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise DatasetDamaged(f"{path.name} is damaged: {_plain(error)}") from error
    if len(data) != header.n_bytes:
        raise DatasetDamaged(f"{path.name} is damaged: {split}_labels ends too early; fetch the file again")
    return (
        np.frombuffer(data, header.dtype).reshape(layout.n_samples[split], layout.n_labels).astype(np.int64)
    )


def _members() -> list[str]:
    return [f"{split}_{kind}" for split in SPLITS for kind in ("images", "labels")]


def _member_header(archive: zipfile.ZipFile, member: str) -> ArrayHeader:
    try:
        entry = archive.getinfo(f"{member}.npy")
    except KeyError:
        raise ValueError(f"it has no array {member}") from None
    with archive.open(entry) as stream:
        header = read_header(stream)
    if header.offset + header.n_bytes != entry.file_size:
        raise ValueError(
            f"{member} says {header.n_bytes} bytes, the archive {entry.file_size - header.offset}"
        )
    return header


def _check(name: str, headers: dict[str, ArrayHeader]) -> Layout:
    def refuse(reason: str) -> DatasetDamaged:
        return DatasetDamaged(f"{name} is not of the MedMNIST layout: {reason}")

    first = headers["train_images"].shape[1:]
    n_samples: dict[str, int] = {}
    for split in SPLITS:
        images, labels = headers[f"{split}_images"], headers[f"{split}_labels"]
        shape = images.shape
        if images.dtype != np.uint8:
            raise refuse(f"{split}_images are {images.dtype}, not uint8")
        if len(shape) not in (3, 4) or (len(shape) == 4 and shape[3] != 3) or 0 in shape[1:]:
            raise refuse(f"{split}_images have the shape {shape}, not N×H×W or N×H×W×3")
        if shape[1:] != first:
            raise refuse(f"{split}_images are {shape[1:]}, train_images {first}")
        if labels.dtype.kind not in "iub":
            raise refuse(f"{split}_labels are {labels.dtype}, not whole numbers")
        if len(labels.shape) not in (1, 2) or labels.shape[0] != shape[0] or 0 in labels.shape[1:]:
            raise refuse(f"{split}_labels have the shape {labels.shape} for {shape[0]} images")
        if labels.n_bytes > _MAX_LABEL_BYTES:
            raise refuse(f"{split}_labels are larger than {_MAX_LABEL_BYTES >> 20} MiB")
        if labels.shape[1:] != headers["train_labels"].shape[1:]:
            raise refuse(f"{split}_labels have the shape {labels.shape}, unlike train_labels")
        n_samples[split] = shape[0]
    if not n_samples["train"]:
        raise refuse("it has no training images")
    label_shape = headers["train_labels"].shape
    return Layout(
        headers=headers,
        image_size=(first[0], first[1]),
        n_channels=3 if len(first) == 3 else 1,
        n_samples=n_samples,
        n_labels=label_shape[1] if len(label_shape) == 2 else 1,
    )


def _plain(error: BaseException) -> str:
    """The error on one line, without the path that OSError repeats."""
    text = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error)
    return " ".join(text.split()) or type(error).__name__
