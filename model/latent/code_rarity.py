"""How rare the codes of an image are among the training images of a data set."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

MAX_TABLE = 1 << 22
"""Entries (cells x codes) of a table of counts; a larger one is not kept by cell: 16 MiB a data set at most."""

Codes = NDArray[np.unsignedinteger[Any]]


@dataclass(frozen=True, eq=False)
class CodeRarity:
    """Mean negative log probability of an image's codes, each at its own cell of the grid.

    With n images, of which n(c, s) have code c at cell s, and p(c) the frequency of c over all cells (half a count
    added to each code), the estimate is (n(c, s) + a p(c)) / (n + a): a Dirichlet prior of weight a images about the
    frequency over all cells (D. J. C. MacKay and L. C. Bauman Peto 1995, A hierarchical Dirichlet language model,
    Nat. Lang. Eng. 1, 289). A code that was never seen stays possible, and a cell of few images borrows from all.
    """

    counts: NDArray[np.uint32]
    """(S, K): images that have code k at cell s; one row, S = 1, where a table by cell would be too large."""
    smoothing: float
    """a, in images."""

    @classmethod
    def fit(
        cls, chunks: Iterable[Codes], *, cells: int, codebook_size: int, smoothing: float = 10.0
    ) -> "CodeRarity":
        """Count the codes (n, H', W') of training images, chunk by chunk; ``cells`` is H' W'."""
        kept = cells if cells * codebook_size <= MAX_TABLE else 1
        counts = np.zeros(kept * codebook_size, np.int64)
        for chunk in chunks:
            flat = chunk.reshape(-1, cells).astype(np.int64)
            if kept > 1:
                flat = flat + np.arange(cells) * codebook_size
            counts += np.bincount(flat.ravel(), minlength=len(counts))
        return cls(counts.reshape(kept, codebook_size).astype(np.uint32), smoothing)

    def score(self, codes: NDArray[np.integer[Any]]) -> NDArray[np.float64]:
        """Rarity of (N, H', W') codes: (N,) nats a code; log K if all codes were equally frequent everywhere."""
        counts = self.counts.astype(np.float64)
        everywhere = counts.sum(axis=0) + 0.5
        everywhere /= everywhere.sum()
        per_cell = counts.sum(axis=1, keepdims=True)  # images; of a table with one row: cells of all images
        surprise = -np.log((counts + self.smoothing * everywhere) / (per_cell + self.smoothing))
        flat = codes.reshape(len(codes), -1).astype(np.int64)
        cell = np.arange(flat.shape[1]) if len(counts) > 1 else np.zeros(flat.shape[1], np.int64)
        rarity: NDArray[np.float64] = surprise[cell, flat].mean(axis=1)
        return rarity
