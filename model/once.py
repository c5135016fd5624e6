"""Folders that are made once, whole or not at all, whoever else makes them at the same time.

Locks are the operating system's, which lets go of them when their holder dies. On Windows, which has no flock,
there are none: work may be done twice and leftovers stay, the result is whole still.
"""

import contextlib
import hashlib
import json
import os
import secrets
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

_SEAL = "seal.json"


@contextlib.contextmanager
def made_once(
    final: Path, is_whole: Callable[[Path], bool], on_wait: Callable[[], None]
) -> Iterator[Path | None]:
    """Under the lock of ``final``, give a path beside it, which becomes ``final`` when the block ends well.

    The block makes a folder at that path. Whatever stood at ``final`` and was not whole is replaced; what a
    killed maker left is removed.

    Args:
        final: Where the folder shall stand. It lies in a folder of our own, as things beside it are removed.
        is_whole: Whether the folder at ``final`` can be used as it is.
        on_wait: Called once if another process holds the lock.

    Yields:
        The path to fill, or None if ``final`` is whole by now.
    """
    with locked(final, on_wait):
        if is_whole(final):
            yield None
            return
        for leftover in final.parent.glob(f".{final.name}.part-*"):
            shutil.rmtree(leftover)  # its maker is dead: we hold the lock
        part = final.with_name(f".{final.name}.part-{os.getpid()}")
        try:
            yield part
            if final.exists():
                shutil.rmtree(final)
            part.rename(final)
        except BaseException:
            shutil.rmtree(part, ignore_errors=True)  # what went wrong is told by the exception
            raise


def seal(folder: Path, names: Sequence[str]) -> None:
    """Note the SHA-256 of some files of a folder in it, for `is_sealed`."""
    (folder / _SEAL).write_text(json.dumps(_digests(folder, names), indent=2) + "\n", encoding="utf-8")


def is_sealed(folder: Path, names: Sequence[str]) -> bool:
    """Whether a folder holds these files as they were when it was sealed."""
    try:
        return bool(json.loads((folder / _SEAL).read_text(encoding="utf-8")) == _digests(folder, names))
    except (OSError, ValueError):
        return False  # a file is missing or unreadable: not whole


def _digests(folder: Path, names: Sequence[str]) -> dict[str, str]:
    return {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in names}


@contextlib.contextmanager
def locked(path: Path, on_wait: Callable[[], None]) -> Iterator[None]:
    """Hold the lock that goes with ``path``, which lies in a folder of our own: the lock's file stays there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if sys.platform == "win32":
        yield
        return
    import fcntl

    with path.with_name(f".{path.name}.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            on_wait()
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def new_folder_beside(final: Path, purpose: str) -> Iterator[Path]:
    """Make a hidden folder beside ``final`` that `remove_abandoned` spares while this process lives.

    Unlike with `locked`, nothing stays in the user's folder: the new folder is its own lock. Whoever uses it
    renames or removes it.
    """
    while True:
        folder = final.with_name(f".{final.name}.{purpose}-{os.getpid()}-{secrets.token_hex(4)}")
        folder.mkdir(parents=True)
        try:
            descriptor = lock_folder(folder)
        except (BlockingIOError, FileNotFoundError):
            continue  # taken for abandoned before it was locked
        try:
            yield folder
        finally:
            if descriptor is not None:
                os.close(descriptor)
        return


def remove_abandoned(folder: Path, pattern: str, *, spare: Path | None = None) -> None:
    """Remove those folders in ``folder`` that match ``pattern`` and whose maker has ended or was killed.

    ``spare`` is left alone: what is going to be gone on with.
    """
    for leftover in folder.glob(pattern):
        if leftover == spare:
            continue
        try:
            descriptor = lock_folder(leftover)
        except OSError:
            continue  # in use, gone by now, or not ours
        if descriptor is not None:
            shutil.rmtree(leftover, ignore_errors=True)  # what cannot be removed only takes up room
            os.close(descriptor)


@contextlib.contextmanager
def holding(folder: Path) -> Iterator[None]:
    """Hold the lock of a folder, once whoever has it lets go.

    Raises:
        FileNotFoundError: It has gone.
    """
    descriptor = lock_folder(folder, wait=True)
    try:
        yield
    finally:
        if descriptor is not None:
            os.close(descriptor)


def lock_folder(folder: Path, *, wait: bool = False) -> int | None:
    """Descriptor that holds the lock of a folder until it is closed; None where folders have no locks.

    Args:
        folder: It stays as it is: nothing is written for the lock.
        wait: Until whoever holds it lets go.

    Raises:
        BlockingIOError: Somebody else holds it, and ``wait`` is not asked for.
        FileNotFoundError: It has gone.
    """
    if sys.platform == "win32":
        return None
    import fcntl

    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except OSError as error:
        os.close(descriptor)
        if isinstance(error, BlockingIOError):
            raise
        return None  # such as some network file systems
    return descriptor
