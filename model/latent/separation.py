"""How well data sets lie apart in the embedding space: is the data set told from the embedding?"""

from typing import Any

import numpy as np
from sklearn.metrics import silhouette_samples

from model.intervals import mean_interval
from model.latent.probes import Labelled, probe

SILHOUETTE_IMAGES = 3000
"""Its cost grows with the square of their number; drawn at random, without replacement."""


def separation(
    train: Labelled, tuning: Labelled | None, evaluated: Labelled, *, seed: int = 0
) -> dict[str, Any]:
    """Probes whose label is the data set, and the silhouette (P. J. Rousseeuw 1987) by cosine distance (JSON-able).

    Args:
        train: embeddings of training images, labelled by their data set; at least two data sets.
        tuning: the same of the split on which the linear probe's penalty is chosen.
        evaluated: the same of the split to report on.
        seed: of bootstrap and sub-sample.
    """
    rows = np.random.default_rng(seed).permutation(len(evaluated))[:SILHOUETTE_IMAGES]
    return {
        **probe(train, tuning, evaluated, seed=seed),
        "silhouette": _silhouette(Labelled(evaluated.embeddings[rows], evaluated.labels[rows])),
        "seed": seed,
    }


def _silhouette(images: Labelled) -> dict[str, Any] | None:
    """Mean over images, in [-1, 1]; None where not two data sets, or no two images of one, are among them."""
    groups = len(np.unique(images.labels))
    if not 2 <= groups < len(images):
        return None
    values = silhouette_samples(images.embeddings, images.labels, metric="cosine")
    return {"value": float(values.mean()), "interval": mean_interval(values), "n": len(images)}
