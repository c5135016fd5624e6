"""Building a latent index: every image through the model once, then a map fitted to the training split."""

import glob
import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from model.data.arrays import SplitArrays, open_split
from model.data.catalogue import DatasetInfo, find_dataset, report_warnings
from model.data.npz import SPLITS
from model.errors import VQScopeError
from model.latent.errors import SettingError
from model.latent.images_table import FIGURES, TableWriter, label_column
from model.latent.manifest import FORMAT, Block, Manifest
from model.latent.pca import PCAProjector
from model.latent.projection import write_map
from model.latent.storage import NpyWriter, open_npy, read_json, sync, write_json
from model.once import new_folder_beside, remove_abandoned

if TYPE_CHECKING:
    from model.inference import InferenceModel


def build_index(
    model: "InferenceModel",
    *,
    data_dir: Path,
    datasets: Sequence[str],
    out: Path,
    splits: Sequence[str] = SPLITS,
    batch_size: int = 256,
    progress: bool = True,
) -> Path:
    """Build the latent index of some data sets under a model.

    It is made in a hidden folder beside ``out`` and renamed when it is whole; if anything fails, or on
    Ctrl-C, that folder is removed and an index that was at ``out`` stays as it was. What a killed build of the
    same name left is removed by the next. Official data sets that are absent are downloaded.

    Args:
        model: it encodes, decodes and is named in the index.
        data_dir: folder of the npz files.
        datasets: their names, in the order of the index.
        out: folder to make; replaced if it is an index or an empty folder, refused if it is anything else.
        splits: which of train, val and test.
        batch_size: images at a time.
        progress: whether to show a bar over all images on stderr.

    Returns:
        ``out``.

    Raises:
        SettingError: no data set, one named twice, no such split, or a batch size below 1.
        VQScopeError: a data set is broken, or absent and cannot be downloaded, the model gives no finite
            numbers, ``out`` is something else than an index, or cannot be written.
    """
    _check_settings(datasets, splits, batch_size)
    out = out.expanduser()
    target = out.resolve()
    _check_target(target)
    from model.data.download import (
        ensure_available,
    )  # httpx: whoever only opens an index need not wait for it

    ensure_available(datasets, data_dir)
    arrays = [
        part
        for info in _find_all(datasets, data_dir)
        for split in SPLITS
        if split in splits and len(part := open_split(info, split, data_dir=data_dir))
    ]
    manifest = _plan(model, arrays)
    with _in_place_of(target) as folder:
        with tqdm(total=manifest.n, desc="indexing", unit="image", disable=not progress) as bar:
            _encode_all(model, manifest, arrays, folder, batch_size, bar)
        _fit_map(manifest, folder)
        created = datetime.now(UTC).isoformat(timespec="seconds")
        write_json(folder / "index.json", manifest.content(created_at=created, vqscope=version("vqscope")))
    return out


def _check_settings(datasets: Sequence[str], splits: Sequence[str], batch_size: int) -> None:
    if not datasets or len(set(datasets)) != len(datasets):
        raise SettingError("name at least one data set, and each only once")
    if not splits or set(splits) - set(SPLITS):
        raise SettingError(f"splits must be some of {', '.join(SPLITS)}, not {', '.join(splits) or 'none'}")
    if batch_size < 1:
        raise SettingError(f"the batch size must be at least 1, not {batch_size}")


def _check_target(target: Path) -> None:
    if not target.exists():
        return
    described = target / "index.json"
    if target.is_dir() and not any(target.iterdir()):
        return
    if not described.is_file() or read_json(described).get("format") != FORMAT:
        raise VQScopeError(f"{target} exists and is not a latent index; choose another folder for the index")


def _find_all(datasets: Sequence[str], data_dir: Path) -> list[DatasetInfo]:
    infos = [find_dataset(name, data_dir) for name in datasets]
    report_warnings(infos)
    return infos


