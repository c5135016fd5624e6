"""Adding a map to an index, and taking one away: whole or not at all, while the index may be in use."""

import glob
import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from model.errors import VQScopeError
from model.latent.errors import MapNotFound, SettingError
from model.latent.features import Features, Progress, Rows, silent
from model.latent.manifest import Block
from model.latent.map_settings import MapSettings, fits_to_compare
from model.latent.projection import FittedOn, LatentMap, Projector, method_class, open_map, write_map
from model.latent.storage import sync
from model.once import new_folder_beside, remove_abandoned

if TYPE_CHECKING:
    from model.latent.index import LatentIndex

DEFAULT_MAP = "pca"
"""Every index has it, made when it is built."""
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


def default_name(method: str, dimensions: int) -> str:
    """Such as ``umap``, or ``umap-3d`` of three dimensions."""
    return method if dimensions == 2 else f"{method}-{dimensions}d"


def fitting_rows(blocks: Sequence[Block], projector: type[Projector]) -> tuple[Rows, FittedOn]:
    """Rows that a method is fitted to: those of the training split, so that all others are as new images.

    Without a training split all rows; for a method that learns nothing none.
    """
    if not projector.learns:
        return np.zeros(0, np.int64), "none"
    train = [block for block in blocks if block.split == "train"]
    rows = [np.arange(block.start, block.stop) for block in train or blocks]
    return np.concatenate(rows), "train" if train else "all"


def fit_map(
    folder: Path,
    features: Features,
    blocks: Sequence[Block],
    method: str,
    settings: MapSettings | None = None,
    progress: Progress = silent,
) -> None:
    """Fit a method to an index and write the map into a new folder.

    Raises:
        MapNotFound: there is no such method.
        SettingError: the settings, or the index, do not suit the method.
        VQScopeError: a package that the method needs is not installed.
    """
    kind = method_class(method)
    chosen = settings if settings is not None else kind.settings_type()
    rows, fitted_on = fitting_rows(blocks, kind)
    projector = kind.fit(features, rows, chosen, progress)
    n_fitted = len(rows) if projector.anchors is None else len(projector.anchors.rows)
    write_map(
        folder,
        projector,
        features,
        n_fitted=n_fitted,
        fitted_on=fitted_on,
        settings=chosen,
        progress=progress,
    )


def add_map(
    index: "LatentIndex",
    method: str,
    settings: MapSettings | None = None,
    *,
    name: str | None = None,
    code_vectors: NDArray[np.float32] | None = None,
    stability: int | None = None,
    progress: Progress = silent,
) -> LatentMap:
    """Fit a map and add it to an index on the disk; the open index that is given does not change.

    It is written to a hidden folder and renamed when it is whole: whoever lists the maps sees all of it or nothing.

    Args:
        index: of the images.
        method: see `model.latent.projection.METHODS`.
        settings: of the method; None: its defaults.
        name: of lower-case letters, digits, - and _; None: `default_name`.
        code_vectors: (K, d) the model's codebook, which mean2d needs.
        stability: fits with other seeds to compare; 0: none; None: the usual, of a method with a seed.
        progress: told how far it has come; an exception that it raises ends the fit and leaves nothing.

    Raises:
        MapNotFound: there is no such method.
        SettingError: the name, the settings, the fits to compare, or the index do not suit.
        VQScopeError: the name is taken, a package is not installed, or the index has been replaced meanwhile.
        OSError: the index cannot be written.
    """
    from model.latent.map_measuring import (  # SciPy, needed by nobody else here
        QualitySettings,
        measure_new_map,
    )

    kind = method_class(method)
    chosen = settings if settings is not None else kind.settings_type()
    fits = fits_to_compare(kind.settings_type, method, stability)
    if name is None:
        name = default_name(method, chosen.dimensions)
    check_name(name)
    final = index.path / "maps" / name
    _check_free(final)
    features = Features(index.embeddings, index.codes, code_vectors)
    remove_abandoned(final.parent, f".{glob.escape(name)}.fitting-*")
    with new_folder_beside(final.resolve(), "fitting") as holder:
        try:
            fit_map(holder / "map", features, index.blocks, method, chosen, progress)
            measure_new_map(
                holder / "map",
                features,
                index.blocks,
                QualitySettings(metric=getattr(chosen, "metric", "euclidean")),
                fits=fits,
                progress=lambda stage, done, total: progress(f"measuring {stage}", done / total),
            )
            _check_same(index)
            _check_free(final)
            (holder / "map").rename(final)
            try:
                sync(final.parent)
                return open_map(final, features)
            except BaseException:  # whoever is told that it failed, or was cancelled, is not to find it
                final.rename(holder / "map")
                raise
        finally:
            shutil.rmtree(holder, ignore_errors=True)


def remove_map(index: "LatentIndex", name: str) -> None:
    """Take a map away from an index on the disk.

    Raises:
        MapNotFound: there is none of that name.
        SettingError: it is the one that every index has.
        OSError: the index cannot be written.
    """
    if name == DEFAULT_MAP:
        raise SettingError(f"the map {DEFAULT_MAP} stays: every index has it")
    check_name(name)
    final = index.path / "maps" / name
    if not final.is_dir():
        raise MapNotFound(f"this index has no map {name!r}; it has {', '.join(index.map_names)}")
    with new_folder_beside(final.resolve(), "removed") as holder:
        try:
            final.rename(holder / "map")
            sync(final.parent)
        finally:
            shutil.rmtree(holder, ignore_errors=True)


def check_name(name: str) -> None:
    """Refuse what cannot be the name of a map.

    Raises:
        SettingError: it is empty, too long, or has other characters.
    """
    if not _NAME.fullmatch(name):
        raise SettingError(
            f"a map's name is made of at most 64 lower-case letters, digits, - and _, such as umap-3d; not {name!r}"
        )


def _check_free(final: Path) -> None:
    if final.exists():
        raise VQScopeError(
            f"the index has a map {final.name} already; choose another name, or remove it with: "
            f"vqscope map remove {final.parent.parent} {final.name}"
        )


def _check_same(index: "LatentIndex") -> None:
    from model.latent.index import with_present_maps

    with_present_maps(index)
