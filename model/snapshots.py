"""What a run folder shows of its training: after each epoch, where some images lie and how a few are reconstructed.

``snapshots/images.safetensors`` says once which validation images they are; ``snapshots/epoch-00003.safetensors`` holds
what the network made of them after the third epoch. Each file is whole or not there, holds tensors and text and
nothing that would be unpickled, and needs 8 bytes an image of the map and the pixels of the few pictures: at 28 px and
the default number of images 64 kB an epoch. At most MAX_SNAPSHOTS stay.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from model.checkpoints import write_atomically
from model.errors import VQScopeError
from model.latent.evolving import Frame

FOLDER = "snapshots"
MAX_IMAGES = 2000
"""On the map."""
MAX_PICTURES = 24
MAX_SNAPSHOTS = 200
_MAX_BYTES = 256 * 2**20
"""Of one file: 24 pictures of 1024 px need 75 MB."""
_MOST_ROWS = 2 * MAX_IMAGES
"""Shares are rounded, and each data set has at least two images."""
_IMAGES = "images.safetensors"
_EPOCH = re.compile(r"epoch-(\d{5,9})\.safetensors")
_FORMAT = "1"

Pictures = NDArray[np.uint8]


class SnapshotDamaged(VQScopeError):
    """A file of snapshots cannot be read."""


class SnapshotNotFound(VQScopeError):
    """There is no snapshot of this epoch."""


@dataclass(frozen=True, kw_only=True)
class ShownDataset:
    """A data set that images of the snapshots come from."""

    name: str
    labels: dict[str, str]
    """What each label value means, by value as text."""
    multi_label: bool
    """Whether a label is the bit mask of several classes."""
    grey: bool


@dataclass(frozen=True, eq=False, kw_only=True)
class ShownImages:
    """The validation images that every snapshot of a run is about."""

    datasets: tuple[ShownDataset, ...]
    dataset: NDArray[np.int32]
    """(N,) place in ``datasets``."""
    position: NDArray[np.int32]
    """(N,) in the validation split of its data set."""
    label: NDArray[np.int32]
    """(N,)"""
    pictured: NDArray[np.int32]
    """(P,) rows of the images that are shown as pictures."""
    originals: Pictures
    """(P, S, S, 3) at the size that the network sees."""


@dataclass(frozen=True, kw_only=True)
class SnapshotInfo:
    """What can be known of a snapshot without reading it."""

    epoch: int
    """From 1."""
    explained_variance_ratio: tuple[float, float]
    extent: float
    """Largest absolute coordinate of its points."""


@dataclass(frozen=True, eq=False)
class Snapshot:
    """What the network made of the images after an epoch."""

    points: NDArray[np.float32]
    """(N, 2)"""
    reconstructions: Pictures
    """(P, S, S, 3)"""
    explained_variance_ratio: tuple[float, float]


def images_path(run_dir: Path) -> Path:
    """File that says which images they are."""
    return run_dir / FOLDER / _IMAGES


def epoch_path(run_dir: Path, epoch: int) -> Path:
    """File of an epoch (from 1)."""
    return run_dir / FOLDER / f"epoch-{epoch:05d}.safetensors"


def epochs_in(run_dir: Path) -> list[int]:
    """Epochs that there are snapshots of, ascending."""
    try:
        names = [_EPOCH.fullmatch(path.name) for path in (run_dir / FOLDER).iterdir()]
    except (FileNotFoundError, NotADirectoryError):
        return []
    return sorted(int(name[1]) for name in names if name)


def write_images(run_dir: Path, shown: ShownImages) -> None:
    """Write which images they are.

    Raises:
        VQScopeError: the disk is full or the folder cannot be written.
    """
    tensors = {
        name: getattr(shown, name) for name in ("dataset", "position", "label", "pictured", "originals")
    }
    datasets = json.dumps([asdict(one) for one in shown.datasets], ensure_ascii=False)
    _write(images_path(run_dir), tensors, {"datasets": datasets})


def write_epoch(run_dir: Path, epoch: int, frame: Frame, reconstructions: Pictures) -> None:
    """Write what an epoch came to, in the place of an earlier try at it, and drop what is one too many.

    Raises:
        VQScopeError: as `write_images`.
    """
    about = {
        "explained_variance_ratio": json.dumps(frame.explained_variance_ratio),
        "extent": json.dumps(frame.extent),
    }
    _write(epoch_path(run_dir, epoch), {"points": frame.points, "reconstructions": reconstructions}, about)
    present = epochs_in(run_dir)
    for one in sorted(set(present) - set(kept_epochs(present, epoch))):
        epoch_path(run_dir, one).unlink(missing_ok=True)


def kept_epochs(present: list[int], newest: int, most: int = MAX_SNAPSHOTS) -> list[int]:
    """Which snapshots stay: all, or with many epochs every 2nd, 4th, 8th …, counted from the first; and the newest."""
    stride = 1
    while -(-newest // stride) + (stride > 1) > most:
        stride *= 2
    return [epoch for epoch in present if epoch % stride == 1 % stride or epoch == newest]


def read_images(run_dir: Path) -> ShownImages:
    """Read which images they are.

    Raises:
        SnapshotNotFound: the run has no snapshots.
        SnapshotDamaged: the file cannot be read.
    """
    tensors, about = _read(images_path(run_dir))
    try:
        datasets = tuple(ShownDataset(**one) for one in json.loads(about["datasets"]))
        shown = ShownImages(datasets=datasets, **tensors)
        n = len(shown.dataset)
        _check(shown.dataset, np.int32, (n,))
        _check(shown.position, np.int32, (n,))
        _check(shown.label, np.int32, (n,))
        _check(shown.pictured, np.int32, (len(shown.originals),))
        _check(shown.originals, np.uint8, (len(shown.pictured), *shown.originals.shape[1:3], 3))
        if n and not 0 <= shown.dataset.min() <= shown.dataset.max() < len(datasets):
            raise ValueError("a data set that is not listed")
        if len(shown.pictured) and not 0 <= shown.pictured.min() <= shown.pictured.max() < n:
            raise ValueError("a picture of no image")
        return shown
    except (KeyError, TypeError, ValueError) as error:
        raise _damaged(images_path(run_dir), error) from error


def read_epoch(run_dir: Path, epoch: int) -> Snapshot:
    """Read what an epoch came to.

    Raises:
        SnapshotNotFound: there is no snapshot of it.
        SnapshotDamaged: the file cannot be read.
    """
    path = epoch_path(run_dir, epoch)
    tensors, about = _read(path)
    try:
        first, second = json.loads(about["explained_variance_ratio"])
        points, pictures = tensors["points"], tensors["reconstructions"]
        _check(points, np.float32, (len(points), 2))
        _check(pictures, np.uint8, (len(pictures), *pictures.shape[1:3], 3))
        return Snapshot(points, pictures, (float(first), float(second)))
    except (KeyError, TypeError, ValueError) as error:
        raise _damaged(path, error) from error


def describe_epoch(run_dir: Path, epoch: int) -> SnapshotInfo:
    """What the head of an epoch's file says; raises as `read_epoch`."""
    path = epoch_path(run_dir, epoch)
    _, about = _read(path, whole=False)
    try:
        first, second = json.loads(about["explained_variance_ratio"])
        return SnapshotInfo(
            epoch=epoch,
            explained_variance_ratio=(float(first), float(second)),
            extent=float(about["extent"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise _damaged(path, error) from error


def _write(path: Path, tensors: Mapping[str, NDArray[Any]], about: dict[str, str]) -> None:
    try:
        path.parent.mkdir(exist_ok=True)
    except OSError as error:
        raise VQScopeError(f"cannot make {path.parent} ({error.strerror}): free some space") from error
    whole = {name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}
    write_atomically(path, save(whole, metadata={"format": _FORMAT, **about}))


def _read(path: Path, *, whole: bool = True) -> tuple[dict[str, NDArray[Any]], dict[str, str]]:
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise SnapshotDamaged(
                f"{path} is larger than {_MAX_BYTES >> 20} MiB: no snapshot of this program"
            )
        with safe_open(path, framework="numpy") as file:
            about = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()} if whole else {}  # noqa: SIM118
    except FileNotFoundError as error:
        raise SnapshotNotFound(f"there is no {path.name} in {path.parent}") from error
    except (OSError, SafetensorError) as error:
        raise _damaged(path, error) from error
    if about.get("format") != _FORMAT:
        raise SnapshotDamaged(f"{path} is of an unknown format: train anew or update vqscope")
    return tensors, about


def _check(array: NDArray[Any], dtype: type, shape: tuple[int, ...]) -> None:
    if array.dtype != dtype or array.shape != shape or len(array) > _MOST_ROWS:
        raise ValueError(f"{array.dtype} {array.shape}")


def _damaged(path: Path, error: Exception) -> SnapshotDamaged:
    return SnapshotDamaged(f"{path} cannot be read ({type(error).__name__}): remove it")
