"""Images as memory-mapped arrays, extracted once from the compressed npz into the cache.

A member of a compressed npz cannot be mapped, and decompressing it whole would hold all images in the memory
of every process; so each member is unpacked once, streamed, to ``CACHE/arrays/NAME-MD5/MEMBER.npy``.
"""

import errno
import os
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from model.data.catalogue import DatasetInfo, find_dataset
from model.data.fingerprint import fingerprint
from model.data.npz import SPLITS, ArrayHeader, DatasetDamaged, read_header, read_layout
from model.data.official import download_command
from model.errors import VQScopeError
from model.once import locked
from model.paths import cache_dir

_CHUNK = 1 << 20
_PROGRESS_FROM = 64 << 20  # bytes; below this, unpacking is over before a bar is of use


class DatasetUnavailable(VQScopeError):
    """A data set whose file is missing, broken, or changed since it was listed."""


@dataclass(frozen=True)
class SplitArrays:
    """One split: ``images`` uint8 (N,H,W) or (N,H,W,3), memory-mapped; ``labels`` int64 (N,L)."""

    info: DatasetInfo
    split: str
    images: NDArray[np.uint8]
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.labels)

    def __reduce__(self) -> tuple[Callable[..., "SplitArrays"], tuple[object, ...]]:
        # Sent to a worker process, the mapping goes as a file name, not as a copy of all images.
        if isinstance(self.images, np.memmap) and self.images.filename is not None:
            return _reopen, (self.info, self.split, Path(self.images.filename), self.labels)
        return SplitArrays, (self.info, self.split, self.images, self.labels)


def open_split(
    info_or_name: DatasetInfo | str, split: str, *, data_dir: Path, cache: Path | None = None
) -> SplitArrays:
    """One split (train, val or test), its images mapped read-only; unpacked on first use (bar above 64 MB).

    ``cache`` is the cache folder (default: ``VQSCOPE_CACHE``, else the platform's); the data folder is only
    read. Raises DatasetNotFound, DatasetUnavailable, DatasetDamaged, or VQScopeError where the disk is full.
    """
    if split not in SPLITS:
        raise VQScopeError(f"there is no split {split!r}; choose one of {', '.join(SPLITS)}")
    cache = cache or cache_dir()
    info = (
        find_dataset(info_or_name, data_dir, cache=cache) if isinstance(info_or_name, str) else info_or_name
    )
    if not info.available or info.path is None or info.md5 is None:
        raise _unavailable(info, data_dir)
    folder = cache / "arrays" / f"{info.name}-{info.md5[:12]}"
    images = _member(info, f"{split}_images", folder)
    labels = _member(info, f"{split}_labels", folder)
    whole = np.array(np.load(labels, allow_pickle=False), dtype=np.int64)
    return SplitArrays(
        info, split, _map(images), whole.reshape(len(whole), -1) if len(whole) else whole.reshape(0, 1)
    )


def _reopen(info: DatasetInfo, split: str, path: Path, labels: NDArray[np.int64]) -> SplitArrays:
    return SplitArrays(info, split, _map(path), labels)


def _map(path: Path) -> NDArray[np.uint8]:
    with path.open("rb") as stream:
        header = read_header(stream)
    if 0 in header.shape:  # an empty file region cannot be mapped
        return np.empty(header.shape, dtype=np.uint8)
    return np.memmap(path, dtype=np.uint8, mode="r", offset=header.offset, shape=header.shape)


def _unavailable(info: DatasetInfo, data_dir: Path) -> DatasetUnavailable:
    if info.path is not None:
        return DatasetUnavailable(
            f"{info.name} cannot be used: {info.warnings[-1] if info.warnings else 'broken'}"
        )
    flag = info.name.removesuffix(f"_{info.image_size}")
    command = download_command(data_dir, [flag], size=info.image_size)
    return DatasetUnavailable(f"{info.name}.npz is not in {data_dir}; fetch it with: {command}")


def _member(info: DatasetInfo, member: str, folder: Path) -> Path:
    """Path of the unpacked member, made where it is missing or not as long as its header says."""
    target = folder / f"{member}.npy"
    if _sound(target):
        return target
    source = cast(Path, info.path)
    try:
        if fingerprint(source, cache=folder.parent.parent).md5 != info.md5:
            raise DatasetUnavailable(f"{source} has changed since it was listed; start again")
        header = read_layout(source).headers[member]
    except OSError as error:
        raise DatasetUnavailable(f"{source} cannot be read: {error.strerror}") from error
    _unpack(source, member, header, target)
    return target


def _sound(path: Path) -> bool:
    try:
        with path.open("rb") as stream:
            header = read_header(stream)
        return path.stat().st_size == header.offset + header.n_bytes
    except (OSError, ValueError):
        return False


def _unpack(source: Path, member: str, header: ArrayHeader, target: Path) -> None:
    temporary: Path | None = None
    try:
        with locked(target, lambda: _say_waiting(source, member)):
            if _sound(target):
                return  # another process, such as a rank of the same training, was quicker
            for leftover in target.parent.glob(f".{member}-*.tmp"):
                leftover.unlink()  # its maker is dead: we hold the lock
            handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{member}-", suffix=".tmp")
            temporary = Path(name)
            with os.fdopen(handle, "wb") as out:
                _stream(source, member, header, out)
            temporary.replace(target)
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise DatasetDamaged(
            f"{source.name} is damaged at {member} ({error}); fetch the file again"
        ) from error
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            need = f"{header.n_bytes / 2**20:.0f} MiB"
            raise VQScopeError(
                f"no space left in {target.parent} for {need} of {source.name}; free some, or set"
                " VQSCOPE_CACHE to a folder on another disk"
            ) from error
        raise VQScopeError(
            f"cannot unpack {source.name} to {target.parent}: {error.strerror}; set VQSCOPE_CACHE to a folder"
            " that can be written"
        ) from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def _say_waiting(source: Path, member: str) -> None:
    print(f"vqscope: waiting for another process that unpacks {member} of {source.name}", file=sys.stderr)


def _stream(source: Path, member: str, header: ArrayHeader, out: BinaryIO) -> None:
    """Copy one member; its CRC is checked by zipfile at the end, its length here."""
    total = header.offset + header.n_bytes
    with (
        zipfile.ZipFile(source) as archive,
        archive.open(f"{member}.npy") as stream,
        tqdm(
            total=total,
            unit="B",
            unit_scale=True,
            desc=f"unpacking {source.stem} {member}",
            disable=None if total > _PROGRESS_FROM else True,
            leave=False,
        ) as bar,
    ):
        written = 0
        while chunk := stream.read(_CHUNK):
            written += out.write(chunk)
            bar.update(len(chunk))
    if written != total:
        raise EOFError(f"{written} of {total} bytes")
