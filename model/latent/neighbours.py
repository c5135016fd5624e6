"""Exact nearest neighbours in the full embedding space."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from model.latent.errors import SettingError

Metric = Literal["cosine", "euclidean"]
Floats = NDArray[np.float64]

_CHUNK_BYTES = (
    4 << 20
)  # of embeddings at a time: fits the processor's cache, so that norms cost no second read
_QUERIES = 256  # at a time


def nearest(
    embeddings: NDArray[np.floating[Any]],
    queries: NDArray[np.floating[Any]],
    *,
    k: int,
    metric: Metric = "cosine",
    exclude: ArrayLike | None = None,
    squares: NDArray[np.float32] | None = None,
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The k rows nearest to each query, nearest first; of equally near ones, the lower row first.

    The embeddings are scanned in float32, in chunks, where they lie: a memory-mapped array is never copied
    whole. Whatever the scan cannot tell from the k best within its own rounding is measured again in float64,
    so the answer does not depend on chunks, on threads, or on how many queries are asked at once.

    The cosine distance is 1 - cos, in [0, 2]; a zero vector has no direction, and distance 1 from everything.

    Args:
        embeddings: (N, D) float32, finite.
        queries: (Q, D), finite.
        k: how many, at least 1.
        metric: ``cosine`` or ``euclidean``.
        exclude: (Q,) a row to leave out for each query, such as the query's own; -1 for none.
        squares: (N,) `squared_lengths` of the embeddings, where they are known: half of the work of one query.

    Returns:
        rows (Q, k) int64 and distances (Q, k) float32. With fewer than k rows to choose from (N, or N - 1 if
        any query leaves one out), as many columns as there are.

    Raises:
        SettingError: k below 1, another metric, shapes that do not fit, or a query that is not finite.
    """
    asked = np.asarray(queries, dtype=np.float64)
    left_out = np.full(len(asked), -1) if exclude is None else np.asarray(exclude)
    _check(embeddings, asked, k, metric, left_out)
    if squares is not None and squares.shape != (len(embeddings),):
        raise SettingError(f"squared lengths {squares.shape} do not fit embeddings {embeddings.shape}")
    n = len(embeddings)
    k = min(k, n - int(bool((left_out >= 0).any())))
    rows = np.empty((len(asked), k), dtype=np.int64)
    distances = np.empty((len(asked), k), dtype=np.float32)
    if k == 0:
        return rows, distances
    # Without a second pass over a chunk for its lengths, larger ones do, and the processors meet less often.
    chunk = _chunk(embeddings) * (1 if squares is None else 8)
    for first in range(0, len(asked), _QUERIES):
        part = slice(first, first + _QUERIES)
        scan = _Scan(asked[part], left_out[part], k, metric)
        for start in range(0, n, chunk):
            block = np.asarray(embeddings[start : start + chunk], dtype=np.float32)
            scan.add(block, start, _squares(block) if squares is None else squares[start : start + chunk])
        rows[part] = scan.rows
        distances[part] = scan.distances
    return rows, distances


