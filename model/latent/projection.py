"""Maps: two-dimensional projections of an index, fitted once, on which new images can be placed.

A method is one file with one class that keeps to `Projector`, named in `_METHODS`. A map lies in
``maps/NAME/``: ``map.json``, ``coordinates.npy`` (N×dimensions float32) and ``projector.safetensors``;
nothing is pickled. Its quality, once measured, lies beside them (`model.latent.quality_store`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Literal, Protocol, Self, cast

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as tensor_bytes

from model.latent.errors import MapNotFound
from model.latent.quality import MapQuality
from model.latent.quality_store import open_quality
from model.latent.storage import NpyWriter, damaged, open_npy, read_bytes, read_json, sync, write_json

FittedOn = Literal["train", "all"]
_CHUNK = 8192
_METHODS = {"pca": ("model.latent.pca", "PCAProjector")}


class Projector(Protocol):
    """What a method of projection offers once fitted."""

    @property
    def method(self) -> str:
        """Its name in `_METHODS`."""

    @property
    def keeps_proportions(self) -> bool:
        """Whether distances keep their proportions, so that an ellipse on the map has a meaning."""

    @property
    def dimensions(self) -> int:
        """Axes of the map."""

    @property
    def embedding_dim(self) -> int:
        """D of the embeddings that it takes."""

    @property
    def axis_labels(self) -> tuple[str, ...]:
        """What to write at each axis."""

    @property
    def explained_variance_ratio(self) -> tuple[float, ...] | None:
        """Share of the variance along each axis, where the method has such."""

    @classmethod
    def fit(
        cls, embeddings: NDArray[np.float32], rows: Sequence[tuple[int, int]], *, dimensions: int = 2
    ) -> Self:
        """Fit to some blocks of rows (first, after the last) of (N, D) embeddings."""

    @classmethod
    def restore(cls, tensors: Mapping[str, NDArray[Any]], description: Mapping[str, Any]) -> Self:
        """Undo `tensors` and `description`; KeyError, TypeError or ValueError where they are not its own."""

    def tensors(self) -> dict[str, NDArray[np.float64]]:
        """What must be stored of it as arrays."""

    def description(self) -> dict[str, Any]:
        """What must be stored of it as JSON."""

    def transform(self, embeddings: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
        """(N, D) embeddings, of the fit or new -> (N, dimensions)."""


@dataclass(frozen=True, eq=False)
class LatentMap:
    """A map of all images of an index."""

    name: str
    method: str
    coordinates: NDArray[np.float32]
    """(N, dimensions), memory-mapped, row for row as the index."""
    fitted_on: FittedOn
    """The split that the projector saw; ``all`` only for an index without a training split."""
    explained_variance_ratio: tuple[float, ...] | None
    axis_labels: tuple[str, ...]
    keeps_proportions: bool
    """Whether an ellipse on the map has a probabilistic meaning (PCA yes, UMAP no)."""
    projector: Projector
    quality: MapQuality | None = None
    """How good the map is; None where it was not measured."""
    preservation: NDArray[np.float32] | None = None
    """(N,) memory-mapped, what ``quality.points`` describes, of each point."""


def method_class(method: str) -> type[Projector]:
    """The class of a method, imported only when it is asked for.

    Raises:
        MapNotFound: there is no such method.
    """
    if method not in _METHODS:
        raise MapNotFound(f"there is no method {method!r}; choose one of {', '.join(_METHODS)}")
    module, name = _METHODS[method]
    return cast("type[Projector]", getattr(import_module(module), name))


def write_map(
    folder: Path, projector: Projector, embeddings: NDArray[np.float32], *, n_fitted: int, fitted_on: FittedOn
) -> None:
    """Place all rows on the map and store it in a new folder, which the caller renames into place."""
    folder.mkdir(parents=True)
    n = len(embeddings)
    with NpyWriter(folder / "coordinates.npy", (n, projector.dimensions), np.float32) as coordinates:
        for start in range(0, n, _CHUNK):
            coordinates.append(projector.transform(embeddings[start : start + _CHUNK]))
    tensors = {name: np.ascontiguousarray(tensor) for name, tensor in projector.tensors().items()}
    (folder / "projector.safetensors").write_bytes(tensor_bytes(tensors))
    sync(folder / "projector.safetensors")
    content = {
        "method": projector.method,
        "dimensions": projector.dimensions,
        "n": n,
        "fitted_on": fitted_on,
        "n_fitted": n_fitted,
        **projector.description(),
    }
    write_json(folder / "map.json", content)
    sync(folder)


def open_map(folder: Path, *, n: int, embedding_dim: int) -> LatentMap:
    """Open the map of an index of ``n`` images.

    Raises:
        IndexDamaged: a file of it is missing or does not fit.
    """
    content = read_json(folder / "map.json")
    tensor_file = folder / "projector.safetensors"
    try:
        tensors = load_tensors(read_bytes(tensor_file))
    except (SafetensorError, ValueError, KeyError) as error:
        raise damaged(tensor_file, f"cannot be read ({error})") from error
    try:
        projector = method_class(content["method"]).restore(tensors, content)
        fitted_on = content["fitted_on"]
        if fitted_on not in ("train", "all") or projector.embedding_dim != embedding_dim:
            raise ValueError("it is not a map of this index")
    except (KeyError, TypeError, ValueError, MapNotFound) as error:
        raise damaged(folder / "map.json", f"does not describe its projector ({error})") from error
    measured = open_quality(folder, n)
    return LatentMap(
        name=folder.name,
        method=projector.method,
        coordinates=open_npy(folder / "coordinates.npy", (n, projector.dimensions), np.float32),
        fitted_on=fitted_on,
        explained_variance_ratio=projector.explained_variance_ratio,
        axis_labels=projector.axis_labels,
        keeps_proportions=projector.keeps_proportions,
        projector=projector,
        quality=measured[0] if measured else None,
        preservation=measured[1] if measured else None,
    )
