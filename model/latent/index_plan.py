"""What an index is to hold: of which data sets, splits and metadata, under which model."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from model.data.arrays import SplitArrays
from model.data.catalogue import DatasetInfo, find_dataset, report_warnings
from model.data.npz import SPLITS
from model.errors import VQScopeError
from model.latent.errors import SettingError
from model.latent.images_table import STORED_NAMES
from model.latent.manifest import Block, Manifest
from model.latent.metadata import Metadata, metadata_path, read_metadata

if TYPE_CHECKING:
    from model.inference import InferenceModel


@dataclass(frozen=True, kw_only=True)
class BuildSettings:
    """How an index is built."""

    splits: Sequence[str] = SPLITS
    """Which of train, val and test."""
    batch_size: int = 256
    """Images at a time."""
    add: bool = False
    """Whether to keep the data sets (and their splits) that the index has which is there already."""
    afresh: bool = False
    """Whether to encode all images, whatever an interrupted build or the index there holds of them."""
    progress: bool = True
    """Whether to show a bar over all images on stderr."""

    def __post_init__(self) -> None:
        if not self.splits or set(self.splits) - set(SPLITS):
            raise SettingError(
                f"splits must be some of {', '.join(SPLITS)}, not {', '.join(self.splits) or 'none'}"
            )
        if self.batch_size < 1:
            raise SettingError(f"the batch size must be at least 1, not {self.batch_size}")


def wanted_splits(
    model: "InferenceModel", target: Path, datasets: Sequence[str], settings: BuildSettings
) -> dict[str, set[str]]:
    """Splits to index of each data set, in the order of the index."""
    if not datasets or len(set(datasets)) != len(datasets):
        raise SettingError("name at least one data set, and each only once")
    wanted: dict[str, set[str]] = {}
    if settings.add:
        from model.latent.index import open_index

        for block in open_index(target, model).blocks:
            wanted.setdefault(block.dataset, set()).add(block.split)
    for name in datasets:
        wanted.setdefault(name, set()).update(settings.splits)
    return wanted


def find_all(datasets: Sequence[str], data_dir: Path) -> list[DatasetInfo]:
    """The data sets by their names, with their warnings told."""
    infos = [find_dataset(name, data_dir) for name in datasets]
    report_warnings(infos)
    return infos


def metadata_of(parts: Mapping[str, SplitArrays], data_dir: Path) -> dict[str, Metadata]:
    """The metadata of those data sets that have any, by name.

    Raises:
        MetadataDamaged: a file of it cannot be used.
    """
    found = {
        name: read_metadata(metadata_path(name, data_dir), part.info.n_samples, STORED_NAMES)
        for name, part in parts.items()
    }
    return {name: one for name, one in found.items() if one is not None}


def plan_of(
    model: "InferenceModel", arrays: Sequence[SplitArrays], metadata: Mapping[str, Metadata]
) -> Manifest:
    """What ``index.json`` will say, but for the checksums."""
    blocks: list[Block] = []
    for part in arrays:
        blocks.append(Block(part.info.name, part.split, blocks[-1].stop if blocks else 0, len(part)))
    if not blocks:
        raise VQScopeError("these data sets and splits hold no image; choose others")
    # The folder of the data is this machine's business; an index may be carried to another.
    described = {part.info.name: part.info.to_dict() | {"path": None} for part in arrays}
    for name, one in metadata.items():
        described[name]["metadata"] = {"sha256": one.sha256, "columns": one.types()}
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


def identity_of(model: "InferenceModel", manifest: Manifest, settings: BuildSettings) -> dict[str, Any]:
    """All that the bytes of an index follow from: what is to be gone on with must be of the same."""
    content = manifest.content(created_at="", vqscope=version("vqscope"))
    made_by = {name: version(name) for name in ("torch", "numpy", "pyarrow")}
    identity = {"index": content, "made_by": made_by, "device": str(model.device)}
    plan: dict[str, Any] = json.loads(json.dumps(identity | {"batch_size": settings.batch_size}))
    return plan
