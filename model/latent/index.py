"""The latent index, opened: everything that is known of all images of some data sets under one model."""

import hashlib
import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from model.latent.composition import Summary, figure_summaries
from model.latent.errors import (
    IndexDamaged,
    IndexMismatch,
    IndexNotFound,
    MapNotFound,
    RowNotFound,
    SettingError,
)
from model.latent.features import Features
from model.latent.images_table import STORED_NAMES, open_table
from model.latent.index_building import build_index
from model.latent.manifest import TABLE, Block, Manifest
from model.latent.neighbours import squared_lengths
from model.latent.projection import LatentMap
from model.latent.storage import open_arrays, parse_json, read_bytes
from model.latent.stored_maps import open_maps

if TYPE_CHECKING:
    from model.inference import InferenceModel

__all__ = [
    "IndexDamaged",
    "IndexMismatch",
    "IndexNotFound",
    "LatentIndex",
    "build_index",
    "maps_state",
    "open_index",
    "with_present_maps",
]


@dataclass(frozen=True, eq=False)
class LatentIndex:
    """An open index: read-only, safe to share between threads, its large arrays mapped from the disk.

    Row i of ``images``, ``embeddings``, ``codes`` and of every map is the same image. The rows of a split of
    a data set are one block, in the order of the data set.
    """

    path: Path
    manifest: dict[str, Any]
    """``index.json`` as it was read."""
    version: str
    """First 12 digits of the SHA-256 of ``index.json``; a map that is added later does not change it."""
    model_version: str
    model_sha256: str
    n: int
    blocks: tuple[Block, ...]
    datasets: tuple[dict[str, Any], ...]
    """`DatasetInfo.to_dict()` of each data set as it was when it was indexed; ``path`` is ``None``."""
    images: Any
    """pyarrow.Table: dataset, split (dictionary of text), position, label (int32), psnr (dB), ssim, mae
    ([0, 1] scale), quantisation_error (float32), then the metadata columns (int64, double or text, with nulls).
    The label of a data set with several yes/no labels an image (ChestMNIST) is a bit mask: bit i for label i."""
    embeddings: NDArray[np.float32]
    """(N, D)"""
    codes: NDArray[np.unsignedinteger[Any]]
    """(N, H', W'), the smallest unsigned type that holds the codebook's indices."""
    maps: Mapping[str, LatentMap]

    def __repr__(self) -> str:  # the fields' own would fill hundreds of lines
        names = ", ".join(d["name"] for d in self.datasets)
        maps = ", ".join(self.maps)
        return f"<LatentIndex {str(self.path)!r}: {self.n:,} images of {names}, {self.model_version}, maps {maps}>"

    @property
    def metadata_columns(self) -> tuple[str, ...]:
        """Names of the columns of ``images`` that came from the data sets' metadata."""
        return tuple(name for name in self.images.column_names if name not in STORED_NAMES)

    @property
    def map_names(self) -> tuple[str, ...]:
        """Names of the maps, ``pca`` first."""
        return tuple(self.maps)

    @cached_property
    def squared_lengths(self) -> NDArray[np.float32]:
        """(N,) of the embeddings, computed when they are first asked for: see `model.latent.neighbours.nearest`."""
        return squared_lengths(self.embeddings)

    @cached_property
    def class_sizes(self) -> Mapping[tuple[str, int], int]:
        """Number of images of each label of each data set, counted when it is first asked for."""
        labels = self.images["label"].to_numpy()
        sizes: Counter[tuple[str, int]] = Counter()
        for block in self.blocks:
            found, counts = np.unique(labels[block.start : block.stop], return_counts=True)
            sizes.update(
                {(block.dataset, int(label)): int(n) for label, n in zip(found, counts, strict=True)}
            )
        return MappingProxyType(sizes)

    @cached_property
    def figure_summaries(self) -> Mapping[str, Summary]:
        """Mean and quartiles of the figures of all images, by name, computed when they are first asked for."""
        return MappingProxyType(figure_summaries(self.images))

    def map(self, name: str) -> LatentMap:
        """One map.

        Raises:
            MapNotFound: there is none of that name.
        """
        if name not in self.maps:
            raise MapNotFound(f"this index has no map {name!r}; it has {', '.join(self.maps)}")
        return self.maps[name]

    def row(self, dataset: str, split: str, position: int) -> int:
        """Row of the image at a position of a split.

        Raises:
            RowNotFound: the index does not hold it.
        """
        for block in self.blocks:
            if (block.dataset, block.split) == (dataset, split):
                if 0 <= position < block.count:
                    return block.start + position
                raise RowNotFound(
                    f"{dataset}/{split} has no image {position}; positions are 0 to {block.count - 1}"
                )
        raise RowNotFound(f"this index does not hold {dataset}/{split}; build one with: vqscope index")

    def project(
        self,
        embeddings: NDArray[np.floating[Any]],
        map: str = "pca",
        *,
        codes: NDArray[np.integer[Any]] | None = None,
    ) -> NDArray[np.floating[Any]]:
        """Place images, new ones too, on a map.

        Args:
            embeddings: (N, D).
            map: its name.
            codes: (N, H', W'), which mean2d needs.

        Returns:
            (N, dimensions)

        Raises:
            MapNotFound: there is none of that name.
            SettingError: embeddings or codes of another shape, or codes missing.
        """
        if embeddings.ndim != 2 or embeddings.shape[1] != self.embeddings.shape[1]:
            raise SettingError(f"embeddings must be (N, {self.embeddings.shape[1]}), not {embeddings.shape}")
        if codes is not None and codes.shape != (len(embeddings), *self.codes.shape[1:]):
            raise SettingError(f"codes must be (N, H', W') = {self.codes.shape}, not {codes.shape}")
        return self.map(map).projector.transform(Features(embeddings.astype(np.float32, copy=False), codes))


