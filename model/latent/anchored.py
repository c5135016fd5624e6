"""What maps share that place images by their neighbours: those of the fit are its anchors, new ones join them."""

import warnings
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, ClassVar, Generic, Protocol, Self, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from model.errors import VQScopeError
from model.latent.features import Features, Progress, Rows, selected
from model.latent.map_settings import MapSettings, parse_settings
from model.latent.neighbours import Metric, nearest
from model.latent.pca import PCAProjector, PCASettings

NEIGHBOURS = "finding neighbours"
"""First stage of a fit, as `Progress` is told it; the others are the method's own."""
_QUERIES = 2048


class AnchoredSettings(MapSettings, Protocol):
    """What the settings of all such methods have."""

    @property
    def metric(self) -> Metric:
        """Distance between embeddings."""


S = TypeVar("S", bound=AnchoredSettings)


@dataclass(frozen=True, eq=False)
class Anchors:
    """Images that a fit placed itself, not as `Projector.transform` would place them anew."""

    rows: Rows
    """(A,) rows of the index, ascending."""
    places: NDArray[np.float32]
    """(A, dimensions)"""

    @classmethod
    def restore(cls, tensors: Mapping[str, NDArray[Any]], n: int, dimensions: int) -> Self:
        """Undo `tensors` beside an index of ``n`` images.

        Raises:
            ValueError, KeyError: they are not anchors of it.
        """
        rows, places = tensors["rows"], tensors["places"]
        if rows.ndim != 1 or rows.dtype != np.int64 or places.shape != (len(rows), dimensions):
            raise ValueError(f"places {places.shape} do not fit rows {rows.shape}")
        if len(rows) < 2 or rows[0] < 0 or rows[-1] >= n or (np.diff(rows) < 1).any():
            raise ValueError("the rows are not those of this index")
        if places.dtype != np.float32 or not np.isfinite(places).all():
            raise ValueError("the places are no finite numbers")
        return cls(rows, places)

    def tensors(self) -> dict[str, NDArray[Any]]:
        """What must be stored of them."""
        return {"rows": self.rows, "places": self.places}


@dataclass(frozen=True, eq=False)
class AnchoredProjector(ABC, Generic[S]):
    """A `model.latent.projection.Projector` that places an image by its nearest anchors, found exactly."""

    method: ClassVar[str]
    settings_type: ClassVar[type[MapSettings]]
    axis_name: ClassVar[str]
    """What axes are called, before their number."""
    learns: ClassVar[bool] = True
    keeps_proportions: ClassVar[bool] = False
    explained_variance_ratio: ClassVar[None] = None

    settings: S
    anchors: Anchors
    embeddings: NDArray[np.float32]
    """(N, D) of the index, memory-mapped; the fit saw the rows of the anchors."""

    @classmethod
    def restore(
        cls, tensors: Mapping[str, NDArray[Any]], description: Mapping[str, Any], features: Features
    ) -> Self:
        """Undo `tensors` and `description`.

        Raises:
            ValueError, KeyError, TypeError: they are not those of such a map of this index.
        """
        settings = cast("S", parse_settings(cls.settings_type, cls.method, description["parameters"]))
        anchors = Anchors.restore(tensors, len(features), settings.dimensions)
        return cls(settings, anchors, features.embeddings, **cls._described(description))

    @classmethod
    def _described(cls, description: Mapping[str, Any]) -> dict[str, Any]:
        """The fields that a method has besides, undone from `description`."""
        return {}

    @property
    def dimensions(self) -> int:
        """Axes of the map."""
        return self.settings.dimensions

    @property
    def axis_labels(self) -> tuple[str, ...]:
        """Such as ``UMAP 1``."""
        return tuple(f"{self.axis_name} {i}" for i in range(1, self.dimensions + 1))

    def tensors(self) -> dict[str, NDArray[Any]]:
        """What must be stored of it as arrays."""
        return self.anchors.tensors()

    def description(self) -> dict[str, Any]:
        """What must be stored of it as JSON."""
        return {}

    def transform(self, features: Features) -> NDArray[np.float32]:
        """N images -> (N, dimensions), each as the method's package places it alone.

        Raises:
            VQScopeError: the package is not installed.
        """
        bank = selected(self.embeddings, self.anchors.rows)
        placed = np.empty((len(features), self.dimensions), np.float32)
        for start in range(0, len(features), _QUERIES):
            part = slice(start, start + _QUERIES)
            rows, distances = nearest(
                bank, features.embeddings[part], k=self._ties(), metric=self.settings.metric
            )
            placed[part] = self._place(rows, distances)
        return placed

    @abstractmethod
    def _ties(self) -> int:
        """Anchors that place a new image."""

    @abstractmethod
    def _place(self, rows: NDArray[np.int64], distances: NDArray[np.float32]) -> NDArray[np.float32]:
        """(Q, k) neighbours among the anchors and their distances -> (Q, dimensions)."""


def neighbours_of_all(
    embeddings: NDArray[np.float32], k: int, metric: Metric, progress: Progress, *, itself: bool
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Rows and distances (n, k) of the nearest of each of n images, with or without the image itself."""
    rows = np.empty((len(embeddings), k), np.int64)
    distances = np.empty(rows.shape, np.float32)
    for start in range(0, len(rows), _QUERIES):
        stop = min(start + _QUERIES, len(rows))
        own = None if itself else np.arange(start, stop)
        rows[start:stop], distances[start:stop] = nearest(
            embeddings, embeddings[start:stop], k=k, metric=metric, exclude=own
        )
        progress(NEIGHBOURS, stop / len(rows))
    return rows, distances


def principal_start(embeddings: NDArray[np.float32], dimensions: int) -> NDArray[np.float64]:
    """(n, dimensions) principal components for a fit to begin from."""
    features = Features(embeddings)
    fitted = PCAProjector.fit(features, np.arange(len(embeddings)), PCASettings(dimensions=dimensions))
    return fitted.transform(features)


def optional_package(module: str, method: str, package: str) -> Any:  # noqa: ANN401 - an untyped module
    """Import what only one method needs.

    Raises:
        VQScopeError: it is not installed.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # such as that tensorflow is absent
            return import_module(module)
    except ImportError as error:
        raise VQScopeError(f"the map {method} needs {package}: pip install {package}") from error
