"""How well the classes of images that have several each lie apart in the embedding space: each against the rest."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.neighbors import NearestNeighbors

from model.intervals import (
    Interval,
    correlations,
    independent_mean_interval,
    proportion_interval,
    related_mean_interval,
)
from model.latent.macro_auc import macro_auc_of_several
from model.latent.probes import NEIGHBOURS, Labelled, LinearProbe
from model.latent.separation import SILHOUETTE_IMAGES
from model.latent.silhouette import silhouette_of_several

MIN_IMAGES = 10
"""Of a class, and as many without it, in training and evaluated images: of fewer, nothing is said about the class."""

Members = NDArray[np.bool_]


def several_separation(
    train: Labelled, tuning: Labelled | None, evaluated: Labelled, *, seed: int = 0
) -> dict[str, Any] | None:
    """As `model.latent.separation.separation`, of images whose label is the bit mask of their classes (JSON-able).

    Every class is told from the rest by itself: by a linear probe of its own, with a penalty of its own, and by the
    share of the nearest training images that have it. Figures are means over the classes. Balanced accuracy is of
    the rule that an image has a class if its score exceeds the share of the training images with it: at one half, a
    rare class would never be named. Accuracy and ``chance`` are None: images that lack a class are so many that who
    never names it is right most of the time.

    Args:
        train: to fit to.
        tuning: images of another split, on which the linear probe's penalty is chosen; for a class with fewer than
            `MIN_IMAGES` there it is chosen on a held-out fifth of the training images.
        evaluated: the images to report on.
        seed: of that fifth, the silhouette's sub-sample and its parts.

    Returns:
        ``classes``: how many the means are over; ``left_out``: bits of those that have fewer than `MIN_IMAGES`. None
        where no class has enough.
    """
    classes, left_out = _classes(train, evaluated)
    if not classes:
        return None
    trained, held = _members(train.labels, classes), _members(evaluated.labels, classes)
    shares = trained.mean(axis=0)
    linear = np.stack([_linear_scores(c, train, tuning, evaluated, seed) for c in classes], axis=1)
    k = min(NEIGHBOURS, len(train))
    neighbours = NearestNeighbors(n_neighbors=k, metric="cosine", algorithm="brute").fit(train.embeddings)
    nearest = neighbours.kneighbors(evaluated.embeddings, return_distance=False)
    rows = np.random.default_rng(seed).permutation(len(evaluated))[:SILHOUETTE_IMAGES]
    drawn = Labelled(evaluated.embeddings[rows], evaluated.labels[rows])
    return {
        "n_train": len(train),
        "n": len(evaluated),
        "classes": len(classes),
        "left_out": left_out,
        "chance": None,
        "linear": _score(linear, held, shares, classes),
        "knn": {
            "k": k,
            **_score(trained[nearest].mean(axis=1), held, shares, classes),
        },
        "silhouette": silhouette_of_several(drawn, held[rows], seed=seed),
        "seed": seed,
    }


def _classes(train: Labelled, evaluated: Labelled) -> tuple[list[int], list[int]]:
    """Bits that occur: those with enough images, and the others."""
    occurring = int(np.bitwise_or.reduce(np.concatenate([train.labels, evaluated.labels])))
    bits = [bit for bit in range(occurring.bit_length()) if occurring >> bit & 1]
    enough = [bit for bit in bits if _enough(train, bit) and _enough(evaluated, bit)]
    return enough, [bit for bit in bits if bit not in enough]


def _enough(images: Labelled, bit: int) -> bool:
    having = int((images.labels >> bit & 1).sum())
    return min(having, len(images) - having) >= MIN_IMAGES


def _members(labels: NDArray[np.int64], classes: list[int]) -> Members:
    """(N, K) which image is of which class."""
    members: Members = labels[:, None] >> np.array(classes) & 1 == 1
    return members


def _linear_scores(
    bit: int, train: Labelled, tuning: Labelled | None, evaluated: Labelled, seed: int
) -> NDArray[np.floating]:
    """(N,) probability that an image is of the class."""

    def told(images: Labelled) -> Labelled:
        return Labelled(images.embeddings, images.labels >> bit & 1)

    usable = None if tuning is None or not _enough(tuning, bit) else told(tuning)
    return LinearProbe.fit(told(train), usable, seed=seed).probabilities(evaluated.embeddings)[:, 1]


def _score(
    scores: NDArray[np.floating], held: Members, shares: NDArray[np.float64], classes: list[int]
) -> dict[str, Any]:
    """As `model.latent.probes.score`: scores (N, K), truth (N, K), shares (K,) of the training images."""
    area = macro_auc_of_several(scores, held, classes)
    balanced, interval = _balanced_accuracy((scores > shares) == held, held)
    return {
        "accuracy": None,
        "accuracy_interval": None,
        "balanced_accuracy": balanced,
        "balanced_accuracy_interval": interval,
        "auc": area.value,
        "auc_interval": area.interval,
        "auc_classes": len(area.classes),
    }


def _balanced_accuracy(right: Members, held: Members) -> tuple[float, Interval]:
    """Mean over classes of sensitivity and specificity, with its interval.

    The two are proportions of different images, but those of different classes are of the same ones: the limits of
    the classes are combined by their correlations, as those of the areas in `macro_auc_of_several`.
    """
    values, limits, influences, known = [], [], [], []
    for own, having in zip(right.T, held.T, strict=True):
        recalls, intervals, errors, moved = [], [], [], np.empty(len(own))
        for kind in (having, ~having):
            n, share = int(kind.sum()), float(own[kind].mean())
            recalls.append(share)
            intervals.append(proportion_interval(int(own[kind].sum()), n))
            errors.append(n * share * (1 - share))
            moved[kind] = (own[kind] - share) / n
        interval = independent_mean_interval(recalls, intervals)
        assert interval is not None  # a proportion always has one
        values.append(float(np.mean(recalls)))
        limits.append(interval)
        influences.append(moved)
        known.append(min(errors))
    related = correlations(np.stack(influences), np.array(known), unknown=1.0)
    return float(np.mean(values)), related_mean_interval(values, limits, related)
