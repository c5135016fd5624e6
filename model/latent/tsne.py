"""t-SNE: a map that keeps close neighbours together; sizes of groups and gaps between them mean nothing on it."""

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

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

_EXAGGERATED, _PLAIN = 250, 500
"""Iterations of the two phases of a fit: openTSNE's defaults, as are all figures below."""
_NEW_PERPLEXITY, _NEW_ITERATIONS = 5, 250
_NEW = {
    "learning_rate": 0.1,
    "exaggeration": 1.5,
    "momentum": 0.8,
    "max_grad_norm": 0.25,
    "max_step_norm": None,
}


@dataclass(frozen=True, kw_only=True)
class TSNESettings:
    """Parameters of a t-SNE."""

    dimensions: int = option(
        2, "axes of the map, 2 or 3; with 3 the fit takes several times as long", within=(2, 3)
    )
    perplexity: float = option(30.0, "effective number of neighbours of an image, 5 to 100", within=(5, 100))
    metric: Metric = option("cosine", "distance between embeddings")
    seed: int = option(
        0, "of the fit; the same one gives the same map on the same machine", within=(0, SEED_MAX)
    )
    max_fitted: int = option(
        50_000,
        "most training images to fit to; of more a uniform draw, the rest are placed as new images",
        within=(400, 1_000_000),
    )

    def __post_init__(self) -> None:
        check_ranges(self)


@dataclass(frozen=True, eq=False)
class TSNEProjector(AnchoredProjector[TSNESettings]):
    """t-distributed stochastic neighbour embedding (L. van der Maaten, G. Hinton 2008).

    openTSNE (P. G. Poličar, M. Stražar, B. Zupan 2019) does the fit, with one thread, from exact neighbours and
    from principal components (D. Kobak, P. Berens 2019), so that a seed gives one map. A new image is placed as by
    openTSNE's ``transform``: pulled by its neighbours among the images of the fit, which stay, and pushed by all
    of them; other new images do not matter to it.
    """

    method: ClassVar[str] = "tsne"
    settings_type: ClassVar[type[MapSettings]] = TSNESettings
    axis_name: ClassVar[str] = "t-SNE"

    @classmethod
    def fit(
        cls, features: Features, rows: Rows, settings: TSNESettings | None = None, progress: Progress = silent
    ) -> "TSNEProjector":
        """Fit to at most ``max_fitted`` of some rows.

        Raises:
            SettingError: too few rows.
            VQScopeError: openTSNE is not installed.
        """
        settings = settings or TSNESettings()
        rows = drawn(rows, settings.max_fitted, settings.seed)
        tied = int(3 * settings.perplexity)
        if len(rows) <= tied + 1:
            raise SettingError(
                f"tsne with perplexity {settings.perplexity:g} needs more than {tied + 1} training images; "
                f"this index has {len(rows)}"
            )
        opentsne = _opentsne()
        from openTSNE.affinity import PerplexityBasedNN
        from openTSNE.nearest_neighbors import PrecomputedNeighbors

        embeddings = np.asarray(features.embeddings[rows])
        near, distances = neighbours_of_all(embeddings, tied, settings.metric, progress, itself=False)
        ties = PrecomputedNeighbors(near, distances.astype(np.float64))
        affinities = PerplexityBasedNN(perplexity=settings.perplexity, knn_index=ties, n_jobs=1)
        fit = opentsne.TSNE(
            n_components=settings.dimensions,
            negative_gradient_method=_gradient(settings, len(rows)),
            early_exaggeration_iter=_EXAGGERATED,
            n_iter=_PLAIN,
            random_state=settings.seed,
            n_jobs=1,
        )
        layout = fit.prepare_initial(affinities=affinities, initialization=_start(embeddings, settings))
        watch = {"use_callbacks": True, "callbacks_every_iters": 10}
        phases = (
            (0, _EXAGGERATED, {"exaggeration": fit.early_exaggeration, "momentum": fit.initial_momentum}),
            (_EXAGGERATED, _PLAIN, {"exaggeration": fit.exaggeration, "momentum": fit.final_momentum}),
        )
        for before, iterations, how in phases:
            tell = _Iterations(progress, before)
            layout.optimize(
                iterations, inplace=True, propagate_exception=True, callbacks=tell, **how, **watch
            )
        places = np.ascontiguousarray(layout, np.float32)
        return cls(settings, Anchors(rows, places), features.embeddings)

    def _ties(self) -> int:
        return 3 * _NEW_PERPLEXITY

    def _place(self, rows: NDArray[np.int64], distances: NDArray[np.float32]) -> NDArray[np.float32]:
        opentsne = _opentsne()
        from openTSNE.affinity import joint_probabilities_nn

        places = self.anchors.places
        ties = joint_probabilities_nn(
            rows,
            distances,
            [_NEW_PERPLEXITY],
            symmetrize=False,
            normalization="point-wise",
            n_reference_samples=len(places),
            n_jobs=1,
        )
        # Of the affinities of the fit only their number is asked.
        fixed = opentsne.TSNEEmbedding(places, SimpleNamespace(P=places), n_jobs=1)
        gradient = "bh"
        if self.dimensions == 2:  # by a grid over the fixed places alone, which is laid once
            gradient = "fft"
            fixed.prepare_interpolation_grid()
        shift = np.asarray(fixed)[0] - places[0]  # openTSNE centres them
        start = np.median(places[rows], axis=1) + shift
        layout = opentsne.tsne.PartialTSNEEmbedding(start, fixed, ties)
        layout.optimize(_NEW_ITERATIONS, inplace=True, negative_gradient_method=gradient, n_jobs=1, **_NEW)
        return np.asarray(np.asarray(layout) - shift, np.float32)


def _gradient(settings: TSNESettings, n: int) -> str:
    """The quicker approximation; interpolation is there for two dimensions alone."""
    return "fft" if settings.dimensions == 2 and n > 10_000 else "bh"


def _start(embeddings: NDArray[np.float32], settings: TSNESettings) -> NDArray[np.float64]:
    """Principal components, small, and apart even where embeddings are equal."""
    start = principal_start(embeddings, settings.dimensions)
    start /= max(float(start[:, 0].std()), 1e-12) / 1e-4
    return start + np.random.default_rng(settings.seed).normal(0, 1e-6, start.shape)


@dataclass(frozen=True)
class _Iterations:
    """Callback of openTSNE: tells how far the fit has come."""

    progress: Progress
    before: int

    def __call__(self, iteration: int, error: float, layout: NDArray[np.float64]) -> bool:
        self.progress("t-sne", (self.before + iteration) / (_EXAGGERATED + _PLAIN))
        return False


def _opentsne() -> Any:  # noqa: ANN401 - an untyped module
    return optional_package("openTSNE", "tsne", "openTSNE")
