"""UMAP: a map that keeps neighbours together; distances and densities between groups mean little on it."""

import threading
import warnings
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from tqdm import tqdm

from model.latent.anchored import (
    AnchoredProjector,
    Anchors,
    neighbours_of_all,
    optional_package,
    principal_start,
)
from model.latent.errors import SettingError
from model.latent.features import Features, Progress, Rows, silent
from model.latent.map_settings import SEED_MAX, MapSettings, check_ranges, drawn, option
from model.latent.neighbours import Metric

_EPOCHS = 100
"""What umap-learn spends on placing new images."""
_LEARNING_RATE = 0.25
"""A quarter of that of its fit, as in umap-learn."""
_TRANSFORM_SEED = 42
"""umap-learn's own default; not the seed of the fit."""
_INT32 = 2**31 - 1
_ONE_AT_A_TIME = threading.Lock()
"""numba's simplest threading layer ends the process when two threads enter its parallel functions."""


@dataclass(frozen=True, kw_only=True)
class UMAPSettings:
    """Parameters of a UMAP."""

    dimensions: int = option(2, "axes of the map, 2 or 3", within=(2, 3))
    n_neighbors: int = option(
        15, "neighbours that an image is tied to: few show detail, many the whole", within=(2, 500)
    )
    min_dist: float = option(0.1, "how close images may lie on the map, 0 to 1", within=(0, 1))
    metric: Metric = option("cosine", "distance between embeddings")
    seed: int = option(
        0, "of the fit; the same one gives the same map on the same machine", within=(0, SEED_MAX)
    )
    max_fitted: int = option(
        50_000,
        "most training images to fit to; of more a uniform draw, the rest are placed as new images",
        within=(100, 1_000_000),
    )

    def __post_init__(self) -> None:
        check_ranges(self)