def _plan(model: "InferenceModel", arrays: Sequence[SplitArrays]) -> Manifest:
    blocks: list[Block] = []
    for part in arrays:
        blocks.append(Block(part.info.name, part.split, blocks[-1].stop if blocks else 0, len(part)))
    if not blocks:
        raise VQScopeError("these data sets and splits hold no image; choose others")
    # The folder of the data is this machine's business; an index may be carried to another.
    described = {part.info.name: part.info.to_dict() | {"path": None} for part in arrays}
    return Manifest(
        model_name=model.name,
        model_version=model.version,
        model_sha256=model.sha256,
        embedding_version=model.embedding_version,
        embedding_dim=model.embedding_dim,
        code_grid=model.code_grid,
        codebook_size=model.codebook_size,
        n=blocks[-1].stop,
        blocks=tuple(blocks),
        datasets=tuple(described.values()),
    )


def _encode_all(
    model: "InferenceModel",
    manifest: Manifest,
    arrays: Sequence[SplitArrays],
    folder: Path,
    batch_size: int,
    bar: "tqdm[Any]",
) -> None:
    with ExitStack() as files:
        embeddings = files.enter_context(
            NpyWriter(folder / "embeddings.npy", (manifest.n, manifest.embedding_dim), np.float32)
        )
        codes = files.enter_context(
            NpyWriter(folder / "codes.npy", (manifest.n, *manifest.code_grid), manifest.code_dtype)
        )
        table = files.enter_context(TableWriter(folder / "images.parquet"))
        for block, part in zip(manifest.blocks, arrays, strict=True):
            figures = {name: np.empty(block.count, dtype=np.float32) for name in FIGURES}
            for start in range(0, block.count, batch_size):
                rows = slice(start, min(start + batch_size, block.count))
                analysis = model.analyse(np.array(part.images[rows]))  # read from the disk once
                encoding = analysis.encoding
                _check_finite(encoding.embeddings, model, part)
                embeddings.append(encoding.embeddings)
                codes.append(encoding.codes)
                figures["psnr"][rows] = analysis.figures.psnr
                figures["ssim"][rows] = analysis.figures.ssim
                figures["mae"][rows] = analysis.figures.mae
                figures["quantisation_error"][rows] = encoding.quantisation_error
                bar.update(rows.stop - rows.start)
            table.append(block, label_column(part.labels, block.dataset), figures)


def _check_finite(embeddings: NDArray[np.float32], model: "InferenceModel", part: SplitArrays) -> None:
    if not np.isfinite(embeddings).all():
        raise VQScopeError(
            f"{model.name} gives no finite embeddings for {part.info.name}/{part.split}: train it again"
        )


def _fit_map(manifest: Manifest, folder: Path) -> None:
    """The PCA map, fitted to the training split alone: the others are seen as new images would be."""
    embeddings = open_npy(folder / "embeddings.npy", (manifest.n, manifest.embedding_dim), np.float32)
    rows = [(block.start, block.stop) for block in manifest.blocks if block.split == "train"]
    everything = [(0, manifest.n)]
    projector = PCAProjector.fit(embeddings, rows or everything)
    write_map(
        folder / "maps" / "pca",
        projector,
        embeddings,
        n_fitted=sum(stop - start for start, stop in rows or everything),
        fitted_on="train" if rows else "all",
    )
    sync(folder / "maps")


@contextmanager
def _in_place_of(target: Path) -> Iterator[Path]:
    """A new folder beside ``target``: takes its place when the block ends well, else is removed."""
    hidden = f".{glob.escape(target.name)}"
    try:
        remove_abandoned(target.parent, f"{hidden}.building-*")  # of a build that was killed
        with new_folder_beside(target, "building") as folder:
            try:
                yield folder
                sync(folder)
                _swap(folder, target)
            except BaseException:
                # What was raised matters more than a folder that cannot be removed.
                shutil.rmtree(folder, ignore_errors=True)
                raise
        remove_abandoned(target.parent, f"{hidden}.replaced-*")  # not before a new one stands
    except OSError as error:
        why = error.strerror or str(error)
        raise VQScopeError(
            f"cannot write the index {target}: {why}; choose another folder or free space"
        ) from error


def _swap(folder: Path, target: Path) -> None:
    """Rename ``folder`` to ``target``; what was there goes, but not before the new one stands."""
    if not target.exists():
        folder.rename(target)
        sync(target.parent)
        return
    with new_folder_beside(target, "replaced") as bin_:
        try:
            target.rename(bin_ / "index")
            try:
                folder.rename(target)
            except BaseException:
                (bin_ / "index").rename(target)
                raise
            sync(target.parent)
        finally:
            shutil.rmtree(bin_, ignore_errors=True)
