"""A latent index of the size of all of MedMNIST, of drawn numbers: its folder is like any other's, and is served so."""

import json
import shutil
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from model.data.catalogue import DatasetInfo, find_dataset
from model.data.npz import SPLITS
from model.data.official import official_names
from model.latent.features import Features
from model.latent.images_table import FIGURES, TableWriter
from model.latent.manifest import Block, Manifest
from model.latent.map_fitting import fit_map
from model.latent.reuse import digests
from model.latent.storage import NpyWriter, open_arrays, sync, write_json
from model.once import made_once

VERSION = 1
"""Of what is drawn."""
_CHUNK = 8192
_TYPICAL = {"psnr": (30.0, 3.0), "ssim": (0.9, 0.03), "mae": (0.02, 0.005), "quantisation_error": (0.2, 0.05)}


@dataclass(frozen=True, kw_only=True)
class SyntheticSettings:
    """What is drawn."""

    images: int = 707_962
    """In all, in the twelve sets' proportions; 707,962 is each set's own number."""
    dim: int = 256
    """Of the embeddings."""
    grid: tuple[int, int] = (7, 7)
    codebook_size: int = 512
    seed: int = 0


def synthetic_index(settings: SyntheticSettings, model: Any, cache: Path) -> Path:
    """The index of these settings under the name of a model, drawn once and then kept in a folder."""
    name = f"{model.sha256[:12]}-{settings.images}x{settings.dim}-{settings.seed}-{VERSION}"
    folder = cache.resolve() / name
    with made_once(folder, lambda path: (path / "index.json").is_file(), lambda: None) as part:
        if part is not None:
            part.mkdir()
            try:
                _draw(settings, model, part)
            except BaseException:
                shutil.rmtree(part)
                raise
    return folder


def _draw(settings: SyntheticSettings, model: Any, folder: Path) -> None:
    # An empty folder of data: what MedMNIST's table says of each set, and no file that could be shown.
    infos = [find_dataset(name, folder) for name in official_names()]
    manifest = Manifest(
        model_name=model.name,
        model_version=model.version,
        model_sha256=model.sha256,
        embedding_version=model.embedding_version,
        embedding_dim=settings.dim,
        code_grid=settings.grid,
        codebook_size=settings.codebook_size,
        n=sum(block.count for block in _blocks(infos, settings.images)),
        blocks=tuple(_blocks(infos, settings.images)),
        datasets=tuple(info.to_dict() for info in infos),
    )
    _Drawing(settings, manifest, infos).write(folder)
    embeddings, codes = open_arrays(folder, manifest)
    fit_map(folder / "maps" / "pca", Features(embeddings), manifest.blocks, "pca")
    blocks = tuple(replace(b, digests=digests(embeddings, codes, b)) for b in manifest.blocks)
    created = datetime.now(UTC).isoformat(timespec="seconds")
    content = replace(manifest, blocks=blocks).content(created_at=created, vqscope=version("vqscope"))
    write_json(folder / "index.json", json.loads(json.dumps(content)))
    sync(folder)


def _blocks(infos: list[DatasetInfo], images: int) -> list[Block]:
    share = images / sum(sum(info.n_samples.values()) for info in infos)
    blocks: list[Block] = []
    for info in infos:
        for split in SPLITS:
            count = max(1, round(share * info.n_samples[split]))
            blocks.append(Block(info.name, split, blocks[-1].stop if blocks else 0, count))
    return blocks


class _Drawing:
    """Clustered normals: a centre for each set and, about it, for each of its classes.

    The deviation along axis i falls as i^-1/2, as the spectra of embeddings do; in a round normal of 256 dimensions all
    points are about equally far from each other, and no search could tell its ten nearest from its next thousand.
    """

    def __init__(self, settings: SyntheticSettings, manifest: Manifest, infos: list[DatasetInfo]) -> None:
        self._settings = settings
        self._manifest = manifest
        self._infos = {info.name: info for info in infos}
        self._rng = np.random.default_rng(settings.seed)
        dim = settings.dim
        self._scale = (1 + np.arange(dim)) ** -0.5
        self._axes = np.linalg.qr(self._rng.normal(size=(dim, dim)))[0].astype(np.float32)
        self._centres = {
            info.name: 3 * self._rng.normal(size=dim)
            + 1.5 * self._rng.normal(size=(max(1, len(info.labels)), dim))
            for info in infos
        }

    def write(self, folder: Path) -> None:
        """The arrays and the table, a few thousand rows at a time."""
        manifest, settings = self._manifest, self._settings
        shape = (manifest.n, settings.dim)
        with (
            NpyWriter(folder / "embeddings.npy", shape, np.float32) as embeddings,
            NpyWriter(folder / "codes.npy", (manifest.n, *settings.grid), manifest.code_dtype) as codes,
            TableWriter(folder / "images.parquet") as table,
            tqdm(total=manifest.n, desc="drawing an index", unit="image") as bar,
        ):
            for block in manifest.blocks:
                classes = self._rng.integers(max(1, len(self._infos[block.dataset].labels)), size=block.count)
                for start in range(0, block.count, _CHUNK):
                    part = classes[start : start + _CHUNK]
                    embeddings.append(self._embeddings(block.dataset, part))
                    codes.append(self._codes(block.dataset, part))
                    bar.update(len(part))
                figures = {
                    name: self._rng.normal(*_TYPICAL[name], size=block.count).astype(np.float32)
                    for name in FIGURES
                }
                multi = self._infos[block.dataset].task.startswith("multi-label")
                labels = 1 << classes if multi else classes
                table.append(block, labels.astype(np.int32), figures)

    def _embeddings(self, dataset: str, classes: NDArray[np.int64]) -> NDArray[np.float32]:
        noise = self._rng.standard_normal((len(classes), self._settings.dim), dtype=np.float32)
        drawn = (self._centres[dataset][classes] + noise) * self._scale
        rows: NDArray[np.float32] = drawn.astype(np.float32) @ self._axes
        return rows

    def _codes(self, dataset: str, classes: NDArray[np.int64]) -> NDArray[np.int64]:
        """Each set has frequent and rare codes of its own, and shifts them a little with the class."""
        size = self._settings.codebook_size
        drawn = self._rng.exponential(size / 8, size=(len(classes), *self._settings.grid)).astype(np.int64)
        offset = 37 * list(self._infos).index(dataset) + 11 * classes
        return (drawn + offset[:, None, None]) % size
