"""Maps: two- or three-dimensional projections of an index, fitted once, on which new images can be placed.

A method is one file with one class that keeps to `Projector`, named in `_METHODS`. A map lies in
``maps/NAME/``: ``map.json``, ``coordinates.npy`` (N×dimensions float32) and ``projector.safetensors``;
nothing is pickled. Its quality, once measured, lies beside them (`model.latent.quality_store`).
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol, Self, cast, get_args

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as tensor_bytes

from model.errors import VQScopeError
from model.latent.anchored import Anchors
from model.latent.errors import MapNotFound
from model.latent.features import Features, Progress, Rows, silent
from model.latent.map_settings import MapSettings, stored
from model.latent.quality import MapQuality
from model.latent.quality_store import open_quality
from model.latent.storage import (
    NpyWriter,
    damaged,
    open_npy,
    parse_json,
    read_bytes,
    read_json,
    sha256_of,
    sync,
    write_json,
)

FittedOn = Literal["train", "all", "none"]
_COORDINATES, _TENSORS = "coordinates.npy", "projector.safetensors"
_CHUNK = 8192
_METHODS = {
    "pca": ("model.latent.pca", "PCAProjector"),
    "umap": ("model.latent.umap", "UMAPProjector"),
    "tsne": ("model.latent.tsne", "TSNEProjector"),
    "mean2d": ("model.latent.mean2d", "Mean2DProjector"),
}
METHODS = tuple(_METHODS)


class Projector(Protocol):
    """What a method of projection offers once fitted."""

    method: ClassVar[str]
    """Its name in `_METHODS`."""
    settings_type: ClassVar[type[MapSettings]]
    """The dataclass of its parameters."""
    learns: ClassVar[bool]
    """Whether it is fitted to images at all."""
    keeps_proportions: ClassVar[bool]
    """Whether distances keep their proportions, so that an ellipse on the map has a meaning."""

    @property
    def dimensions(self) -> int:
        """Axes of the map."""

    @property
    def axis_labels(self) -> tuple[str, ...]:
        """What to write at each axis."""

    @property
    def explained_variance_ratio(self) -> tuple[float, ...] | None:
        """Share of the variance along each axis, where the method has such."""

    @property
    def anchors(self) -> Anchors | None:
        """The images of the fit, where `transform` would not give their places."""

    @classmethod
    def fit(
        cls,
        features: Features,
        rows: Rows,
        settings: Any = None,  # noqa: ANN401 - of `settings_type`
        progress: Progress = silent,
    ) -> Self:
        """Fit to some rows of an index, with settings of `settings_type` (None: the defaults).

        Raises:
            SettingError: the settings, or the index, do not suit the method.
        """

    @classmethod
    def restore(
        cls, tensors: Mapping[str, NDArray[Any]], description: Mapping[str, Any], features: Features
    ) -> Self:
        """Undo `tensors` and `description` beside the index that it was fitted to.

        Raises:
            KeyError, TypeError, ValueError: they are not its own, or not of this index.
        """

    def tensors(self) -> dict[str, NDArray[Any]]:
        """What must be stored of it as arrays."""

    def description(self) -> dict[str, Any]:
        """What must be stored of it as JSON, its settings aside."""

    def transform(self, features: Features) -> NDArray[np.floating[Any]]:
        """N images, new ones too -> (N, dimensions); each is placed as if it came alone."""


@dataclass(frozen=True, eq=False)
class LatentMap:
    """A map of all images of an index."""

    name: str
    method: str
    coordinates: NDArray[np.float32]
    """(N, dimensions), memory-mapped, row for row as the index."""
    fitted_on: FittedOn
    """The split that the projector saw; ``all`` only for an index without a training split, ``none`` for a
    method that learns nothing."""
    n_fitted: int
    """Images that the projector saw; fewer than the split has where the method fits to a draw."""
    parameters: Mapping[str, Any]
    """What it was fitted with; empty for maps of early versions."""
    explained_variance_ratio: tuple[float, ...] | None
    axis_labels: tuple[str, ...]
    keeps_proportions: bool
    """Whether an ellipse on the map has a probabilistic meaning (PCA yes, UMAP no)."""
    version: str
    """First 12 digits of the SHA-256 of ``map.json``, which holds those of the other files."""
    projector: Projector
    quality: MapQuality | None = None
    """How good the map is; None where it was not measured."""
    preservation: NDArray[np.float32] | None = None
    """(N,) memory-mapped, what ``quality.points`` describes, of each point."""

    @property
    def dimensions(self) -> int:
        """Axes of the map."""
        return int(self.coordinates.shape[1])


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
    folder: Path,
    projector: Projector,
    features: Features,
    *,
    n_fitted: int,
    fitted_on: FittedOn,
    settings: MapSettings,
    progress: Progress = silent,
) -> None:
    """Place all rows on the map and store it in a new folder, which the caller renames into place.

    Raises:
        VQScopeError: a place is not finite.
    """
    folder.mkdir(parents=True)
    _write_coordinates(folder / _COORDINATES, projector, features, progress)
    # Whatever is to be known of the finished coordinates, such as how faithful they are, is computed here.
    tensors = {name: np.ascontiguousarray(tensor) for name, tensor in projector.tensors().items()}
    (folder / _TENSORS).write_bytes(tensor_bytes(tensors))
    sync(folder / _TENSORS)
    content = {
        "method": projector.method,
        "parameters": stored(settings),
        "dimensions": projector.dimensions,
        "n": len(features),
        "fitted_on": fitted_on,
        "n_fitted": n_fitted,
        **projector.description(),
        "sha256": {name: sha256_of(folder / name) for name in (_COORDINATES, _TENSORS)},
    }
    write_json(folder / "map.json", content)
    sync(folder)


def _write_coordinates(path: Path, projector: Projector, features: Features, progress: Progress) -> None:
    n, anchors = len(features), projector.anchors
    with NpyWriter(path, (n, projector.dimensions), np.float32) as coordinates:
        for start in range(0, n, _CHUNK):
            part = features[start : start + _CHUNK]
            placed = _placed(projector, part) if anchors is None else _around(anchors, projector, part, start)
            if not np.isfinite(placed).all():
                raise VQScopeError(
                    f"{projector.method} gives no finite places for these images; choose other parameters"
                )
            coordinates.append(placed)
            progress("placing images", min(start + _CHUNK, n) / n)


def _placed(projector: Projector, part: Features) -> NDArray[np.float32]:
    return projector.transform(part).astype(np.float32)


def _around(anchors: Anchors, projector: Projector, part: Features, start: int) -> NDArray[np.float32]:
    """Places of rows ``start`` …: those of the fit where they are known, the others as new images."""
    first, last = np.searchsorted(anchors.rows, [start, start + len(part)])
    known = anchors.rows[first:last] - start
    new = np.delete(np.arange(len(part)), known)
    placed = np.empty((len(part), projector.dimensions), np.float32)
    placed[known] = anchors.places[first:last]
    if len(new):
        codes = None if part.codes is None else part.codes[new]
        placed[new] = projector.transform(Features(part.embeddings[new], codes))
    return placed


def open_map(folder: Path, features: Features) -> LatentMap:
    """Open a map of an index, given by its embeddings and codes.

    The coordinates are mapped, not compared with their checksum: that is `verify_map`.

    Raises:
        IndexDamaged: a file of it is missing or does not fit.
    """
    described = folder / "map.json"
    data = read_bytes(described)
    content = parse_json(data, described)
    tensor_file = folder / _TENSORS
    tensor_data = read_bytes(tensor_file)
    _check_digest(content, tensor_file, hashlib.sha256(tensor_data).hexdigest())
    try:
        tensors = load_tensors(tensor_data)
    except (SafetensorError, ValueError, KeyError) as error:
        raise damaged(tensor_file, f"cannot be read ({error})") from error
    try:
        projector = method_class(content["method"]).restore(tensors, content, features)
        fitted_on, n_fitted, parameters = _facts(content)
    except (KeyError, TypeError, ValueError, VQScopeError) as error:
        raise damaged(described, f"does not describe its projector ({error})") from error
    measured = open_quality(folder, len(features))
    return LatentMap(
        name=folder.name,
        method=projector.method,
        coordinates=open_npy(folder / _COORDINATES, (len(features), projector.dimensions), np.float32),
        fitted_on=fitted_on,
        n_fitted=n_fitted,
        parameters=parameters,
        explained_variance_ratio=projector.explained_variance_ratio,
        axis_labels=projector.axis_labels,
        keeps_proportions=projector.keeps_proportions,
        version=hashlib.sha256(data).hexdigest()[:12],
        projector=projector,
        quality=measured[0] if measured else None,
        preservation=measured[1] if measured else None,
    )


def verify_map(folder: Path) -> None:
    """Read the files of a map through and compare them with the checksums in ``map.json``.

    Raises:
        IndexDamaged: they are not as they were.
    """
    content = read_json(folder / "map.json")
    for name in (_COORDINATES, _TENSORS):
        _check_digest(content, folder / name, sha256_of(folder / name))


def _check_digest(content: Mapping[str, Any], path: Path, found: str) -> None:
    stated = content.get("sha256", {})  # none in maps of early versions
    if not isinstance(stated, dict):
        raise damaged(path.with_name("map.json"), "does not hold checksums")
    if stated.get(path.name, found) != found:
        raise damaged(path, "has changed")


def _facts(content: Mapping[str, Any]) -> tuple[FittedOn, int, dict[str, Any]]:
    fitted_on, n_fitted = content["fitted_on"], content["n_fitted"]
    parameters = content.get("parameters", {})  # none in maps of early versions
    if fitted_on not in get_args(FittedOn):
        raise ValueError(f"fitted on {fitted_on!r}")
    if not isinstance(n_fitted, int) or not isinstance(parameters, dict):
        raise TypeError("n_fitted or parameters are of another type")
    return fitted_on, n_fitted, parameters
