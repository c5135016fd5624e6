"""How well each image's neighbourhood is kept on a map: a figure for every point, to be drawn as its colour."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from model.latent.errors import SettingError
from model.latent.map_quality import Progress, Vectors, check_sizes
from model.latent.neighbours import Metric
from model.latent.quality import PointPreservation
from model.latent.sampling import Sample
from model.latent.spaces import Space, nearest_on_map

_BLOCK_BYTES = 8 << 20
"""Of distances at a time."""


def point_preservation(
    embeddings: Vectors,
    coordinates: Vectors,
    references: Sample,
    *,
    k: int = 15,
    metric: Metric = "euclidean",
    progress: Progress | None = None,
) -> NDArray[np.float32]:
    """Share of each point's k nearest references on the map that are among its k nearest references by embedding.

    The point itself is never its own neighbour. A reference that is as near by embedding as the k-th nearest counts
    as among them, so that copies of an image do no harm. Distances are scanned in float32, and measured again in
    float64 where that leaves open which references are the nearest. Memory does not grow with N but for the answer.

    Args:
        embeddings: (N, D) float32, may be memory-mapped; they are read in chunks.
        coordinates: (N, 2 or 3) of the map.
        references: images among which to look; complete: the exact figure.
        k: below N / 2, and below the number of references.
        metric: of the embeddings.
        progress: see `Progress`.

    Returns:
        (N,) in [0, 1], multiples of 1 / k.

    Raises:
        SettingError: k out of range, arrays that do not fit each other, or numbers that are not finite.
    """
    check_sizes(embeddings, coordinates, k)
    n, rows = len(embeddings), references.rows
    if len(rows) <= k:
        raise SettingError(f"{k} neighbours cannot be sought among {len(rows)} references; draw more")
    fast, sure = (Space.around(embeddings, rows, metric, dtype) for dtype in (np.float32, np.float64))
    references_fast, references_sure = (space.prepared(space.take(rows)) for space in (fast, sure))
    own = np.full(n, -1, dtype=np.int64)
    own[rows] = np.arange(len(rows))
    preserved = np.empty(n, dtype=np.float32)
    chunk = max(1, _BLOCK_BYTES // (4 * len(rows)))
    for start in range(0, n, chunk):
        part = np.arange(start, min(start + chunk, n))
        found = nearest_on_map(coordinates[rows], coordinates[part], k, own[part])
        preserved[part], doubtful = _shares(fast, part, references_fast, own[part], found)
        again = part[doubtful]
        if len(again):
            preserved[again], _ = _shares(sure, again, references_sure, own[again], found[doubtful])
        if progress is not None:
            progress("points", start + len(part), n)
    return preserved


def _shares(
    space: Space,
    part: NDArray[np.int64],
    references: NDArray[Any],
    own: NDArray[np.int64],
    found: NDArray[np.int64],
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Share of the neighbours found on the map that are near, and whether rounding hides which are the k nearest."""
    k = found.shape[1]
    near, slack = space.between(space.take(part), references)
    itself = np.flatnonzero(own >= 0)
    near[itself, own[itself]] = np.inf
    of_found = np.take_along_axis(near, found, axis=1)
    # Of so many torch's selection is five times as fast as a partition of NumPy's.
    nearest = torch.from_numpy(near).topk(k + 1, largest=False).values.numpy()  # in ascending order
    last, next_ = nearest[:, -2], nearest[:, -1]
    shares = (of_found <= (last + slack)[:, None]).mean(axis=1)
    return np.asarray(shares), np.asarray(next_ - last <= 2 * slack)


def summary(
    preserved: NDArray[np.floating[Any]], references: Sample, datasets: dict[str, NDArray[np.int64]], k: int
) -> PointPreservation:
    """What to say of `point_preservation`'s answer.

    Args:
        preserved: (N,) the answer.
        references: as they were given.
        datasets: rows of each data set.
        k: as it was given.
    """
    n, m = len(preserved), len(references.rows)
    return PointPreservation(
        k=k,
        references=m,
        exact=references.complete,
        chance=k * (m / (m - 1) + (n - m) / m) / n,
        mean=float(preserved.mean(dtype=np.float64)),
        by_dataset={name: float(preserved[rows].mean(dtype=np.float64)) for name, rows in datasets.items()},
    )
