"""Distances in a space of embeddings, or on a map, for figures that compare the two."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray
from scipy.spatial import cKDTree

from model.latent.errors import SettingError
from model.latent.neighbours import Metric

Rows = slice | NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Space:
    """Vectors, perhaps memory-mapped, with a metric; only the order of its dissimilarities matters.

    They are squared distances (``euclidean``), or 1 - cos (``cosine``; a zero vector has 1 to everything).
    """

    vectors: NDArray[np.floating[Any]]
    """(N, D)"""
    metric: Metric
    centre: NDArray[np.float64]
    """(D,) taken off, so that a large mean costs no digits; zero for the cosine, which has an origin."""
    dtype: DTypeLike = np.float64
    """Of the arithmetic."""

    @classmethod
    def around(
        cls, vectors: NDArray[np.floating[Any]], rows: NDArray[np.int64], metric: Metric, dtype: DTypeLike
    ) -> "Space":
        """Centred at the mean of some rows."""
        mean = vectors[rows].mean(axis=0, dtype=np.float64)
        return cls(vectors, metric, mean if metric == "euclidean" else np.zeros_like(mean), dtype)

    def take(self, rows: Rows) -> NDArray[Any]:
        """Some vectors as `between` and `paired` need them: (n, D).

        Raises:
            SettingError: one of them is not finite.
        """
        taken = self.vectors[rows].astype(np.float64) - self.centre
        if not np.isfinite(taken).all():
            raise SettingError("a vector of the index or of the map is not finite; build the index again")
        if self.metric == "cosine":
            lengths = np.sqrt(np.einsum("nd,nd->n", taken, taken))
            taken /= np.where(lengths > 0, lengths, 1)[:, None]
        return taken.astype(self.dtype, copy=False)

    def between(self, queries: NDArray[Any], points: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Dissimilarities (Q, P), and by how much two of a query may differ and yet be equal (Q,)."""
        near = queries @ points.T
        rounding = (queries.shape[1] ** 0.5 + 8) * float(np.finfo(near.dtype).eps)
        if self.metric == "cosine":
            np.subtract(1, near, out=near)
            return near, np.full(len(near), 2 * rounding, dtype=near.dtype)
        ours, theirs = (np.einsum("nd,nd->n", rows, rows) for rows in (queries, points))
        near *= -2
        near += ours[:, None]
        near += theirs
        return near, rounding * (ours + theirs.max(initial=0))

    def paired(self, queries: NDArray[Any], points: NDArray[Any]) -> NDArray[Any]:
        """Dissimilarity of each query to the point beside it, without cancellation: (Q, D), (Q, D) -> (Q,)."""
        if self.metric == "cosine":
            return np.asarray(1 - np.einsum("nd,nd->n", queries, points))
        offset = queries - points
        return np.asarray(np.einsum("nd,nd->n", offset, offset))


def nearest_on_map(
    coordinates: NDArray[np.floating[Any]],
    queries: NDArray[np.floating[Any]],
    k: int,
    own: NDArray[np.int64],
) -> NDArray[np.int64]:
    """The k points of a map that are nearest to each query, itself left out: (Q, k); of equally near ones, any.

    Args:
        coordinates: (P, 2 or 3), more than ``k`` of them.
        queries: (Q, 2 or 3).
        k: how many.
        own: (Q,) which of the points the query itself is; -1: none.
    """
    found = np.asarray(cKDTree(coordinates).query(queries, k=np.arange(1, k + 2))[1])
    kept = found != own[:, None]
    kept[kept.all(axis=1), -1] = False  # it is none of them, or lies beneath many others
    return np.asarray(found[kept].reshape(len(queries), k), dtype=np.int64)
