"""The run folder of a training: which settings it was started with, and whether it came to its end.

``train.yaml`` records the settings, ``last.ckpt`` is the state after the last finished epoch. A run is finished
when the model is saved and ``last.ckpt`` gone, one atomic step; whatever kills it before leaves an unfinished one.
"""

import contextlib
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import TypeAdapter, ValidationError

from model.checkpoints import write_atomically
from model.errors import VQScopeError
from model.once import lock_folder
from model.snapshots import FOLDER as SNAPSHOTS
from model.training_settings import TrainSettings

RECORD = "train.yaml"
CHECKPOINT = "last.ckpt"
# In this order they are removed when a run starts anew: what is left of it at any moment is no finished run.
_FILES = ("model.safetensors", CHECKPOINT, "card.json", "config.json", "metrics.csv", "curves.png", RECORD)

_adapter = TypeAdapter(TrainSettings)


class RunDamaged(VQScopeError):
    """The run in a folder cannot be gone on with."""


def status(run_dir: Path) -> Literal["none", "unfinished", "finished"]:
    """What a folder holds of a run."""
    if (run_dir / CHECKPOINT).exists():
        return "unfinished"
    if (run_dir / "model.safetensors").exists():
        return "finished"
    return "unfinished" if (run_dir / RECORD).exists() else "none"


@contextlib.contextmanager
def held(run_dir: Path) -> Iterator[None]:
    """Keep other processes from training in a folder, and remove what a killed one was writing.

    The folder is made if it is not there.

    Raises:
        VQScopeError: somebody else trains in it, or it cannot be made.
    """
    try:
        run_dir.mkdir(parents=True, exist_ok=True)
        descriptor = lock_folder(run_dir)
    except BlockingIOError as error:
        raise VQScopeError(f"another process is training in {run_dir}: wait, or choose another") from error
    except OSError as error:
        raise VQScopeError(
            f"cannot make the run folder {run_dir} ({error.strerror}): choose another"
        ) from error
    try:
        for leftover in run_dir.glob(".*.part"):
            leftover.unlink()
        yield
    finally:
        if descriptor is not None:
            os.close(descriptor)


@contextlib.contextmanager
def being_written(run_dir: Path) -> Iterator[None]:
    """Let `is_being_written` say so while this lasts, and for no longer, however it ends.

    By a lock of the record, not of the folder: who only looks may hold it for a moment, and is waited for.
    """
    with _locked(run_dir / RECORD, exclusive=True):
        yield


def is_being_written(run_dir: Path) -> bool:
    """Whether a process trains in a folder now; False where files have no locks."""
    try:
        with _locked(run_dir / RECORD, exclusive=False):
            return False
    except BlockingIOError:
        return True
    except OSError:
        return False  # no run, or one that is not ours to look at


@contextlib.contextmanager
def _locked(path: Path, *, exclusive: bool) -> Iterator[None]:
    """Hold the operating system's lock of a file; shared with other lookers, refused while one trains."""
    if sys.platform == "win32":
        yield
        return
    import fcntl

    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            raise
        except OSError:
            pass  # such as some network file systems
        yield


def refuse_other_run(run_dir: Path) -> None:
    """Make sure that a folder holds no run.

    Raises:
        VQScopeError: it holds one, finished or not.
    """
    found = status(run_dir)
    if found == "unfinished":
        raise VQScopeError(
            f"{run_dir} holds an unfinished run: go on with `vqscope train --resume {run_dir}`,"
            " or start anew with --overwrite"
        )
    if found == "finished":
        raise VQScopeError(
            f"{run_dir} holds a finished run: choose another --run-dir, or start anew with --overwrite"
        )


def begin(settings: TrainSettings) -> None:
    """Remove what an earlier run left in the folder, and record the settings.

    Raises:
        VQScopeError: the folder cannot be written.
    """
    for name in _FILES:
        (settings.run_dir / name).unlink(missing_ok=True)
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(settings.run_dir / SNAPSHOTS)
    record = yaml.safe_dump(_plain(settings), sort_keys=False)
    write_atomically(settings.run_dir / RECORD, record.encode())


def recorded_settings(run_dir: Path) -> TrainSettings:
    """The settings that a run was started with; its folder may have been moved since.

    Raises:
        VQScopeError: the folder holds no run.
        RunDamaged: the record is unreadable, or of a version with other settings.
    """
    file = run_dir / RECORD
    try:
        values = yaml.safe_load(file.read_text(encoding="utf-8"))
        settings = replace(_adapter.validate_python({**values, "run_dir": run_dir}), run_dir=run_dir)
    except FileNotFoundError as error:
        raise VQScopeError(
            f"{run_dir} holds no {RECORD}: give the run folder of a `vqscope train`"
        ) from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise RunDamaged(f"{file} cannot be used ({where}: {first['msg']}): start anew") from error
    except (OSError, UnicodeDecodeError, yaml.YAMLError, TypeError) as error:
        raise RunDamaged(f"{file} cannot be read ({type(error).__name__}): start anew") from error
    if _plain(settings) != values:  # the promise is the same run, not one of a newer version's defaults
        raise RunDamaged(f"{file} was recorded by another version of vqscope: start anew with --overwrite")
    return settings


def goes_on_as(settings: TrainSettings) -> bool:
    """Whether the folder holds a run of just these settings, which can be resumed."""
    try:
        return recorded_settings(settings.run_dir) == settings
    except VQScopeError:
        return False  # none, or not one that could be gone on with


def _plain(settings: TrainSettings) -> dict[str, Any]:
    """Settings as plain types; paths are absolute, as a run may be resumed from another working folder."""
    settings = replace(settings, data=replace(settings.data, data_dir=settings.data.data_dir.absolute()))
    values: dict[str, Any] = _adapter.dump_python(settings, mode="json", exclude={"run_dir"})
    return values
