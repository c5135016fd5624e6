"""Folders that are made once, whole or not at all, whoever else makes them at the same time."""

import contextlib
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path


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


@contextlib.contextmanager
def locked(path: Path, on_wait: Callable[[], None]) -> Iterator[None]:
    """Hold the lock that goes with ``path``; the operating system lets go of it when its holder dies.

    On Windows, which has no flock, there is no lock: work may be done twice, the result is whole still.
    """
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
