"""How well the classes of a data set lie apart in the embedding space, from the index."""

from typing import TYPE_CHECKING, Any

import numpy as np

from model.latent.codebook import has_several_labels
from model.latent.probes import Labelled
from model.latent.separation import separation
from model.latent.several_separation import MIN_IMAGES as MIN_OF_SEVERAL
from model.latent.several_separation import several_separation

if TYPE_CHECKING:
    from model.latent.index import LatentIndex

MAX_IMAGES = 4000
"""Images of a split that the probes are fitted to, tuned on or evaluated on; of more, so many are drawn."""

_SEED = 0


def class_separation(index: "LatentIndex", dataset: str, *, max_images: int = MAX_IMAGES) -> dict[str, Any]:
    """Silhouette by cosine distance, nearest neighbours and linear probe on a data set's test images (JSON-able).

    The probes are fitted to its training images; the linear one's penalty is chosen on its validation images. Splits
    of more than ``max_images`` are sub-sampled at random, the silhouette further (`model.latent.separation`): ``n``,
    ``n_train`` and the silhouette's own ``n`` say how many there were. Intervals are of the drawn images. Where images
    have several classes each, or none, each class is told from the rest (`model.latent.several_separation`).

    Args:
        index: holds the data set's training and test splits.
        dataset: its name.
        max_images: of a split.

    Returns:
        As `model.latent.separation.separation` (of several classes an image, `several_separation`), with ``sampled``:
        images drawn and there, by split; or ``{"not_computed": why}`` where there is nothing to tell apart.
    """
    described = next((d for d in index.datasets if d["name"] == dataset), None)
    if described is None:
        return {"not_computed": f"this index has no data set {dataset!r}"}
    parts: dict[str, Labelled] = {}
    sampled: dict[str, dict[str, int]] = {}
    labels = index.images["label"].to_numpy()
    for block in index.blocks:
        if block.dataset != dataset:
            continue
        rows = np.arange(block.start, block.stop)
        if block.count > max_images:
            drawn = np.random.default_rng(_SEED).choice(block.count, max_images, replace=False)
            rows = block.start + np.sort(drawn)
        parts[block.split] = Labelled(np.asarray(index.embeddings[rows]), labels[rows].astype(np.int64))
        sampled[block.split] = {"drawn": len(rows), "there": block.count}
    missing = [split for split in ("train", "test") if split not in parts]
    if missing:
        return {"not_computed": f"the index holds no {' and no '.join(missing)} images of it"}
    if has_several_labels(described):
        found = several_separation(parts["train"], parts.get("val"), parts["test"], seed=_SEED)
        if found is None:
            return {
                "not_computed": f"none of its classes has {MIN_OF_SEVERAL} images, and {MIN_OF_SEVERAL} without it, "
                "both in training and in test"
            }
        return {**found, "sampled": sampled}
    if len(np.unique(parts["train"].labels)) < 2:
        return {"not_computed": "its training images are not of two classes or more"}
    return {**separation(parts["train"], parts.get("val"), parts["test"], seed=_SEED), "sampled": sampled}
