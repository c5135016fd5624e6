"""What is served: a model, its index, and their images."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from backend.batching import Batcher, Observer
from backend.computed import Computed
from backend.jobs import ANALYSE
from backend.labels import Labels, labels_of
from backend.pictures import PictureCache
from backend.searching import Searching
from backend.settings import Settings
from model.data.arrays import SplitArrays, open_split
from model.data.catalogue import require_folder
from model.errors import VQScopeError
from model.inference import InferenceModel
from model.latent.index import LatentIndex, open_index
from model.paths import data_dir

logger = logging.getLogger(__name__)
CLOSING_SECONDS = 5.0


@dataclass(frozen=True)
class ModelFacts:
    """What is told of the model; taken once, as only the model thread may touch the model itself."""

    name: str
    version: str
    sha256: str
    image_size: int
    code_grid: tuple[int, int]
    codebook_size: int
    bits_per_image: float
    embedding_dim: int
    embedding_version: str
    card: dict[str, Any]

    @classmethod
    def of(cls, model: InferenceModel) -> "ModelFacts":
        """Take the facts from a model."""
        return cls(**{name: getattr(model, name) for name in cls.__dataclass_fields__})


@dataclass(frozen=True)
class Loaded:
    """A model with its index and images, complete: requests hold on to one of these from begin to end."""

    model: ModelFacts
    index: LatentIndex
    splits: Mapping[tuple[str, str], SplitArrays]
    """Images by (data set, split), as far as their files are those that were indexed."""
    missing: Mapping[str, str]
    """Why a data set's images cannot be shown, by its name."""
    labels: Mapping[str, Labels]
    """What label values mean, by data set."""
    batcher: Batcher
    pictures: PictureCache
    computed: Computed
    """Statistics of the index, from when they are first asked for."""
    search: Searching
    """How neighbours are found."""


def load(
    settings: Settings, load_model: Callable[[str | None], InferenceModel], observer: Observer | None
) -> Loaded:
    """Open what the settings name, start its model thread, and let it and the maps do a first pass.

    Raises:
        VQScopeError: model, index or folder of data are not there, damaged, or do not fit each other.
    """
    limits = settings.limits
    folder = data_dir(settings.data_dir)
    if settings.data_dir is not None:
        require_folder(folder)
    model = load_model(settings.model)
    index = open_index(settings.index, model)
    splits, missing = _open_images(index, folder)
    search = Searching.of(index)
    facts = ModelFacts.of(model)
    batcher = Batcher(
        model, queue_length=limits.queue_length, batch_size=limits.batch_size, observer=observer
    )
    batcher.start()
    # The first pass is slow, and a model that cannot do one is not ready.
    black = np.zeros((facts.image_size, facts.image_size, 3), np.uint8)
    try:
        batcher.submit(ANALYSE, [black])[0].result()
        warm_up_maps(index)
    except BaseException:
        batcher.close(CLOSING_SECONDS)
        raise
    pictures = PictureCache(limits.picture_cache_bytes)
    return Loaded(facts, index, splits, missing, labels_of(index), batcher, pictures, Computed(), search)


def warm_up_maps(index: LatentIndex) -> None:
    """Place an image on each map that is placed on by its neighbours, as UMAP is compiled for seconds the first time.

    Without such a map nothing is done, and nothing is imported. A map whose package is not installed can be looked at
    all the same.
    """
    for chart in index.maps.values():
        if chart.projector.anchors is not None:
            try:
                index.project(index.embeddings[:1], map=chart.name)
            except VQScopeError as error:
                logger.warning("no images can be placed on the map %s: %s", chart.name, error)


def _open_images(
    index: LatentIndex, folder: Path
) -> tuple[dict[tuple[str, str], SplitArrays], dict[str, str]]:
    splits: dict[tuple[str, str], SplitArrays] = {}
    missing: dict[str, str] = {}
    for dataset in index.datasets:
        name = dataset["name"]
        opened = {}
        try:
            for split in [block.split for block in index.blocks if block.dataset == name]:
                opened[name, split] = open_split(name, split, data_dir=folder)
        except VQScopeError as error:
            missing[name] = str(error)
        else:
            if any(arrays.info.md5 != dataset["md5"] for arrays in opened.values()):
                missing[name] = f"the file of {name} in the data folder is not the one that was indexed"
            else:
                splits |= opened
    for name, reason in missing.items():
        logger.warning("no images of %s: %s", name, reason)
    return splits, missing
