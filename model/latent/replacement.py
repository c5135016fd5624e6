"""Putting a whole new index in the place of an old one, so that a kill at any moment loses neither.

A folder cannot be renamed over one that holds files, so between two renames nothing is at the index's place: the old
index lies in the hidden folder ``.NAME.replaced-…`` beside it, the new one in ``.NAME.partial``. Whoever builds next
puts the old one back (`put_back`) and then finds the new one finished, if it asks for the same.
"""

import glob
import os
import shutil
from contextlib import suppress
from pathlib import Path

from model.latent.errors import IndexDamaged, IndexMismatch
from model.latent.storage import sync
from model.once import lock_folder, new_folder_beside, remove_abandoned

_INSIDE = "index"
"""Name of the old index in the hidden folder."""


def swap(folder: Path, target: Path) -> None:
    """Rename ``folder`` to ``target``; what was there goes, but not before the new one stands."""
    if not target.exists():
        folder.rename(target)
        sync(target.parent)
        return
    with new_folder_beside(target, "replaced") as bin_:
        old = bin_ / _INSIDE
        try:
            target.rename(old)
            folder.rename(target)
            sync(target.parent)
        finally:
            if not target.exists() and old.exists():
                old.rename(target)
            with suppress(OSError):
                (old / "index.json").unlink()  # first: nobody must take for whole what is removed in part
            shutil.rmtree(bin_, ignore_errors=True)


def put_back(target: Path) -> None:
    """Rename to ``target`` the index that was there when its replacement was killed, if nothing is there now."""
    if target.exists():
        return
    found = [path for path in target.parent.glob(_pattern(target)) if _is_whole(path / _INSIDE)]
    if not found:
        return
    latest = max(found, key=lambda path: path.stat().st_mtime_ns)
    try:
        descriptor = lock_folder(latest)
    except (BlockingIOError, FileNotFoundError):
        return  # the replacement goes on, or another has just put the index back
    try:
        if not target.exists():
            (latest / _INSIDE).rename(target)
            sync(target.parent)
            latest.rmdir()
    finally:
        if descriptor is not None:
            os.close(descriptor)


def remove_replaced(target: Path) -> None:
    """Remove what killed replacements of ``target`` left, now that an index stands there."""
    remove_abandoned(target.parent, _pattern(target))


def _pattern(target: Path) -> str:
    return f".{glob.escape(target.name)}.replaced-*"


def _is_whole(folder: Path) -> bool:
    from model.latent.index import open_index

    if not (folder / "index.json").is_file():
        return False
    try:
        open_index(folder)
    except IndexDamaged:
        return False
    except IndexMismatch:
        return True  # of another version of the format: whoever reads that may still want it
    return True
