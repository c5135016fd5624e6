"""Building a latent index: every image through the model once, then a map fitted to the training split."""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from tqdm import tqdm

from model.data.arrays import SplitArrays, open_split
from model.data.npz import SPLITS
from model.errors import VQScopeError
from model.latent.errors import IndexDamaged
from model.latent.features import Features
from model.latent.images_table import FIGURES, TableWriter, label_column
from model.latent.index_plan import (
    BuildSettings,
    find_all,
    identity_of,
    metadata_of,
    plan_of,
    wanted_splits,
)
from model.latent.manifest import FORMAT, TABLE, Manifest
from model.latent.map_fitting import fit_map
from model.latent.metadata import Metadata, common_schema
from model.latent.partial_build import JOURNAL, PLAN, ArraySpec, ResumableArrays, partial_folder
from model.latent.replacement import put_back, remove_replaced, swap
from model.latent.reuse import Reusable, digests, reusable
from model.latent.storage import open_arrays, open_npy, read_json, sha256_of, sync, write_json
from model.memory import give_back
from model.stage_bars import StageBars

if TYPE_CHECKING:
    from model.inference import InferenceModel

_FIGURES = "figures.npy"
"""Of the build alone: they end in the table."""


def build_index(
    model: "InferenceModel",
    *,
    data_dir: Path,
    datasets: Sequence[str],
    out: Path,
    splits: Sequence[str] = SPLITS,
    batch_size: int = 256,
    add: bool = False,
    afresh: bool = False,
    progress: bool = True,
) -> Path:
    """Build the latent index of some data sets under a model.

    It is made in the hidden folder ``.NAME.partial`` beside ``out`` and renamed when it is whole; until then an
    index at ``out`` stays as it was (a kill between two renames: the next call puts it back). A build that was
    killed at any moment, interrupted, or ended by a full disk or too little memory is gone on with by the next call
    that asks for the same, and ends in the same bytes of every array; a call that asks for something else drops it,
    and so does data or a model that cannot be used. Splits that the index at ``out`` holds of the same model and the
    same file are taken over, not encoded again. Official data sets that are absent are downloaded.
    ``NAME.metadata.csv`` beside a data set becomes columns of the index (`model.latent.metadata`).

    Args:
        model: it encodes, decodes and is named in the index.
        data_dir: folder of the npz files.
        datasets: their names, in the order of the index.
        out: folder to make; replaced if it is an index or an empty folder, refused if it is anything else.
        splits: see `BuildSettings`, as for all that follow.
        batch_size: images at a time; another one may change the last digits of embeddings.
        add: the data sets that the index at ``out`` has come first, then ``datasets``.
        afresh: encode everything.
        progress: show a bar.

    Returns:
        ``out``.

    Raises:
        SettingError: no data set, one named twice, no such split, or a batch size below 1.
        IndexMismatch: ``add`` to the index of another model.
        VQScopeError: a data set is broken, or absent and cannot be downloaded, its metadata cannot be used, the
            model gives no finite numbers, ``out`` is something else than an index, is being built by another
            process, or cannot be written.
    """
    settings = BuildSettings(splits=splits, batch_size=batch_size, add=add, afresh=afresh, progress=progress)
    out = out.expanduser()
    target = out.resolve()
    with _told_of(target):
        put_back(target)
    _check_target(target)
    wanted = wanted_splits(model, target, datasets, settings)
    from model.data.download import (
        ensure_available,
    )  # httpx: whoever only opens an index need not wait for it

    ensure_available(list(wanted), data_dir)
    arrays = [
        part
        for info in find_all(list(wanted), data_dir)
        for split in SPLITS
        if split in wanted[info.name] and len(part := open_split(info, split, data_dir=data_dir))
    ]
    metadata = metadata_of({part.info.name: part for part in arrays}, data_dir)
    manifest = plan_of(model, arrays, metadata)
    with _in_place_of(target, identity_of(model, manifest, settings), settings) as folder:
        if (folder / "index.json").exists():  # killed between the last file and the renaming
            return out
        reuse = Reusable(None, manifest) if settings.afresh else reusable(target, model, manifest)
        _encode_all(model, manifest, arrays, folder, settings, reuse)
        give_back()  # what the network worked in
        _write_table(manifest, arrays, metadata, folder)
        _fit_maps(model, manifest, folder, progress=progress)
        created = datetime.now(UTC).isoformat(timespec="seconds")
        content = _digested(manifest, folder).content(created_at=created, vqscope=version("vqscope"))
        unfinished = folder / "index.json.part"
        unfinished.unlink(missing_ok=True)  # cut by a kill
        write_json(unfinished, content)
        unfinished.rename(folder / "index.json")
    return out


def _check_target(target: Path) -> None:
    if not target.exists():
        return
    described = target / "index.json"
    if target.is_dir() and not any(target.iterdir()):
        return
    if described.is_file():
        try:
            if read_json(described).get("format") == FORMAT:
                return
        except IndexDamaged:  # it is replaced as a whole, if an index it was
            if all((target / name).exists() for name in ("embeddings.npy", TABLE)):
                return
    raise VQScopeError(f"{target} exists and is not a latent index; choose another folder for the index")


