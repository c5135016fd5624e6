"""The maps in the folder of an index: all opened, or read through against their checksums."""

import logging
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import numpy as np

from model.latent.errors import IndexDamaged
from model.latent.features import Features
from model.latent.projection import LatentMap, open_map, verify_map
from model.latent.quality_store import in_range
from model.latent.storage import damaged

logger = logging.getLogger(__name__)
_NEEDED = "pca"


def map_folders(index: Path) -> list[Path]:
    """Folders of the maps of the index in a folder, that of ``pca`` first.

    Raises:
        IndexDamaged: there is no ``pca``.
    """
    maps = index / "maps"
    if not (maps / _NEEDED).is_dir():
        raise damaged(maps / _NEEDED, "is missing")
    # A name with a dot is a map that is being written, or was left half-made.
    found = [entry for entry in maps.iterdir() if entry.is_dir() and "." not in entry.name]
    return sorted(found, key=lambda folder: (folder.name != _NEEDED, folder.name))


def open_maps(index: Path, features: Features) -> Mapping[str, LatentMap]:
    """All maps of the index in a folder, whose embeddings and codes are given, ``pca`` first.

    A damaged one is left out with a warning: the index can be used without it.

    Raises:
        IndexDamaged: ``pca`` is damaged, or there is none.
    """
    maps: dict[str, LatentMap] = {}
    for folder in map_folders(index):
        try:
            maps[folder.name] = open_map(folder, features)
        except IndexDamaged as error:
            if folder.name == _NEEDED:
                raise
            logger.warning("the map %s is left out: %s", folder.name, _how_to_mend(error, folder))
    return MappingProxyType(maps)


def verify_maps(index: Path, features: Features) -> None:
    """Read all maps of the index in a folder through, those too that `open_maps` leaves out.

    Raises:
        IndexDamaged: one is not as it was written.
    """
    for folder in map_folders(index):
        try:
            chart = open_map(folder, features)
            verify_map(folder)
            if not np.isfinite(chart.coordinates).all():
                raise damaged(folder, "has a point that is not finite")
            if chart.preservation is not None and not in_range(chart.preservation):
                raise damaged(folder / "preservation.npy", "holds more than shares")
        except IndexDamaged as error:
            if folder.name == _NEEDED:
                raise
            raise IndexDamaged(_how_to_mend(error, folder)) from error


def _how_to_mend(error: IndexDamaged, folder: Path) -> str:
    what = str(error).removesuffix("; build it again with: vqscope index")
    return f"{what}; to remove it: vqscope map remove {folder.parent.parent} {folder.name}"
