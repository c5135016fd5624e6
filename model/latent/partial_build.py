"""A build of an index that may be killed at any moment and goes on where it was.

It lies in a hidden folder beside the index, ``.NAME.partial``: the arrays as far as they have come, a plan (what
is being built, from what) and a journal with one line per batch: how many rows were written by then, and the
CRC-32 of each file up to there. Whoever goes on reads the files against the journal and cuts them after the last
line that holds; so it does not matter what a kill, or even a loss of power, left behind that line.
"""

import os
import shutil
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import DTypeLike, NDArray

from model.errors import VQScopeError
from model.latent.errors import IndexDamaged
from model.latent.storage import NpyWriter, npy_offset, read_json, write_json
from model.once import lock_folder

PLAN, JOURNAL = "plan.json", "journal.txt"
_CHUNK = 4 << 20


def partial_of(target: Path) -> Path:
    """Where a build of the index ``target`` lies until it is whole."""
    return target.with_name(f".{target.name}.partial")


@contextmanager
def partial_folder(target: Path, plan: Mapping[str, Any], *, afresh: bool = False) -> Iterator[Path]:
    """The folder of a build, held by this process alone; emptied if it is not of this very plan.

    Raises:
        VQScopeError: another process builds the same index now.
    """
    folder = partial_of(target)
    descriptor = _hold(folder)
    try:
        if afresh or _plan_in(folder) != plan:
            (folder / PLAN).unlink(missing_ok=True)  # first: what is emptied in part is of no plan
            for entry in folder.iterdir():
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
            write_json(folder / f"{PLAN}.part", plan)
            (folder / f"{PLAN}.part").rename(folder / PLAN)
        yield folder
    finally:
        if descriptor is not None:
            os.close(descriptor)


def _hold(folder: Path) -> int | None:
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            descriptor = lock_folder(folder)
        except FileNotFoundError:
            continue
        except BlockingIOError as error:
            raise VQScopeError(
                f"another vqscope is building the index {folder.name.removeprefix('.').removesuffix('.partial')} "
                "now; wait until it ends"
            ) from error
        if descriptor is None:
            return None
        try:
            held = os.path.samestat(os.fstat(descriptor), folder.stat())
        except FileNotFoundError:
            held = False
        if held:
            return descriptor
        os.close(descriptor)  # the one who held it has just renamed or removed it


def _plan_in(folder: Path) -> dict[str, Any] | None:
    try:
        return read_json(folder / PLAN)
    except IndexDamaged:
        return None  # killed before the plan was there, or something else


@dataclass(frozen=True)
class ArraySpec:
    """One array of the build: its file, its whole shape (rows first) and type."""

    name: str
    shape: tuple[int, ...]
    dtype: DTypeLike

    @property
    def row_bytes(self) -> int:
        """Bytes of one row."""
        return int(np.prod(self.shape[1:], dtype=np.int64)) * np.dtype(self.dtype).itemsize


class ResumableArrays:
    """Arrays of equally many rows that are appended to batch by batch; ``rows`` are there already."""

    def __init__(self, folder: Path, specs: Sequence[ArraySpec]) -> None:
        self._specs = specs
        self.rows, self._sums, length = _recover(folder, specs)
        if not self.rows:
            for spec in specs:
                (folder / spec.name).unlink(missing_ok=True)
        self._writers = [
            NpyWriter(folder / spec.name, spec.shape, spec.dtype, rows=self.rows if self.rows else None)
            for spec in specs
        ]
        self._journal = (folder / JOURNAL).open("r+b" if length else "wb")
        self._journal.truncate(length)
        self._journal.seek(length)

    def append(self, *parts: NDArray[Any]) -> None:
        """Write the next rows of each array, then say in the journal that they are there.

        Raises:
            ValueError: they do not fit.
        """
        for i, (writer, part) in enumerate(zip(self._writers, parts, strict=True)):
            self._sums[i] = zlib.crc32(writer.append(part), self._sums[i])
        self.rows += len(parts[0])
        self._journal.write(_line(self.rows, self._sums))
        self._journal.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: Any) -> None:  # noqa: ANN401
        self._journal.close()
        for writer in self._writers:
            writer.__exit__(kind, error, trace)


def _line(rows: int, sums: Sequence[int]) -> bytes:
    return " ".join([str(rows), *(f"{value:08x}" for value in sums)]).encode() + b"\n"


def _recover(folder: Path, specs: Sequence[ArraySpec]) -> tuple[int, list[int], int]:
    """Rows that the files hold by the journal, their sums, and the bytes of the journal up to there."""
    rows, sums, length = 0, [0] * len(specs), 0
    with ExitStack() as files:
        try:
            lines = (folder / JOURNAL).read_bytes().splitlines(keepends=True)
            streams = []
            for spec in specs:
                offset = npy_offset(folder / spec.name, spec.shape, spec.dtype)
                streams.append(files.enter_context((folder / spec.name).open("rb")))
                streams[-1].seek(offset)
        except (OSError, IndexDamaged):
            return rows, sums, length
        for line in lines:
            reached = _rows_of(line)
            if not rows < reached <= specs[0].shape[0]:
                break
            ahead = [
                _sum(stream, (reached - rows) * spec.row_bytes, value)
                for stream, spec, value in zip(streams, specs, sums, strict=True)
            ]
            known = [value for value in ahead if value is not None]
            if len(known) < len(ahead) or line != _line(reached, known):
                break
            rows, sums, length = reached, known, length + len(line)
    return rows, sums, length


def _rows_of(line: bytes) -> int:
    first = line.split(b" ", 1)[0]
    return int(first) if first.isdigit() and len(first) < 12 else 0


def _sum(stream: Any, n_bytes: int, value: int) -> int | None:  # noqa: ANN401
    """CRC-32 gone on with over the next bytes; ``None`` where there are not so many."""
    while n_bytes:
        piece = stream.read(min(n_bytes, _CHUNK))
        if not piece:
            return None
        value = zlib.crc32(piece, value)
        n_bytes -= len(piece)
    return value
