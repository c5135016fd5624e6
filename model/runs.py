"""The training runs below a folder, as someone sees them who watches: they may be written meanwhile."""

import csv
import hashlib
import io
import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import yaml

from model import run_folder, snapshots
from model.curves import COLUMNS
from model.errors import VQScopeError
from model.run_folder import RunDamaged

State = Literal["training", "finished", "interrupted"]

MAX_RUNS = 200
"""That are listed, the latest first."""
MAX_EPOCHS = 10_000
"""Whose curves are read."""
_MAX_RECORD = 256 * 1024
_MAX_CURVES = 8 * 2**20
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")


class RunNotFound(VQScopeError):
    """No run of this name lies in the folder."""


@dataclass(frozen=True, kw_only=True)
class RunInfo:
    """A run in a list of them."""

    name: str
    folder: Path
    state: State
    """``training``: a process trains in it now; ``interrupted``: none does, and the run has not come to its end."""
    updated: datetime
    """When its curves, or before the first epoch its settings, were written."""


@dataclass(frozen=True, kw_only=True)
class RunCurves:
    """What is known of a run, epoch by epoch."""

    max_epochs: int | None
    """That it was told to train at most."""
    columns: dict[str, list[float | None]]
    """A value per epoch, None where there is none; ``epoch`` counts from 1."""

    @property
    def epochs(self) -> int:
        """Finished so far."""
        return len(self.columns["epoch"])


def runs_in(folder: Path) -> list[RunInfo]:
    """The runs directly below a folder, the latest first; none where there is no such folder.

    Links are not followed, and folders with odd names are no runs.
    """
    try:
        names = [path.name for path in folder.iterdir()]
    except (FileNotFoundError, NotADirectoryError):
        return []
    found = []
    for name in names:
        try:
            found.append(find_run(folder, name))
        except RunNotFound:
            continue
    return sorted(found, key=lambda run: run.updated, reverse=True)[:MAX_RUNS]


def find_run(folder: Path, name: str) -> RunInfo:
    """The run of a name directly below a folder.

    Raises:
        RunNotFound: there is none, or the name or the folder is not one of a run.
    """
    run_dir = folder / name
    missing = RunNotFound(f"no run named {name!r}" if _NAME.fullmatch(name) else "this is no name of a run")
    if not _NAME.fullmatch(name) or run_dir.is_symlink() or not _stays_inside(run_dir):
        raise missing
    status = run_folder.status(run_dir)
    if status == "none":
        raise missing
    writing = run_folder.is_being_written(run_dir)
    state: State = "training" if writing else "finished" if status == "finished" else "interrupted"
    for file in (run_dir / "metrics.csv", run_dir / run_folder.RECORD, run_dir / "model.safetensors"):
        try:
            updated = datetime.fromtimestamp(file.stat().st_mtime, UTC)
        except FileNotFoundError:
            continue
        return RunInfo(name=name, folder=run_dir, state=state, updated=updated)
    raise missing  # removed meanwhile


def version_of(run_dir: Path) -> str:
    """Twelve digits that change when a run is started anew in a folder; what a snapshot shows hangs on them."""
    digest = hashlib.sha256()
    for path in (run_dir / run_folder.RECORD, snapshots.images_path(run_dir)):
        try:
            status = path.stat()
        except FileNotFoundError:
            continue
        digest.update(f"{path.name} {status.st_mtime_ns} {status.st_size}\n".encode())
    return digest.hexdigest()[:12]


def curves_of(run_dir: Path) -> RunCurves:
    """The curves of a run so far; none before the end of its first epoch.

    Raises:
        RunDamaged: they are not what `CurveWriter` writes.
    """
    path = run_dir / "metrics.csv"
    text = _text(path, _MAX_CURVES)
    columns: dict[str, list[float | None]] = {name: [] for name in COLUMNS}
    try:
        for row, values in enumerate(csv.DictReader(io.StringIO(text))):
            if row == MAX_EPOCHS:
                break
            for name in COLUMNS:
                value = float(values[name])
                columns[name].append(value if math.isfinite(value) else None)
    except (csv.Error, KeyError, TypeError, ValueError) as error:
        raise RunDamaged(f"{path} holds no curves of a training ({type(error).__name__})") from error
    columns["epoch"] = [None if epoch is None else epoch + 1 for epoch in columns["epoch"]]
    return RunCurves(max_epochs=_max_epochs(run_dir), columns=columns)


def _max_epochs(run_dir: Path) -> int | None:
    """From the record, of whatever version it is."""
    try:
        record: Any = yaml.safe_load(_text(run_dir / run_folder.RECORD, _MAX_RECORD))
        return int(record["trainer"]["max_epochs"])
    except (yaml.YAMLError, KeyError, TypeError, ValueError):
        return None


def _text(path: Path, most: int) -> str:
    """A file's text; nothing where there is no file."""
    try:
        with path.open("rb") as file:
            content = file.read(most + 1)
        if len(content) > most:
            raise RunDamaged(f"{path} is larger than {most >> 10} KiB: not a file of a training")
        return content.decode()
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise RunDamaged(f"{path} cannot be read ({type(error).__name__})") from error


def _stays_inside(run_dir: Path) -> bool:
    """Whether what is read of a run lies in its folder: a link could lead to any file of this machine."""
    names = (run_folder.RECORD, "metrics.csv", snapshots.FOLDER)
    return run_dir.is_dir() and not any((run_dir / name).is_symlink() for name in names)
