"""The linear map: principal components of the embeddings."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Rows = tuple[int, int]
"""First row and the row after the last of a contiguous block."""

CHUNK = 8192
"""Rows at a time: 16 MiB of 256-dimensional embeddings in float64."""


@dataclass(frozen=True, eq=False)
class PCAProjector:
    """Principal components (K. Pearson 1901; H. Hotelling 1933), exact, from one pass over the embeddings.

    Mean and scatter are accumulated in float64, chunk by chunk, each chunk about its own mean (T. F. Chan,
    G. H. Golub, R. J. LeVeque, "Updating formulae and a pairwise algorithm for computing sample variances",
    1979), so that memory does not grow with N and a large mean costs no digits.
    """

    method: ClassVar[str] = "pca"
    keeps_proportions: ClassVar[bool] = True

    mean: Floats
    """(D,)"""
    components: Floats
    """(dimensions, D), orthonormal rows, the largest entry of each positive; rows beyond D are zero."""
    explained_variance_ratio: tuple[float, ...]
    """Share of the total variance along each component, in [0, 1]."""

    @classmethod
    def fit(
        cls, embeddings: NDArray[np.float32], rows: Sequence[Rows], *, dimensions: int = 2
    ) -> "PCAProjector":
        """Fit to some rows of (N, D) embeddings, which may be memory-mapped and larger than memory.

        Raises:
            ValueError: no rows are given.
        """
        mean, scatter, n = _moments(_chunks(embeddings, rows), embeddings.shape[1])
        if n == 0:
            raise ValueError("a PCA needs at least one row")
        values, vectors = np.linalg.eigh(scatter)
        values = np.clip(values[::-1], 0, None)
        total = values.sum()
        kept = min(dimensions, embeddings.shape[1])
        components = np.zeros((dimensions, embeddings.shape[1]))
        components[:kept] = vectors.T[::-1][:kept]
        largest = np.abs(components).argmax(axis=1)
        components *= np.where(components[np.arange(dimensions), largest] < 0, -1.0, 1.0)[:, None]
        shares = [float(values[i] / total) if i < kept and total > 0 else 0.0 for i in range(dimensions)]
        return cls(mean, components, tuple(shares))

    @classmethod
    def restore(cls, tensors: Mapping[str, NDArray[Any]], description: Mapping[str, Any]) -> "PCAProjector":
        """Undo `tensors` and `description`.

        Raises:
            ValueError, KeyError, TypeError: they are not those of a PCA.
        """
        mean, components = tensors["mean"], tensors["components"]
        shares = tuple(float(share) for share in description["explained_variance_ratio"])
        if mean.ndim != 1 or components.shape != (len(shares), len(mean)):
            raise ValueError(f"components {components.shape} do not fit a mean {mean.shape}")
        if not (np.isfinite(mean).all() and np.isfinite(components).all()):
            raise ValueError("components are not finite")
        return cls(mean.astype(np.float64), components.astype(np.float64), shares)

    @property
    def dimensions(self) -> int:
        """Axes of the map."""
        return len(self.components)

    @property
    def embedding_dim(self) -> int:
        """D of the embeddings that it takes."""
        return len(self.mean)

    @property
    def axis_labels(self) -> tuple[str, ...]:
        """Such as ``PC 1 (31 %)``."""
        return tuple(
            f"PC {i} ({100 * share:.0f} %)" for i, share in enumerate(self.explained_variance_ratio, 1)
        )

    def tensors(self) -> dict[str, Floats]:
        """What must be stored of it as arrays."""
        return {"mean": self.mean, "components": self.components}

    def description(self) -> dict[str, Any]:
        """What must be stored of it as JSON."""
        return {"explained_variance_ratio": list(self.explained_variance_ratio)}

    def transform(self, embeddings: NDArray[np.floating[Any]]) -> Floats:
        """(N, D) embeddings, of the fit or new -> (N, dimensions)."""
        placed = np.empty((len(embeddings), self.dimensions))
        for start in range(0, len(embeddings), CHUNK):
            part = np.asarray(embeddings[start : start + CHUNK], dtype=np.float64)
            placed[start : start + CHUNK] = (part - self.mean) @ self.components.T
        return placed


def _chunks(embeddings: NDArray[np.float32], rows: Sequence[Rows]) -> Iterable[Floats]:
    for first, last in rows:
        for start in range(first, last, CHUNK):
            yield np.asarray(embeddings[start : min(start + CHUNK, last)], dtype=np.float64)


def _moments(chunks: Iterable[Floats], dimension: int) -> tuple[Floats, Floats, int]:
    """Mean (D,), scatter about the mean (D, D), and count, of all chunks together."""
    mean, scatter, n = np.zeros(dimension), np.zeros((dimension, dimension)), 0
    for chunk in chunks:
        m = len(chunk)
        centre = chunk.mean(axis=0)
        centred = chunk - centre
        shift = centre - mean
        scatter += centred.T @ centred + np.outer(shift, shift) * (n * m / (n + m))
        mean = mean + shift * (m / (n + m))
        n += m
    return mean, scatter, n
