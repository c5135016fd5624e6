"""What is served (a model, its index, their images), brought up and down beside the running server."""

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from backend.batching import Batcher
from backend.computed import Computed
from backend.jobs import ANALYSE
from backend.labels import Labels, labels_of
from backend.pictures import PictureCache
from backend.problems import unavailable
from backend.searching import Searching
from backend.settings import Settings
from model.data.arrays import SplitArrays, open_split
from model.data.catalogue import require_folder
from model.errors import VQScopeError
from model.inference import InferenceModel, load_model
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


class Service:
    """The life of what is served: loading, ready, failed, closed.

    Args:
        settings: what to load.
        notify: called once from the loading thread: with None when ready, else with what went wrong.
        load: gives the model; another one than `load_model` only to provoke faults in tests.
    """

    def __init__(
        self,
        settings: Settings,
        notify: Callable[[BaseException | None], None] | None = None,
        load: Callable[[str | None], InferenceModel] = load_model,
    ) -> None:
        self.settings = settings
        self._notify = notify or (lambda _error: None)
        self._load_model = load
        self._loaded: Loaded | None = None
        self._failure: BaseException | None = None
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._bring_up, name="vqscope-loader", daemon=True)

    def start(self) -> None:
        """Begin to load, in a thread of its own so that the server answers meanwhile."""
        self._thread.start()

    def close(self, timeout: float = CLOSING_SECONDS) -> bool:
        """Let the batch in work end, drop the rest; again: only look.

        Args:
            timeout: seconds to wait for each of the two threads.

        Returns:
            Whether both have ended.
        """
        self._closing.set()
        self._thread.join(timeout)
        ended = not self._thread.is_alive()
        if self._loaded is not None:
            self._loaded.computed.close()
            ended = self._loaded.batcher.close(timeout) and ended
        return ended

    def loaded(self) -> Loaded:
        """Return what is served, or raise the problem 503 that says why there is nothing."""
        if self._loaded is not None:
            return self._loaded
        if isinstance(self._failure, VQScopeError):
            raise unavailable(f"loading failed: {self._failure}", retry_after=10)
        if self._failure is not None:
            raise unavailable("loading failed; the log of the service says why", retry_after=10)
        raise unavailable("the model and the index are being loaded")

    def ready(self) -> Loaded:
        """As `loaded`, but also demand that the model can be asked."""
        loaded = self.loaded()
        if not loaded.batcher.alive:
            raise unavailable(
                "the model thread has ended; restart the service", kind="model-gone", retry_after=10
            )
        return loaded

    def _bring_up(self) -> None:
        try:
            loaded = self._load()
            if self._closing.is_set():
                loaded.batcher.close(CLOSING_SECONDS)
                return
            self._loaded = loaded
        except BaseException as error:  # kept and told by /health/ready and `notify`
            self._failure = error
            if not isinstance(error, VQScopeError):
                logger.critical("loading failed", exc_info=True)
        self._notify(self._failure)

    def _load(self) -> Loaded:
        limits = self.settings.limits
        folder = data_dir(self.settings.data_dir)
        if self.settings.data_dir is not None:
            require_folder(folder)
        model = self._load_model(self.settings.model)
        index = open_index(self.settings.index, model)
        splits, missing = _open_images(index, folder)
        search = Searching.of(index)
        facts = ModelFacts.of(model)
        batcher = Batcher(model, queue_length=limits.queue_length, batch_size=limits.batch_size)
        batcher.start()
        # The first pass is slow, and a model that cannot do one is not ready.
        black = np.zeros((facts.image_size, facts.image_size, 3), np.uint8)
        try:
            batcher.submit(ANALYSE, [black])[0].result()
        except BaseException:
            batcher.close(CLOSING_SECONDS)
            raise
        pictures = PictureCache(limits.picture_cache_bytes)
        return Loaded(facts, index, splits, missing, labels_of(index), batcher, pictures, Computed(), search)


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
