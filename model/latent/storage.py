"""Files of the index: written so that they last, opened so that nothing in them is trusted."""

import hashlib
import json
import math
import os
from collections.abc import Mapping
from contextlib import suppress
from io import BufferedIOBase
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.lib import format as npy
from numpy.typing import DTypeLike, NDArray

from model.data.npz import read_header
from model.latent.errors import IndexDamaged

if TYPE_CHECKING:
    from model.latent.manifest import Manifest

_MAX_JSON_BYTES = 64 << 20


class NpyWriter:
    """Writes an npy file of known shape row by row, so that memory does not grow with the rows.

    The header comes first, so an interrupted file is one cut short, which can be gone on with.

    Args:
        path: a new file, or with ``rows`` one that an interrupted writer left.
        shape: of the whole array, rows first.
        dtype: of the whole array.
        rows: how many of the file's rows to keep; whatever follows them is cut off.
    """

    def __init__(
        self, path: Path, shape: tuple[int, ...], dtype: DTypeLike, *, rows: int | None = None
    ) -> None:
        self._dtype = np.dtype(dtype)
        self._shape = shape
        self._rows = rows or 0
        self._path = path
        self._stream: BufferedIOBase
        if rows is None:
            self._stream = path.open("xb")
            header = {"descr": npy.dtype_to_descr(self._dtype), "fortran_order": False, "shape": shape}
            npy.write_array_header_1_0(self._stream, header)
        else:
            row_bytes = int(np.prod(shape[1:], dtype=np.int64)) * self._dtype.itemsize
            end = npy_offset(path, shape, dtype) + rows * row_bytes
            self._stream = path.open("r+b")
            self._stream.truncate(end)
            self._stream.seek(end)

    def append(self, rows: NDArray[Any]) -> bytes:
        """Write some rows, hand them to the operating system, and return them as they were written.

        Raises:
            ValueError: they have another shape, or do not fit the type.
        """
        if rows.shape[1:] != self._shape[1:]:
            raise ValueError(f"rows of {rows.shape[1:]} do not fit {self._path.name} of {self._shape[1:]}")
        stored = rows.astype(self._dtype)
        if self._dtype.kind == "u" and not np.array_equal(stored, rows):
            raise ValueError(f"values beyond {self._dtype} in {self._path.name}")
        written = stored.tobytes()
        self._stream.write(written)
        self._stream.flush()
        self._rows += len(rows)
        return written

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._stream:
            if kind is None:
                if self._rows != self._shape[0]:
                    raise ValueError(
                        f"{self._rows} rows written to {self._path.name}, announced {self._shape[0]}"
                    )
                _flush(self._stream.fileno(), self._stream.flush)


def npy_offset(path: Path, shape: tuple[int, ...], dtype: DTypeLike) -> int:
    """Where the rows of an npy file begin, which may be cut short but must announce this shape and type.

    Raises:
        IndexDamaged: it is missing, or announces another.
    """
    try:
        with path.open("rb") as stream:
            header = read_header(stream)
    except FileNotFoundError as error:
        raise damaged(path, "is missing") from error
    except (OSError, ValueError) as error:
        raise damaged(path, f"cannot be read ({error})") from error
    if (header.shape, header.dtype) != (shape, np.dtype(dtype)):
        wanted = f"{np.dtype(dtype)} {shape}"
        raise damaged(path, f"holds {header.dtype} {header.shape} where the index says {wanted}")
    return header.offset


def open_npy(path: Path, shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
    """Map an npy file read-only that must have exactly this shape, type and size.

    Raises:
        IndexDamaged: it has not.
    """
    offset = npy_offset(path, shape, dtype)
    size, wanted = path.stat().st_size, offset + math.prod(shape) * np.dtype(dtype).itemsize
    if size != wanted:
        raise damaged(path, f"has {size:,} bytes instead of {wanted:,}")
    return np.memmap(path, dtype=dtype, mode="r", offset=offset, shape=shape)


def open_arrays(
    folder: Path, manifest: "Manifest"
) -> tuple[NDArray[np.float32], NDArray[np.unsignedinteger[Any]]]:
    """Embeddings (N, D) and codes (N, H', W') of an index, mapped.

    Raises:
        IndexDamaged: one is not as the manifest says.
    """
    return (
        open_npy(folder / "embeddings.npy", (manifest.n, manifest.embedding_dim), np.float32),
        open_npy(folder / "codes.npy", (manifest.n, *manifest.code_grid), manifest.code_dtype),
    )


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write a new JSON file, and see it to the disk."""
    with path.open("x", encoding="utf-8") as stream:
        json.dump(content, stream, ensure_ascii=False, allow_nan=False, indent=1)
        stream.write("\n")
        _flush(stream.fileno(), stream.flush)


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        IndexDamaged: the file is missing or no JSON object.
    """
    return parse_json(read_bytes(path), path)


def read_bytes(path: Path) -> bytes:
    """Read a small file whole.

    Raises:
        IndexDamaged: it is missing, cannot be read, or is larger than 64 MiB.
    """
    try:
        if path.stat().st_size > _MAX_JSON_BYTES:
            raise damaged(path, "is larger than 64 MiB")
        return path.read_bytes()
    except FileNotFoundError as error:
        raise damaged(path, "is missing") from error
    except OSError as error:
        raise damaged(path, f"cannot be read ({error.strerror})") from error


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, which may be large.

    Raises:
        IndexDamaged: it is missing, or cannot be read.
    """
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except FileNotFoundError as error:
        raise damaged(path, "is missing") from error
    except OSError as error:
        raise damaged(path, f"cannot be read ({error.strerror})") from error


def parse_json(data: bytes, path: Path) -> dict[str, Any]:
    """The JSON object in ``data``, which came from ``path``.

    Raises:
        IndexDamaged: it is none.
    """
    try:
        content = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise damaged(path, f"is no JSON ({error})") from error
    if not isinstance(content, dict):
        raise damaged(path, "is no JSON object")
    return content


def sync(path: Path) -> None:
    """See a file, or the names in a folder, to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError:
        if path.is_file():
            raise
        # Some network file systems cannot sync a folder; they order renames themselves.
    finally:
        os.close(handle)


def damaged(path: Path, what: str) -> IndexDamaged:
    """The error for a file of an index."""
    with suppress(ValueError):
        path = path.relative_to(Path.cwd())
    return IndexDamaged(f"the latent index is damaged: {path} {what}; build it again with: vqscope index")


def _flush(handle: int, flush: Any) -> None:  # noqa: ANN401 - the bound method of any stream
    flush()
    os.fsync(handle)
