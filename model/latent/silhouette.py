"""Mean silhouette of groups of images by cosine distance, and how exactly the images tell it."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from sklearn.preprocessing import normalize

from model.intervals import LEVEL, Interval
from model.latent.probes import Labelled

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]

PARTS = 20
_ELEMENTS = 1 << 20  # of a block of distances, or of the sums of its rows: 8 MB


def silhouette(images: Labelled, *, seed: int = 0) -> dict[str, Any] | None:
    """Mean silhouette over the images (P. J. Rousseeuw 1987) with its 95 % interval (JSON-able).

    Silhouettes of images are not independent of each other: each rests on the distances to all others. The interval
    is that of a jackknife that leaves out a part of the images at a time (P. S. Kott 2001, J. Official Stat. 17, 521):
    `PARTS` parts drawn at random, each with as many images of every group as the next, and Student's t. It takes the
    shares of the groups for given. Distances are computed once, a block of rows at a time.

    Args:
        images: embeddings, labelled by their group.
        seed: of the parts.

    Returns:
        ``value`` in [-1, 1], ``interval``, ``n``; None where not two groups, or no two images of one, are among them.
        The interval is None where this would be so without one of the parts.
    """
    groups, own = np.unique(images.labels, return_inverse=True)
    n = len(images)
    if not 2 <= len(groups) < n:
        return None
    means, told = _jackknifed(images.embeddings, own, _drawn_parts(own, seed))
    interval = _interval(float(means[0]), means[1:]) if told else None
    return {"value": float(means[0]), "interval": interval, "n": n}


def silhouette_of_several(
    images: Labelled, having: NDArray[np.bool_], *, seed: int = 0
) -> dict[str, Any] | None:
    """The same of images with several classes each, or none: the mean over classes (JSON-able).

    Of a class it is the mean silhouette, over all images, of two groups: the images of the class and all others. The
    jackknife leaves the same images out for all classes, so that its interval is of their mean; its parts have about
    as many images of every combination of classes as each other.

    Args:
        images: embeddings, labelled by the combination of their classes.
        having: (N, K) which image is of which class.
        seed: of the parts.

    Returns:
        As `silhouette`, with ``classes``: how many the mean is over, those that some images have and some have not;
        None where there are none, or not three images.
    """
    n = len(images)
    counts = having.sum(axis=0)
    classes = np.flatnonzero((counts > 0) & (counts < n))
    if n < 3 or not len(classes):
        return None
    part = _drawn_parts(images.labels, seed)
    found = [_jackknifed(images.embeddings, having[:, c].astype(np.int64), part) for c in classes]
    means = np.mean([means for means, _ in found], axis=0)
    interval = _interval(float(means[0]), means[1:]) if all(told for _, told in found) else None
    return {"value": float(means[0]), "interval": interval, "n": n, "classes": len(classes)}


def _drawn_parts(groups: Counts, seed: int) -> Counts:
    """(N,) part of each image: at random, each with as many images of every group as the next."""
    n = len(groups)
    part = np.empty(n, np.int64)
    part[np.lexsort((np.random.default_rng(seed).random(n), groups))] = np.arange(n) % min(PARTS, n)
    return part


def _jackknifed(embeddings: NDArray[np.float32], own: Counts, part: Counts) -> tuple[Floats, bool]:
    """Mean silhouettes (1 + P,), of all images and without each part, and whether all of these can be told.

    Args:
        embeddings: (N, D)
        own: (N,) group of each image, 0 … K - 1.
        part: (N,) its part, 0 … P - 1.
    """
    order = np.lexsort((part, own))
    left = _left(own, part, int(own.max()) + 1, int(part.max()) + 1)
    means = _means(normalize(embeddings[order].astype(np.float64)), own[order], part[order], left)
    told = ((left > 0).sum(axis=0) > 1) & (left > 1).any(axis=0)
    return means, bool(told.all())


def _left(own: Counts, part: Counts, groups: int, parts: int) -> Counts:
    """(K, 1 + P): images of each group, of all and without each part."""
    counts = np.bincount(own * parts + part, minlength=groups * parts).reshape(groups, parts)
    whole = counts.sum(axis=1, keepdims=True)
    return np.concatenate([whole, whole - counts], axis=1)


def _means(units: Floats, own: Counts, part: Counts, left: Counts) -> Floats:
    """(1 + P,) mean silhouettes, of all images and without each part; (N, D) of length 1, ordered by group and part."""
    groups, parts = left.shape[0], left.shape[1] - 1
    cells, starts = np.unique(own * parts + part, return_index=True)
    totals = np.zeros(parts + 1)
    step = max(1, _ELEMENTS // max(len(units), left.size))
    for first in range(0, len(units), step):
        rows = np.arange(first, min(first + step, len(units)))
        distances = 1 - units[rows] @ units.T
        distances[rows - first, rows] = 0
        sums = np.zeros((len(rows), groups * parts))
        sums[:, cells] = np.add.reduceat(distances, starts, axis=1)
        sums = sums.reshape(-1, groups, parts)
        whole = sums.sum(axis=2, keepdims=True)
        values = _values(np.concatenate([whole, whole - sums], axis=2), own[rows], left)
        values[rows - first, part[rows] + 1] = 0  # not among the images without its own part
        totals += values.sum(axis=0)
    means: Floats = totals / left.sum(axis=0)
    return means


def _values(sums: Floats, own: Counts, left: Counts) -> Floats:
    """Silhouettes (n, 1 + P) from the sums (n, K, 1 + P) of the distances to each group; 0 of an only image."""
    rows = np.arange(len(sums))
    within = sums[rows, own] / np.maximum(left[own] - 1, 1)
    apart = np.where(left > 0, sums / np.maximum(left, 1), np.inf)
    apart[rows, own] = np.inf
    nearest = apart.min(axis=1)
    with np.errstate(invalid="ignore"):  # images that are all the same; one group alone
        values = (nearest - within) / np.maximum(nearest, within)
    return np.where((left[own] > 1) & np.isfinite(values), values, 0)


def _interval(value: float, without: Floats) -> Interval:
    parts = len(without)
    variance = (parts - 1) / parts * float(((without - without.mean()) ** 2).sum())
    half = float(stats.t.ppf((1 + LEVEL) / 2, parts - 1)) * variance**0.5
    return max(value - half, -1.0), min(value + half, 1.0)
