"""Making the references of the outlier detector from a latent index."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from model.errors import VQScopeError
from model.latent.code_rarity import CodeRarity
from model.latent.outliers import (
    MIN_HELD_OUT,
    DatasetReference,
    LatentImages,
    OutlierDetector,
    OutlierSettings,
    measure,
    overall_measures,
)
from model.latent.typicality import Typicality

if TYPE_CHECKING:
    from model.latent.index import LatentIndex

_CHUNK = 8192
Rows = NDArray[np.int64]


class NoReferences(VQScopeError):
    """The index has no data set with enough training and validation images."""


def fit_outliers(
    index: "LatentIndex",
    settings: OutlierSettings | None = None,
    *,
    datasets: Sequence[str] | None = None,
    progress: bool = False,
) -> OutlierDetector:
    """Fit references to the training and validation images of an index; test images are not looked at.

    Memory grows with what is drawn of each data set, not with the images of the index.

    Args:
        index: it needs training and validation images.
        settings: default: `OutlierSettings()`.
        datasets: only these; default: all of the index.
        progress: whether to show a bar over the held-out images on stderr.

    Raises:
        NoReferences: no data set has enough of both.
        SettingError: from the settings.
    """
    settings = settings or OutlierSettings()
    drawn: list[tuple[dict[str, Any], Rows, Rows]] = []
    skipped: dict[str, str] = {}
    for place, described in enumerate(index.datasets):
        name = described["name"]
        if datasets is not None and name not in datasets:
            continue
        rng = np.random.default_rng([settings.seed, place])
        train = _drawn(index, name, "train", settings.max_training, rng)
        held_out = _drawn(index, name, "val", settings.max_validation, rng)
        if len(train) < max(MIN_HELD_OUT, settings.neighbour) or len(held_out) < MIN_HELD_OUT:
            skipped[name] = (
                f"it has {len(train)} training and {len(held_out)} validation images in the index;"
                f" {MIN_HELD_OUT} of each are needed"
            )
        else:
            drawn.append((described, train, held_out))
    if not drawn:
        reasons = "; ".join(f"{name}: {why}" for name, why in skipped.items())
        raise NoReferences(f"no data set of this index can be judged against ({reasons or 'none was named'})")
    images = _take(index, np.concatenate([held_out for _, _, held_out in drawn]))
    bounds = np.cumsum([0, *(len(held_out) for _, _, held_out in drawn)])
    references, measures = [], []
    with tqdm(total=len(drawn), desc="outlier references", unit="data set", disable=not progress) as bar:
        for i, (described, train, _) in enumerate(drawn):
            own = slice(bounds[i], bounds[i + 1])
            reference, measured = _reference(index, described, train, images, own, settings)
            references.append(reference)
            measures.append(measured)
            bar.update()
    whole = np.stack(measures)
    strange = np.stack([r.typicality.strangeness(m) for r, m in zip(references, whole, strict=True)])
    for i, reference in enumerate(references):
        strange[i, bounds[i] : bounds[i + 1]] = reference.strangeness
    return OutlierDetector(
        references=tuple(references),
        skipped=skipped,
        measures=overall_measures(whole, strange),
        strangeness=strange.min(axis=0),
        settings=settings,
    )


def _reference(
    index: "LatentIndex",
    described: dict[str, Any],
    train: Rows,
    images: LatentImages,
    own: slice,
    settings: OutlierSettings,
) -> tuple[DatasetReference, NDArray[np.float64]]:
    """The reference of one data set, and the measures of the held-out images of all under it."""
    rarity = CodeRarity.fit(
        _training_codes(index, described["name"]),
        cells=index.codes.shape[1] * index.codes.shape[2],
        codebook_size=index.manifest["model"]["codebook_size"],
        smoothing=settings.smoothing,
    )
    bank = np.asarray(index.embeddings[train])
    measured = measure(bank, rarity, images, settings.neighbour)
    typicality = Typicality.fit(measured[own])
    reference = DatasetReference(
        name=described["name"],
        title=described["title"],
        image_size=int(described["image_size"]),
        bank=bank,
        rarity=rarity,
        typicality=typicality,
        measures=measured[own],
        strangeness=typicality.strangeness_left_out(measured[own]),
    )
    return reference, measured


def _drawn(index: "LatentIndex", dataset: str, split: str, at_most: int, rng: np.random.Generator) -> Rows:
    """Rows of a split, ascending; of more than ``at_most`` so many at random."""
    for block in index.blocks:
        if (block.dataset, block.split) == (dataset, split):
            if block.count <= at_most:
                return np.arange(block.start, block.stop)
            chosen = rng.choice(block.count, at_most, replace=False)
            return block.start + np.sort(chosen).astype(np.int64)
    return np.empty(0, np.int64)


def _take(index: "LatentIndex", rows: Rows) -> LatentImages:
    figures = index.images
    return LatentImages(
        np.asarray(index.embeddings[rows]),
        np.asarray(index.codes[rows]),
        figures["quantisation_error"].to_numpy()[rows],
        figures["psnr"].to_numpy()[rows],
    )


def _training_codes(index: "LatentIndex", dataset: str) -> Iterator[NDArray[np.unsignedinteger[Any]]]:
    for block in index.blocks:
        if (block.dataset, block.split) == (dataset, "train"):
            for start in range(block.start, block.stop, _CHUNK):
                yield index.codes[start : min(start + _CHUNK, block.stop)]