@dataclass(frozen=True, eq=False)
class UMAPProjector(AnchoredProjector[UMAPSettings]):
    """Uniform manifold approximation and projection (L. McInnes, J. Healy, J. Melville 2018, 1802.03426).

    umap-learn does the fit, with one thread, from exact neighbours and from principal components (which keep more of
    the whole, D. Kobak, G. C. Linderman 2021, and are there where groups are not tied together), so that a seed
    gives one map. A new image
    is placed as umap-learn's ``transform`` places it when it comes alone: its neighbours among the images of the
    fit are found exactly, it starts between them, and moves while they stay. Neither depends on a search tree
    that would have to be stored, so all that is stored are rows of the index, their places and two numbers.
    """

    method: ClassVar[str] = "umap"
    settings_type: ClassVar[type[MapSettings]] = UMAPSettings
    axis_name: ClassVar[str] = "UMAP"

    curve: tuple[float, float]
    """a and b of the similarity 1 / (1 + a d^2b) of two images at distance d on the map."""

    @classmethod
    def fit(
        cls, features: Features, rows: Rows, settings: UMAPSettings | None = None, progress: Progress = silent
    ) -> "UMAPProjector":
        """Fit to at most ``max_fitted`` of some rows.

        Raises:
            SettingError: too few rows.
            VQScopeError: umap-learn is not installed.
        """
        settings = settings or UMAPSettings()
        rows = drawn(rows, settings.max_fitted, settings.seed)
        if len(rows) <= settings.n_neighbors:
            raise SettingError(
                f"umap with n_neighbors {settings.n_neighbors} needs more than as many training images; "
                f"this index has {len(rows)}"
            )
        umap_learn = _umap_learn()
        embeddings = np.asarray(features.embeddings[rows])
        near, distances = neighbours_of_all(
            embeddings, settings.n_neighbors, settings.metric, progress, itself=True
        )
        progress("umap", 0.0)
        fitted = umap_learn.UMAP(
            n_neighbors=settings.n_neighbors,
            n_components=settings.dimensions,
            min_dist=settings.min_dist,
            metric=settings.metric,
            init=_start(embeddings, settings),
            random_state=settings.seed,
            n_jobs=1,
            precomputed_knn=(near.astype(np.int32), distances),
            tqdm_kwds={
                "disable": False,
                "leave": False,
                "file": _Epochs(progress),
                "bar_format": "{n_fmt}/{total_fmt} ",
            },
        )
        with warnings.catch_warnings():
            # That its own transform is not to be had from given neighbours.
            warnings.simplefilter("ignore", UserWarning)
            with _ONE_AT_A_TIME:
                fitted.fit(embeddings)
        places = np.ascontiguousarray(fitted.embedding_, np.float32)
        curve = float(fitted._a), float(fitted._b)
        return cls(settings, Anchors(rows, places), features.embeddings, curve)

    @classmethod
    def _described(cls, description: Mapping[str, Any]) -> dict[str, Any]:
        a, b = (float(value) for value in description["curve"])
        return {"curve": (a, b)}

    def description(self) -> dict[str, Any]:
        """What must be stored of it as JSON."""
        return {"curve": list(self.curve)}

    def _ties(self) -> int:
        return self.settings.n_neighbors

    def _place(self, rows: NDArray[np.int64], distances: NDArray[np.float32]) -> NDArray[np.float32]:
        _umap_learn()
        from umap.layouts import optimize_layout_euclidean
        from umap.umap_ import compute_membership_strengths, init_graph_transform, smooth_knn_dist

        anchors = self.anchors.places
        with _ONE_AT_A_TIME:
            sigmas, rhos = smooth_knn_dist(distances, float(rows.shape[1]), local_connectivity=0.0)
            heads, tails, weights, _ = compute_membership_strengths(
                rows.astype(np.int32), distances, sigmas, rhos, bipartite=True
            )
            graph = sparse.csr_matrix((weights, (heads, tails)), shape=(len(rows), len(anchors)))
            graph.eliminate_zeros()
            start = init_graph_transform(graph, anchors)
            # Of each image's ties, by its own strongest: umap-learn takes the strongest of all that come together.
            share = weights / weights.reshape(rows.shape).max(axis=1)[heads]
            kept = share >= np.float32(1 / _EPOCHS)
            epochs_per_sample = _EPOCHS / (_EPOCHS * share[kept]).astype(np.float64)
            state = np.random.RandomState(_TRANSFORM_SEED).randint(-_INT32, _INT32 - 1, 3)
            placed = optimize_layout_euclidean(
                start,
                anchors.copy(),
                heads[kept],
                tails[kept],
                _EPOCHS,
                len(anchors),
                epochs_per_sample,
                *self.curve,
                state.astype(np.int64),
                initial_alpha=_LEARNING_RATE,
            )
        return np.asarray(placed, np.float32)


def _start(embeddings: NDArray[np.float32], settings: UMAPSettings) -> NDArray[np.float32]:
    """Principal components, and apart even where embeddings are equal; umap-learn brings them to its own scale."""
    start = principal_start(embeddings, settings.dimensions)
    start += np.random.default_rng(settings.seed).normal(0, max(1e-5 * float(start.std()), 1e-9), start.shape)
    return start.astype(np.float32)


class _Epochs:
    """The file that umap-learn's bar writes to: reads from it how far the fit has come."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress

    def write(self, text: str) -> int:
        done, found, total = text.strip().partition("/")
        if found and done.isdecimal() and total.isdecimal() and int(total):
            try:
                self._progress("umap", int(done) / int(total))
            except BaseException:
                # tqdm holds a lock of all its bars while it writes, and keeps it on an error: none would move again.
                tqdm.get_lock().release()  # type: ignore[no-untyped-call]
                raise
        return len(text)

    def flush(self) -> None:
        """Nothing is held back."""


def _umap_learn() -> Any:  # noqa: ANN401 - an untyped module
    package = optional_package("umap", "umap", "umap-learn")
    from umap import layouts, umap_, utils

    # Most of it umap-learn compiles anew in every process, for ten seconds and more; numba can keep it on the disk.
    for module in (umap_, layouts, utils):
        for function in vars(module).values():
            if hasattr(function, "enable_caching"):
                with suppress(RuntimeError):  # there is no folder that may be written to
                    function.enable_caching()
    return package