def _encode_all(
    model: "InferenceModel",
    manifest: Manifest,
    arrays: Sequence[SplitArrays],
    folder: Path,
    settings: BuildSettings,
    reuse: Reusable,
) -> None:
    specs = (
        ArraySpec("embeddings.npy", (manifest.n, manifest.embedding_dim), np.float32),
        ArraySpec("codes.npy", (manifest.n, *manifest.code_grid), manifest.code_dtype),
        ArraySpec(_FIGURES, (manifest.n, len(FIGURES)), np.float32),
    )
    with ResumableArrays(folder, specs) as stored:
        bar = tqdm(
            total=manifest.n,
            initial=stored.rows,
            desc="indexing",
            unit="image",
            disable=not settings.progress,
        )
        with bar:
            for block, part in zip(manifest.blocks, arrays, strict=True):
                # A batch that is written whole begins at a multiple of the batch size.
                for start in range(max(0, stored.rows - block.start), block.count, settings.batch_size):
                    rows = slice(start, min(start + settings.batch_size, block.count))
                    if block in reuse:
                        stored.append(*reuse.rows(block, rows))
                    else:
                        stored.append(*_encode(model, part, rows))
                    bar.update(rows.stop - rows.start)


def _encode(
    model: "InferenceModel", part: SplitArrays, rows: slice
) -> tuple[NDArray[np.float32], NDArray[np.uint16], NDArray[np.float32]]:
    analysis = model.analyse(np.array(part.images[rows]))  # read from the disk once
    encoding = analysis.encoding
    if not np.isfinite(encoding.embeddings).all():
        raise VQScopeError(
            f"{model.name} gives no finite embeddings for {part.info.name}/{part.split}: train it again"
        )
    found = analysis.figures
    columns = {
        "psnr": found.psnr,
        "ssim": found.ssim,
        "mae": found.mae,
        "quantisation_error": encoding.quantisation_error,
    }
    return encoding.embeddings, encoding.codes, np.stack([columns[name] for name in FIGURES], axis=1)


def _write_table(
    manifest: Manifest, arrays: Sequence[SplitArrays], metadata: Mapping[str, Metadata], folder: Path
) -> None:
    figures = open_npy(folder / _FIGURES, (manifest.n, len(FIGURES)), np.float32)
    schema = common_schema(list(metadata.values()))
    path = folder / TABLE
    path.unlink(missing_ok=True)  # cut by a kill
    with TableWriter(path, schema) as table:
        for block, part in zip(manifest.blocks, arrays, strict=True):
            ours = metadata.get(block.dataset)
            table.append(
                block,
                label_column(part.labels, block.dataset),
                {name: figures[block.start : block.stop, i] for i, name in enumerate(FIGURES)},
                [pa.nulls(block.count, field.type) for field in schema]
                if ours is None
                else ours.of(block.split, schema),
            )


def _digested(manifest: Manifest, folder: Path) -> Manifest:
    embeddings, codes = open_arrays(folder, manifest)
    blocks = (replace(block, digests=digests(embeddings, codes, block)) for block in manifest.blocks)
    return replace(manifest, blocks=tuple(blocks), table_digest=sha256_of(folder / TABLE))


def _fit_maps(model: "InferenceModel", manifest: Manifest, folder: Path, *, progress: bool) -> None:
    """The PCA map, fitted to the training split alone; for a model of 2-D codes also the mean of its codes."""
    from model.latent.map_measuring import measure_new_map  # SciPy: whoever only opens an index need not wait

    embeddings, codes = open_arrays(folder, manifest)
    shutil.rmtree(folder / "maps", ignore_errors=True)  # cut by a kill
    vectors = model.code_vectors()
    features = Features(embeddings, codes, vectors)
    for method in ("pca", "mean2d") if vectors.shape[1] == 2 else ("pca",):
        fit_map(folder / "maps" / method, features, manifest.blocks, method)
        with StageBars(f"map {method}", unit="image", disable=not progress) as bars:
            measure_new_map(folder / "maps" / method, features, manifest.blocks, progress=bars)
    sync(folder / "maps")


@contextmanager
def _in_place_of(target: Path, plan: Mapping[str, Any], settings: BuildSettings) -> Iterator[Path]:
    """The folder of the build: takes the place of ``target`` when the block ends well."""
    with _told_of(target):
        with partial_folder(target, plan, afresh=settings.afresh) as folder:
            try:
                yield folder
                for name in (JOURNAL, _FIGURES):
                    (folder / name).unlink(missing_ok=True)
                sync(folder)
                swap(folder, target)
                (target / PLAN).unlink(missing_ok=True)  # until now it told the next call what this is
            except VQScopeError:
                # The next call would meet it again. What was raised matters more than a folder that stays.
                shutil.rmtree(folder, ignore_errors=True)
                raise
            # After anything else (Ctrl-C, a full disk, memory that ran out) the next call goes on.
        remove_replaced(target)


@contextmanager
def _told_of(target: Path) -> Iterator[None]:
    """Make an error of the disk one that says what was to be written."""
    try:
        yield
    except OSError as error:
        why = error.strerror or str(error)
        raise VQScopeError(
            f"cannot write the index {target}: {why}; free space and give the same command again, which goes on "
            "where it was, or choose another folder"
        ) from error
