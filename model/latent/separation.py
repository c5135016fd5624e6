"""How well data sets lie apart in the embedding space: is the data set told from the embedding?"""

from typing import Any

import numpy as np

from model.latent.probes import Labelled, probe
from model.latent.silhouette import silhouette

SILHOUETTE_IMAGES = 3000
"""Its cost grows with the square of their number; drawn at random, without replacement."""


def separation(
    train: Labelled, tuning: Labelled | None, evaluated: Labelled, *, seed: int = 0
) -> dict[str, Any]:
    """Probes whose label is the data set, and the silhouette by cosine distance (JSON-able).

    Args:
        train: embeddings of training images, labelled by their data set; at least two data sets.
        tuning: the same of the split on which the linear probe's penalty is chosen.
        evaluated: the same of the split to report on.
        seed: of the probes, the sub-sample and the silhouette's parts.
    """
    rows = np.random.default_rng(seed).permutation(len(evaluated))[:SILHOUETTE_IMAGES]
    return {
        **probe(train, tuning, evaluated, seed=seed),
        "silhouette": silhouette(Labelled(evaluated.embeddings[rows], evaluated.labels[rows]), seed=seed),
        "seed": seed,
    }
