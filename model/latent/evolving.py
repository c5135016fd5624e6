"""The map of one set of images under a network that changes: a frame for each epoch, each turned towards the last."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.latent.features import Features
from model.latent.pca import PCAProjector, PCASettings


@dataclass(frozen=True, eq=False)
class Frame:
    """Where the images lie after one epoch."""

    points: NDArray[np.float32]
    """(N, 2), centred on their mean."""
    explained_variance_ratio: tuple[float, float]
    """Share of that epoch's variance along its first and its second principal component, in [0, 1]."""

    @property
    def extent(self) -> float:
        """Largest absolute coordinate; 0 of no images."""
        return float(np.abs(self.points).max(initial=0.0))


def frame_of(embeddings: NDArray[np.float32], before: NDArray[np.float32] | None) -> Frame:
    """The plane in which an epoch's embeddings vary most, turned to agree with the frame before.

    Each epoch has a PCA of its own, because the axes of another epoch would show its structure and hide what the
    network has learnt or lost since: seen along the last epoch's axes, order always seems to arise on the way to
    it. A PCA's axes may swap or flip between epochs though nothing moved, so the points are turned (and mirrored,
    where that fits better) by `turned_towards`. Neither step changes a distance within the frame, later epochs do
    not change earlier frames, and what still moves is movement of the images.

    Args:
        embeddings: (N, D) of the same images in the same order each time, N at least 1.
        before: (N, 2) points of the frame before; None for the first.

    Raises:
        ValueError: no images, or another number of them than before.
    """
    features = Features(np.asarray(embeddings, np.float32))
    projector = PCAProjector.fit(features, np.arange(len(features)), PCASettings(dimensions=2))
    points = projector.transform(features)
    if before is not None:
        points = turned_towards(points, np.asarray(before, np.float64))
    first, second = projector.explained_variance_ratio
    return Frame(points.astype(np.float32), (first, second))


def turned_towards(points: NDArray[np.float64], reference: NDArray[np.float64]) -> NDArray[np.float64]:
    """Points times the orthogonal matrix R that makes the sum of squared distances to the reference least.

    The orthogonal Procrustes problem (P. H. Schönemann 1966): R = U Vᵀ of the singular value decomposition of
    pointsᵀ · reference. Nothing is scaled or shifted; both should be centred.

    Args:
        points: (N, k).
        reference: (N, k).

    Raises:
        ValueError: the shapes differ.
    """
    if points.shape != reference.shape:
        raise ValueError(f"cannot turn points {points.shape} towards a reference {reference.shape}")
    left, _, right = np.linalg.svd(points.T @ reference)
    turned: NDArray[np.float64] = points @ (left @ right)
    return turned
