"""Distances in a space of embeddings, or on a map, for figures that compare the two."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray
from scipy.spatial import cKDTree

from model.latent.errors import SettingError
from model.latent.neighbours import Metric

Rows = slice | NDArray[np.integer[Any]]
_PAIRS = 64
"""Vectors at a time: few enough for the allocator to keep their memory, which else is asked for anew each time."""


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
        """Some vectors as `prepared` and `between` need them: (n, D).

        Raises:
            SettingError: one of them is not finite.
        """
        taken = np.subtract(self.vectors[rows], self.centre, dtype=np.float64)
        _check_finite(taken)
        if self.metric == "cosine":
            lengths = np.sqrt(np.einsum("nd,nd->n", taken, taken))
            taken /= np.where(lengths > 0, lengths, 1)[:, None]
        return np.asarray(taken, dtype=self.dtype)

    def prepared(self, points: NDArray[Any]) -> NDArray[Any]:
        """(P, D) -> (P, D + 2), as `between` needs points; cosine: (P, D)."""
        if self.metric == "cosine":
            return points
        squares = np.einsum("nd,nd->n", points, points)
        prepared: NDArray[Any] = np.column_stack([points, np.ones_like(squares), squares])
        return prepared

    def between(self, queries: NDArray[Any], prepared: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Dissimilarities (Q, P) of queries (Q, D) to `prepared` points; by how much equal ones may differ (Q,)."""
        rounding = (queries.shape[1] ** 0.5 + 8) * float(np.finfo(queries.dtype).eps)
        if self.metric == "cosine":
            near = queries @ prepared.T
            np.subtract(1, near, out=near)
            return near, np.full(len(near), 2 * rounding, dtype=near.dtype)
        ours, theirs = np.einsum("nd,nd->n", queries, queries), prepared[:, -1]
        # -2 q·p + |q|² + |p|² as one product: adding the squares to it takes as long as a product of 64 dimensions.
        near = np.column_stack([-2 * queries, ours, np.ones_like(ours)]) @ prepared.T
        return near, rounding * (ours + theirs.max(initial=0))

    def apart(self, first: NDArray[np.integer[Any]], second: NDArray[np.integer[Any]]) -> NDArray[np.float64]:
        """Dissimilarities (n,) of pairs of rows (n,) and (n,), without cancellation.

        Raises:
            SettingError: one of the vectors is not finite.
        """
        found = np.empty(len(first))
        for start in range(0, len(first), _PAIRS):
            part = slice(start, start + _PAIRS)
            if self.metric == "cosine":
                found[part] = 1 - np.einsum("nd,nd->n", self.take(first[part]), self.take(second[part]))
            else:
                offset = np.subtract(self.vectors[first[part]], self.vectors[second[part]], dtype=np.float64)
                found[part] = np.einsum("nd,nd->n", offset, offset)
        _check_finite(found)
        return found


def _check_finite(numbers: NDArray[np.float64]) -> None:
    if not np.isfinite(numbers.sum()):  # of numbers that float32 holds, or their squares, the sum is finite
        raise SettingError("a vector of the index or of the map is not finite; build the index again")


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
