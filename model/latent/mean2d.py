"""The map that needs no fit: the spatial mean of two-dimensional code vectors."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from model.latent.errors import SettingError
from model.latent.features import Features, Progress, Rows, silent

_CHUNK = 8192


@dataclass(frozen=True, kw_only=True)
class Mean2DSettings:
    """Nothing to choose."""

    @property
    def dimensions(self) -> int:
        """Axes of the map."""
        return 2


@dataclass(frozen=True, eq=False)
class Mean2DProjector:
    """Mean over the grid of the quantised latent, for models whose code vectors have two dimensions.

    The plot of the paper that VQScope follows (its VQ-VAE has 2-D codes, see the preset ``paper``): the two axes
    are those of the codebook itself, so no direction is chosen and nothing of the training split is learnt.
    """

    method: ClassVar[str] = "mean2d"
    settings_type: ClassVar[type[Mean2DSettings]] = Mean2DSettings
    learns: ClassVar[bool] = False
    keeps_proportions: ClassVar[bool] = True
    dimensions: ClassVar[int] = 2
    axis_labels: ClassVar[tuple[str, ...]] = ("mean of code dimension 1", "mean of code dimension 2")
    explained_variance_ratio: ClassVar[None] = None
    anchors: ClassVar[None] = None

    code_vectors: NDArray[np.float32]
    """(K, 2)"""

    @classmethod
    def fit(
        cls,
        features: Features,
        rows: Rows,
        settings: Mean2DSettings | None = None,
        progress: Progress = silent,
    ) -> "Mean2DProjector":
        """Take the codebook; the rows do not matter.

        Raises:
            SettingError: the codes have another dimension, or the codebook is not given.
        """
        vectors = features.code_vectors
        if vectors is None:
            raise SettingError(
                "mean2d needs the model's codebook: name the model that the index was built with"
            )
        if vectors.shape[1] != 2:
            raise SettingError(
                f"mean2d is the plot of models with 2-D codes, and this one's have {vectors.shape[1]} dimensions; "
                "choose another method, such as pca"
            )
        return cls(np.asarray(vectors, np.float32))

    @classmethod
    def restore(
        cls, tensors: Mapping[str, NDArray[Any]], description: Mapping[str, Any], features: Features
    ) -> "Mean2DProjector":
        """Undo `tensors` and `description`.

        Raises:
            ValueError, KeyError, TypeError: they are no 2-D codebook of such codes.
        """
        vectors = tensors["code_vectors"]
        if vectors.ndim != 2 or vectors.shape[1] != 2 or not np.isfinite(vectors).all():
            raise ValueError(f"a codebook of shape {vectors.shape} is not one of finite 2-D vectors")
        if features.codes is not None and features.codes.dtype != np.min_scalar_type(len(vectors) - 1):
            raise ValueError(f"{len(vectors)} code vectors do not fit codes of type {features.codes.dtype}")
        return cls(vectors.astype(np.float32))

    def tensors(self) -> dict[str, NDArray[Any]]:
        """What must be stored of it as arrays."""
        return {"code_vectors": self.code_vectors}

    def description(self) -> dict[str, Any]:
        """What must be stored of it as JSON."""
        return {}

    def transform(self, features: Features) -> NDArray[np.float64]:
        """N images with codes -> (N, 2).

        Raises:
            SettingError: the images come without codes, or a code is not in the codebook.
        """
        if features.codes is None:
            raise SettingError("on the map mean2d an image is placed by its codes, which were not given")
        placed = np.empty((len(features), 2))
        for start in range(0, len(features), _CHUNK):
            part = np.asarray(features.codes[start : start + _CHUNK])
            codes = part.reshape(len(part), -1)  # N H' W' -> N cells
            if codes.min() < 0 or codes.max() >= len(self.code_vectors):
                raise SettingError(f"codes must lie in 0 … {len(self.code_vectors) - 1}")
            placed[start : start + _CHUNK] = self.code_vectors[codes].mean(axis=1, dtype=np.float64)
        return placed