def open_index(path: Path | str, model: "InferenceModel | None" = None) -> LatentIndex:
    """Open the index in a folder, checking that its files are all there and fit each other.

    Embeddings, codes and maps are mapped, not read: their content is not looked at. A damaged map other than
    ``pca`` is left out with a warning.

    Args:
        path: the folder.
        model: if given, the model that the index must have been built with.

    Raises:
        IndexNotFound: the folder does not exist or holds no index.
        IndexDamaged: a file is missing, cut short, or does not fit the others.
        IndexMismatch: it belongs to another model, or has another version of the format.
    """
    folder = Path(path).expanduser()
    described = folder / "index.json"
    if not described.is_file():
        what = "holds no latent index" if folder.is_dir() else "does not exist"
        raise IndexNotFound(
            f"{folder} {what}; build one with: vqscope index MODEL --datasets a,b --out {folder}"
        )
    data = read_bytes(described)
    content = parse_json(data, described)
    manifest = Manifest.parse(content, described)
    if model is not None:
        _check_model(manifest, model, folder)
    embeddings, codes = open_arrays(folder, manifest)
    return LatentIndex(
        path=folder,
        manifest=content,
        version=hashlib.sha256(data).hexdigest()[:12],
        model_version=manifest.model_version,
        model_sha256=manifest.model_sha256,
        n=manifest.n,
        blocks=manifest.blocks,
        datasets=manifest.datasets,
        images=open_table(folder / TABLE, manifest.blocks),
        embeddings=embeddings,
        codes=codes,
        maps=open_maps(folder, Features(embeddings, codes)),
    )


def maps_state(index: LatentIndex) -> tuple[tuple[str, int, int], ...] | None:
    """What differs once a map has come, gone or been replaced, at the cost of a look at a folder; None: unreadable."""
    try:
        with os.scandir(index.path / "maps") as entries:
            found = [(entry.name, entry.stat()) for entry in entries if "." not in entry.name]
    except OSError:
        return None
    return tuple(sorted((name, stat.st_ino, stat.st_mtime_ns) for name, stat in found))


def with_present_maps(index: LatentIndex) -> LatentIndex:
    """The same open index with the maps that lie in its folder now, as `open_index` opens them.

    Raises:
        IndexMismatch: there is another index in the folder by now.
        IndexDamaged: the map ``pca``, or the index, is damaged.
    """
    described = index.path / "index.json"
    if hashlib.sha256(read_bytes(described)).hexdigest()[:12] != index.version:
        raise IndexMismatch(
            f"the latent index {index.path} was replaced by another one: open it again; a "
            "running service does on SIGHUP, or when it is started again"
        )
    return replace(index, maps=open_maps(index.path, Features(index.embeddings, index.codes)))


def _check_model(manifest: Manifest, model: "InferenceModel", folder: Path) -> None:
    if (manifest.model_sha256, manifest.embedding_version) == (model.sha256, model.embedding_version):
        return
    theirs, ours = manifest.model_version, model.version
    if manifest.model_sha256 == model.sha256:
        theirs, ours = manifest.embedding_version, model.embedding_version
    raise IndexMismatch(
        f"the latent index {folder} was built with {theirs}, not with {ours}; "
        "build it again with: vqscope index"
    )
