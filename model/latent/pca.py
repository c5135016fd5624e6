"""The linear map: principal components of the embeddings."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from model.latent.features import Features, Progress, Rows, selected, silent
from model.latent.map_settings import check_ranges, option

Floats = NDArray[np.float64]

CHUNK = 1024
"""Rows at a time: 6 MiB of 768-dimensional embeddings in float64."""


@dataclass(frozen=True, kw_only=True)
class PCASettings:
    """Parameters of a PCA."""

    dimensions: int = option(2, "axes of the map, 2 or 3", within=(2, 3))

    def __post_init__(self) -> None:
        check_ranges(self)


@dataclass(frozen=True, eq=False)
class PCAProjector:
    """Principal components (K. Pearson 1901; H. Hotelling 1933), exact, from one pass over the embeddings.

    Mean and scatter are accumulated in float64, chunk by chunk, each chunk about its own mean (T. F. Chan,
    G. H. Golub, R. J. LeVeque, "Updating formulae and a pairwise algorithm for computing sample variances",
    1979), so that memory does not grow with N and a large mean costs no digits.
    """

    method: ClassVar[str] = "pca"
    settings_type: ClassVar[type[PCASettings]] = PCASettings
    learns: ClassVar[bool] = True
    keeps_proportions: ClassVar[bool] = True
    anchors: ClassVar[None] = None

    mean: Floats
    """(D,)"""
    components: Floats
    """(dimensions, D), orthonormal rows, the largest entry of each positive; rows beyond D are zero."""
    explained_variance_ratio: tuple[float, ...]
    """Share of the total variance along each component, in [0, 1]."""

    @classmethod
    def fit(
        cls, features: Features, rows: Rows, settings: PCASettings | None = None, progress: Progress = silent
    ) -> "PCAProjector":
        """Fit to some rows of (N, D) embeddings, which may be memory-mapped and larger than memory.

        Raises:
            ValueError: no rows are given.
        """
        dimensions = (settings or PCASettings()).dimensions
        embeddings = features.embeddings
        mean, scatter, n = _moments(_chunks(embeddings, rows, progress), embeddings.shape[1])
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
    def restore(
        cls, tensors: Mapping[str, NDArray[Any]], description: Mapping[str, Any], features: Features
    ) -> "PCAProjector":
        """Undo `tensors` and `description`.

        Raises:
            ValueError, KeyError, TypeError: they are not those of a PCA of such embeddings.
        """
        mean, components = tensors["mean"], tensors["components"]
        shares = tuple(float(share) for share in description["explained_variance_ratio"])
        dimension = features.embeddings.shape[1]
        if mean.shape != (dimension,) or components.shape != (len(shares), dimension):
            raise ValueError(f"{components.shape} and {mean.shape} do not fit {dimension} dimensions")
        if not (np.isfinite(mean).all() and np.isfinite(components).all()):
            raise ValueError("components are not finite")
        return cls(mean.astype(np.float64), components.astype(np.float64), shares)

    @property
    def dimensions(self) -> int:
        """Axes of the map."""
        return len(self.components)

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

    def transform(self, features: Features) -> Floats:
        """N images, of the fit or new -> (N, dimensions)."""
        embeddings = features.embeddings
        placed = np.empty((len(embeddings), self.dimensions))
        for start in range(0, len(embeddings), CHUNK):
            part = np.subtract(embeddings[start : start + CHUNK], self.mean, dtype=np.float64)
            placed[start : start + CHUNK] = part @ self.components.T
        return placed


def _chunks(embeddings: NDArray[np.float32], rows: Rows, progress: Progress) -> Iterable[Floats]:
    taken = selected(embeddings, rows)
    for start in range(0, len(rows), CHUNK):
        yield np.array(taken[start : start + CHUNK], dtype=np.float64)
        progress("principal components", min(start + CHUNK, len(rows)) / len(rows))


def _moments(chunks: Iterable[Floats], dimension: int) -> tuple[Floats, Floats, int]:
    """Mean (D,), scatter about the mean (D, D), and count, of all chunks together, which are overwritten."""
    mean, scatter, n = np.zeros(dimension), np.zeros((dimension, dimension)), 0
    for chunk in chunks:
        m = len(chunk)
        centre = chunk.mean(axis=0)
        chunk -= centre
        shift = centre - mean
        scatter += chunk.T @ chunk + np.outer(shift, shift) * (n * m / (n + m))
        mean = mean + shift * (m / (n + m))
        n += m
    return mean, scatter, n
