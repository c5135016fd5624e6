"""How far the neighbourhoods of a map are those of the embeddings: trustworthiness, continuity, preservation."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.latent.errors import SettingError
from model.latent.neighbours import Metric
from model.latent.quality import Figure, Neighbourhoods
from model.latent.sampling import Sample, draw
from model.latent.spaces import Space, nearest_on_map

Vectors = NDArray[np.floating[Any]]
Progress = Callable[[str, int, int], None]
"""Told what is being measured, how many rows of it are done, and of how many; what it raises ends the work."""

_POINTS = 4096
_QUERIES = 256
"""Distances between so many points and so many queries at a time: 8 MiB."""


def neighbourhoods(
    embeddings: Vectors,
    coordinates: Vectors,
    *,
    k: int = 15,
    metric: Metric = "euclidean",
    sample: Sample | None = None,
    progress: Progress | None = None,
) -> Neighbourhoods:
    """Trustworthiness and continuity of a map, and the share of neighbours that it preserves.

    The first two are of J. Venna, S. Kaski 2001, "Neighborhood preservation in nonlinear projection methods: an
    experimental study" (ICANN); the third is Q_NX of J. A. Lee, M. Verleysen 2009, "Quality assessment of
    dimensionality reduction: rank-based criteria" (Neurocomputing 72).

    All three are means over images. With a ``sample`` the mean is estimated from the images drawn, while each of
    these has its neighbours and ranks counted among *all* images: what is estimated is therefore the figure of the
    whole index at this k, without bias. (Figures of a sub-sampled index would be those of coarser neighbourhoods,
    k times its thinning, and not comparable.)

    Equally near images share the best of their ranks, so that copies of an image cannot make a map look worse than
    it is; without ties, trustworthiness is scikit-learn's.

    Args:
        embeddings: (N, D) float32, may be memory-mapped; they are read in chunks.
        coordinates: (N, 2 or 3) of the map.
        k: below N / 2, or the figures are not defined.
        metric: of the embeddings; a map is always looked at in Euclidean distance.
        sample: whose neighbourhoods to look at; None: all, at a cost that grows with N².
        progress: see `Progress`.

    Raises:
        SettingError: k out of range, arrays that do not fit each other, or numbers that are not finite.
    """
    n = len(embeddings)
    check_sizes(embeddings, coordinates, k)
    if sample is None:
        sample = draw([n], n, seed=0)
    rows = sample.rows
    found = nearest_on_map(coordinates, coordinates[rows], k, rows)
    near = Nearest.none(len(rows), k)
    true_ranks = neighbour_ranks(embeddings, rows, found, metric=metric, nearest=near, progress=progress)
    map_ranks = neighbour_ranks(coordinates, rows, near.rows, metric="euclidean", progress=progress)
    # Of a neighbour drawn at random the rank is uniform on 1 … n - 1.
    worst = k * (2 * n - 3 * k - 1) / 2
    chance = 1 - k * (n - 1 - k) * (n - k) / (2 * (n - 1)) / worst

    def unpenalised(ranks: NDArray[np.int64]) -> NDArray[np.float64]:
        return np.asarray(1 - np.maximum(ranks - k, 0).sum(axis=1) / worst)

    return Neighbourhoods(
        k=k,
        n=n,
        n_used=len(rows),
        exact=sample.complete,
        trustworthiness=_figure(sample, unpenalised(true_ranks), chance),
        continuity=_figure(sample, unpenalised(map_ranks), chance),
        preservation=_figure(sample, (true_ranks <= k).mean(axis=1), k / (n - 1)),
    )


def neighbour_ranks(
    vectors: Vectors,
    rows: NDArray[np.int64],
    neighbours: NDArray[np.int64],
    *,
    metric: Metric,
    nearest: "Nearest | None" = None,
    progress: Progress | None = None,
) -> NDArray[np.int64]:
    """Which nearest of all each neighbour is: 1 for the nearest; equally near ones have the best of their ranks.

    Args:
        vectors: (N, D), read in chunks.
        rows: (Q,) from which to look.
        neighbours: (Q, K) rows to rank, none of them the row itself.
        metric: of the vectors.
        nearest: of Q queries, takes in the nearest of all in the same pass.
        progress: told of the N.

    Returns:
        (Q, K), in 1 … N - 1.
    """
    n = len(vectors)
    space = Space.around(vectors, rows, metric, np.float64)
    asked = space.take(rows)
    limits = np.stack([space.apart(rows, column) for column in neighbours.T], axis=1)
    nearer = np.zeros(neighbours.shape, dtype=np.int64)
    for start in range(0, n, _POINTS):
        stop = min(start + _POINTS, n)
        points = space.prepared(space.take(slice(start, stop)))
        for first in range(0, len(rows), _QUERIES):
            part = slice(first, first + _QUERIES)
            near, slack = space.between(asked[part], points)
            own = rows[part] - start
            here = np.flatnonzero((own >= 0) & (own < len(points)))
            near[here, own[here]] = np.inf
            nearer[part] += _counts_below(near, limits[part] - slack[:, None])
            if nearest is not None:
                nearest.add(part, near, start)
        del points  # before the next are prepared beside them
        if progress is not None:
            progress("neighbourhoods", stop, n)
    return nearer + 1


def _counts_below(values: NDArray[np.float64], limits: NDArray[np.float64]) -> NDArray[np.int64]:
    """How many of each row's values (Q, P) are below each of its limits (Q, K): (Q, K)."""
    inside = values < limits.max(axis=1, keepdims=True)
    ends = np.cumsum(np.count_nonzero(inside, axis=1)).tolist()
    found = values[inside]
    counts = np.zeros(limits.shape, dtype=np.int64)
    for row, (start, stop) in enumerate(pairwise([0, *ends])):
        if stop > start:
            own = found[start:stop]
            own.sort()
            counts[row] = own.searchsorted(limits[row])
    return counts


