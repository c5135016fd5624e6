"""Residual k-means on whole images: the reference that quantises vectors but learns no features."""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from sklearn.cluster import MiniBatchKMeans

from tests.benchmarks.models.bars import bar

Array = NDArray[np.float32]


class ResidualKMeans:
    """Stage after stage, k-means of what the stages before left over (Juang & Gray 1982); log2 k bits a stage."""

    def __init__(
        self, vectors: Array, *, stages: int, k: int = 512, seed: int = 0, progress: bool = False
    ) -> None:
        self.stages: list[Array] = []
        left = vectors.astype(np.float32)
        told = bar(stages, "residual k-means", shown=progress)
        for stage in range(stages):
            kmeans = MiniBatchKMeans(
                k, init="random", n_init=1, batch_size=4096, max_iter=5, random_state=seed + stage
            )
            centres = kmeans.fit(left).cluster_centers_.astype(np.float32)
            nearest = _nearest(left, centres)
            # One full step at the end: mini-batches leave the centres a little off.
            counts = np.bincount(nearest, minlength=k)
            members = csr_array(
                (np.ones(len(left), np.float32), (nearest, np.arange(len(left)))), (k, len(left))
            )
            sums = members @ left
            filled = counts > 0
            centres[filled] = sums[filled] / counts[filled, None]
            self.stages.append(centres)
            left -= centres[nearest]
            told.update()
        told.close()

    def __call__(self, vectors: Array) -> Array:
        """N x D -> quantised N x D."""
        left = vectors.astype(np.float32)
        for centres in self.stages:
            left -= centres[_nearest(left, centres)]
        quantised: Array = vectors - left
        return quantised


def _nearest(vectors: Array, centres: Array) -> NDArray[np.int64]:
    scores = np.square(centres).sum(1) - 2 * vectors @ centres.T
    nearest: NDArray[np.int64] = scores.argmin(1)
    return nearest
