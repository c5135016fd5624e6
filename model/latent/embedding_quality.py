"""Probes of data sets under one model, one data set after another, and their separation at the end."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from model.data.arrays import SplitArrays, open_split
from model.errors import VQScopeError
from model.latent.probes import Labelled, probe
from model.latent.separation import separation

if TYPE_CHECKING:
    from model.inference import InferenceModel

MAX_IMAGES = 50_000
"""Images of a split that probes are fitted to or tuned on; of more, so many are drawn. Separation: in all."""

_STRIDE = 256
_SEED = 0

Embeddings = NDArray[np.float32]


class EmbeddingQuality:
    """Encodes the training split of each data set once, and probes it on the evaluated split.

    The linear probe's penalty is chosen on the validation split, or, where that is the one evaluated, on a held-out
    fifth of the training split. What is kept of a data set, for the separation, is at most its share of `MAX_IMAGES`.
    """

    def __init__(self, model: "InferenceModel", evaluated: Sequence[SplitArrays], *, data_dir: Path) -> None:
        """Open the splits to fit on.

        Args:
            model: it encodes.
            evaluated: the split to report on, val or test, of each data set.
            data_dir: folder of the npz files.
        """
        self._model = model
        self._evaluated = tuple(evaluated)
        fitting = ("train", "val") if evaluated[0].split == "test" else ("train",)
        self._fitting = [
            {split: open_split(part.info, split, data_dir=data_dir) for split in fitting}
            for part in evaluated
        ]
        self._kept: dict[str, list[Labelled]] = {"train": [], "val": [], evaluated[0].split: []}

    @property
    def n_images(self) -> int:
        """Images that `probe` encodes, over all data sets."""
        return sum(min(len(part), MAX_IMAGES) for parts in self._fitting for part in parts.values())

    def probe(self, place: int, embeddings: Embeddings, bar: "tqdm[Any]") -> dict[str, Any]:
        """Probe the data set at ``place``, given the embeddings (N, D) of its evaluated split.

        Returns:
            See `model.latent.probes.probe`; ``{"not_computed": why}`` where there is nothing to tell apart.
        """
        part = self._evaluated[place]
        encoded = {split: self._encode(arrays, bar) for split, arrays in self._fitting[place].items()}
        encoded[part.split] = (embeddings, part.labels)
        for split, (vectors, _) in encoded.items():
            self._keep(place, split, vectors)
        if part.labels.shape[1] > 1:
            return {"not_computed": "its images have several labels each"}
        if len(np.unique(encoded["train"][1])) < 2:
            return {"not_computed": "its training images are not of two classes or more"}
        labelled = {split: Labelled(vectors, labels[:, 0]) for split, (vectors, labels) in encoded.items()}
        tuning = None if part.split == "val" else labelled["val"]
        return probe(labelled["train"], tuning, labelled[part.split], seed=_SEED)

    def separation(self) -> dict[str, Any]:
        """How well the data sets lie apart, once all have been probed; see `model.latent.separation`."""
        if len(self._evaluated) < 2:
            return {"not_computed": "it takes two data sets"}
        whole = {
            split: Labelled(
                np.concatenate([part.embeddings for part in kept]),
                np.concatenate([part.labels for part in kept]),
            )
            for split, kept in self._kept.items()
            if kept
        }
        split = self._evaluated[0].split
        tuning = None if split == "val" else whole["val"]
        return separation(whole["train"], tuning, whole[split], seed=_SEED)

    def _encode(self, arrays: SplitArrays, bar: "tqdm[Any]") -> tuple[Embeddings, NDArray[np.int64]]:
        rows = _drawn(len(arrays), MAX_IMAGES)
        embeddings = np.empty((len(rows), self._model.embedding_dim), dtype=np.float32)
        for start in range(0, len(rows), _STRIDE):
            block = rows[start : start + _STRIDE]
            embeddings[start : start + len(block)] = self._model.encode(arrays.images[block]).embeddings
            bar.update(len(block))
        check_finite(embeddings, self._model, arrays)
        return embeddings, arrays.labels[rows]

    def _keep(self, place: int, split: str, embeddings: Embeddings) -> None:
        """Keep the data set's share, labelled by its place."""
        everywhere = (
            sum(len(part) for part in self._evaluated)
            if split == self._evaluated[0].split
            else sum(len(parts[split]) for parts in self._fitting)
        )
        rows = _drawn(len(embeddings), max(1, MAX_IMAGES * len(embeddings) // max(MAX_IMAGES, everywhere)))
        self._kept[split].append(Labelled(embeddings[rows], np.full(len(rows), place, dtype=np.int64)))


def check_finite(embeddings: Embeddings, model: "InferenceModel", part: SplitArrays) -> None:
    """Raise VQScopeError where an embedding is not finite."""
    if not np.isfinite(embeddings).all():
        raise VQScopeError(
            f"{model.name} gives no finite embeddings for {part.info.name}/{part.split}: train it again"
        )


def _drawn(n: int, at_most: int) -> NDArray[np.intp]:
    """All n rows, or so many of them drawn without replacement; in ascending order."""
    if n <= at_most:
        return np.arange(n)
    return np.sort(np.random.default_rng(_SEED).choice(n, at_most, replace=False))