@dataclass(frozen=True, eq=False)
class Nearest:
    """The K rows nearest to each of Q queries, among those seen so far; of those equally near within rounding, any."""

    distances: NDArray[np.float64]
    """(Q, K), in no order; infinite where there is none yet."""
    rows: NDArray[np.int64]
    """(Q, K), of the distances."""

    @classmethod
    def none(cls, queries: int, k: int) -> "Nearest":
        """None seen so far."""
        return cls(np.full((queries, k), np.inf), np.full((queries, k), -1))

    def add(self, part: slice, near: NDArray[np.float64], start: int) -> None:
        """Take in the distances (Q', P) of some queries to the P rows from ``start`` on."""
        better = np.flatnonzero(near.min(axis=1) < self.distances[part].max(axis=1))
        if len(better) == 0:
            return
        if len(better) < len(near):
            near = near[better]
        queries = better + part.start
        k = self.rows.shape[1]
        local = np.argpartition(near, min(k, near.shape[1]) - 1, axis=1)[:, :k]
        distances = np.hstack([self.distances[queries], np.take_along_axis(near, local, axis=1)])
        rows = np.hstack([self.rows[queries], local + start])
        kept = np.argpartition(distances, k - 1, axis=1)[:, :k]
        self.distances[queries] = np.take_along_axis(distances, kept, axis=1)
        self.rows[queries] = np.take_along_axis(rows, kept, axis=1)


def check_sizes(embeddings: Vectors, coordinates: Vectors, k: int) -> None:
    """Refuse what no neighbourhood can be compared in.

    Raises:
        SettingError: k is not in [1, N / 2), or embeddings and coordinates do not fit or are not finite.
    """
    n = len(embeddings)
    if embeddings.ndim != 2 or coordinates.ndim != 2 or len(coordinates) != n:
        raise SettingError(f"coordinates {coordinates.shape} do not fit embeddings {embeddings.shape}")
    if not 1 <= k < n / 2:
        most = (n - 1) // 2
        raise SettingError(
            f"a neighbourhood of k = {k} needs more than {2 * k} images, this map has {n}; "
            + (f"choose k from 1 to {most}" if most else "it is too small to be measured")
            if k >= 1
            else f"k must be at least 1, not {k}"
        )
    if not np.isfinite(coordinates).all():
        raise SettingError("the map has a point that is not finite; fit it again")


def _figure(sample: Sample, values: NDArray[np.floating[Any]], chance: float) -> Figure:
    mean, interval = sample.mean(values)
    if interval is not None:
        interval = max(interval[0], 0.0), min(interval[1], 1.0)
    return Figure(mean, interval, chance)