def squared_lengths(embeddings: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
    """Squared Euclidean lengths (N,) of embeddings (N, D), which may be memory-mapped."""
    found = np.empty(len(embeddings), dtype=np.float32)
    chunk = _chunk(embeddings)
    for start in range(0, len(embeddings), chunk):
        found[start : start + chunk] = _squares(
            np.asarray(embeddings[start : start + chunk], dtype=np.float32)
        )
    return found


@dataclass(frozen=True)
class Agreement:
    """How many of an image's neighbours share a property with it."""

    n: int
    """Neighbours that were looked at."""
    count: int
    """Of them, those that share it."""
    share: float
    """Of the neighbours, in [0, 1]; 0 without any."""
    expected: float
    """Share of all other rows that have the property: what neighbours drawn at random would give."""


def agreement(shared: Sequence[bool], *, alike: int, n: int) -> Agreement:
    """How many of a row's neighbours share a property with it, beside what chance would give.

    Args:
        shared: (k,) which of the neighbours have the property; the row itself is none of them.
        alike: rows that have the property, the row itself among them.
        n: rows in all.

    Raises:
        SettingError: the counts contradict each other.
    """
    count = sum(shared)
    if not (count < alike <= n and len(shared) < n):
        raise SettingError(f"{count} of {len(shared)} neighbours cannot be of {alike} rows alike of {n}")
    return Agreement(len(shared), count, count / max(len(shared), 1), (alike - 1) / max(n - 1, 1))


class _Scan:
    """The best k rows so far of some queries, by (distance, row); ``distances`` are the float64 values."""

    def __init__(self, queries: Floats, left_out: NDArray[Any], k: int, metric: Metric) -> None:
        self._cosine = metric == "cosine"
        self._queries = _unit(queries) if self._cosine else queries
        self._queries32 = self._queries.astype(np.float32)
        self._squares = np.einsum("qd,qd->q", self._queries, self._queries)
        self._left_out = left_out
        self._k = k
        # Bound on the rounding of a scalar product of D terms in float32, in units of the vectors' lengths.
        self._rounding = (queries.shape[1] + 8) * float(np.finfo(np.float32).eps)
        # An empty place is infinitely far; its row lies behind all others.
        self.distances: Floats = np.full((len(queries), k), np.inf)
        self.rows = np.full((len(queries), k), np.iinfo(np.int64).max)

    def add(self, block: NDArray[np.float32], start: int, squares: NDArray[np.float32]) -> None:
        """Take in rows ``start`` … of the embeddings, and their squared lengths."""
        near, slack = self._approximate(block, squares)
        self._drop_left_out(near, start)
        limit = self._worst()
        if len(block) > self._k and not np.isfinite(limit).all():  # later, few rows are better than the k-th
            limit = np.minimum(limit, np.partition(near, self._k - 1, axis=1)[:, self._k - 1])
        # Both sides of the comparison are uncertain by the slack.
        candidate = near <= (limit + 2 * slack)[:, None]
        candidate &= np.isfinite(near)
        for query in np.flatnonzero(candidate.any(axis=1)).tolist():
            local = np.flatnonzero(candidate[query])
            found = np.concatenate([self.distances[query], self._exact(block[local], query)])
            where = np.concatenate([self.rows[query], local + start])
            # float32 is what the caller sees: what looks equal there is ordered by row.
            best = np.lexsort((where, found.astype(np.float32)))[: self._k]
            self.distances[query], self.rows[query] = found[best], where[best]

    def _approximate(
        self, block: NDArray[np.float32], squares: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], Floats]:
        """Distances (Euclidean: squared) of rows to queries (Q, chunk), and their uncertainty (Q,)."""
        product: NDArray[np.float32] = self._queries32 @ block.T
        if self._cosine:
            lengths = np.sqrt(squares)
            lengths[lengths == 0] = 1
            cosine: NDArray[Any] = 1 - product / lengths
            return cosine, np.full(len(product), 2 * self._rounding)
        near: NDArray[Any] = squares + self._squares.astype(np.float32)[:, None] - 2 * product
        return near, 2 * self._rounding * (self._squares + float(squares.max()))

    def _drop_left_out(self, near: NDArray[np.float32], start: int) -> None:
        here = self._left_out - start
        which = np.flatnonzero((here >= 0) & (here < near.shape[1]))
        near[which, here[which]] = np.inf

    def _worst(self) -> Floats:
        """Per query, the k-th best so far on the scale of the scan, with the width of a float32 tie."""
        worst = self.distances[:, -1] * (1 + float(np.finfo(np.float32).eps))
        return worst if self._cosine else worst * worst

    def _exact(self, block: NDArray[np.float32], query: int) -> Floats:
        rows = block.astype(np.float64)
        if not self._cosine:
            offset = rows - self._queries[query]
            euclidean: Floats = np.sqrt(np.einsum("nd,nd->n", offset, offset))
            return euclidean
        cosine = np.einsum("nd,d->n", _unit(rows), self._queries[query])
        return np.asarray(1 - np.clip(cosine, -1, 1), dtype=np.float64)


def _chunk(embeddings: NDArray[np.floating[Any]]) -> int:
    return max(1, _CHUNK_BYTES // (4 * max(1, int(embeddings.shape[1]))))


def _squares(block: NDArray[np.float32]) -> NDArray[np.float32]:
    squares: NDArray[np.float32] = np.einsum("nd,nd->n", block, block)
    return squares


def _unit(vectors: Floats) -> Floats:
    """Vectors of length 1; a zero vector stays zero."""
    lengths = np.sqrt(np.einsum("nd,nd->n", vectors, vectors))
    lengths[lengths == 0] = 1
    unit: Floats = vectors / lengths[:, None]
    return unit


def _check(
    embeddings: NDArray[np.floating[Any]], queries: Floats, k: int, metric: str, left_out: NDArray[Any]
) -> None:
    if metric not in get_args(Metric):
        raise SettingError(f"there is no metric {metric!r}; choose one of {', '.join(get_args(Metric))}")
    if k < 1:
        raise SettingError(f"k must be at least 1, not {k}")
    if embeddings.ndim != 2 or queries.ndim != 2 or queries.shape[1] != embeddings.shape[1]:
        raise SettingError(f"queries {queries.shape} do not fit embeddings {embeddings.shape}")
    if not np.isfinite(queries).all():
        raise SettingError("a query is not finite")
    if left_out.shape != (len(queries),) or left_out.dtype.kind not in "iu":
        raise SettingError("exclude must hold one row (or -1) per query")
    if len(left_out) and not (left_out.min() >= -1 and left_out.max() < len(embeddings)):
        raise SettingError(f"exclude must hold rows below {len(embeddings)}, or -1")
