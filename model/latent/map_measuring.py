"""Measuring a map of an index: all its figures of quality, exact or estimated as its size allows."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import numpy as np
from numpy.typing import NDArray

from model.latent.distance_correlation import distance_correlation
from model.latent.errors import SettingError
from model.latent.features import Features
from model.latent.manifest import Block
from model.latent.map_quality import Progress, Vectors, neighbourhoods
from model.latent.map_settings import fits_to_compare
from model.latent.map_stability import stability_over_seeds
from model.latent.neighbours import Metric
from model.latent.point_preservation import point_preservation, summary
from model.latent.projection import method_class, open_map
from model.latent.quality import MapQuality, Stability
from model.latent.quality_store import write_quality
from model.latent.sampling import draw

if TYPE_CHECKING:
    from model.latent.index import LatentIndex


@dataclass(frozen=True, kw_only=True)
class QualitySettings:
    """How the quality of a map is measured."""

    k: int = 15
    """Neighbours that make a neighbourhood."""
    metric: Metric = "euclidean"
    """Of the embeddings; that which the map was fitted by."""
    sample: int = 2000
    """Images whose neighbourhoods make trustworthiness, continuity and preservation; with no more than so many in
    the index, the figures are exact."""
    references: int = 5000
    """Images among which each point's neighbours are sought."""
    pairs: int = 100_000
    """Pairs of images whose distances are correlated."""
    seed: int = 0
    """Of all that is drawn."""

    def __post_init__(self) -> None:
        if self.metric not in get_args(Metric):
            raise SettingError(
                f"there is no metric {self.metric!r}; choose one of {', '.join(get_args(Metric))}"
            )
        for name, least in (
            ("k", 1),
            ("sample", 100),
            ("references", 2 * self.k + 1),
            ("pairs", 1000),
            ("seed", 0),
        ):
            if getattr(self, name) < least:
                raise SettingError(f"{name} must be at least {least}, not {getattr(self, name)}")


def measure(
    embeddings: Vectors,
    coordinates: Vectors,
    blocks: Sequence[Block],
    settings: QualitySettings | None = None,
    *,
    stability: Stability | None = None,
    progress: Progress | None = None,
) -> tuple[MapQuality, NDArray[np.float32]]:
    """Measure a map; images are drawn from every split of every data set in proportion.

    Args:
        embeddings: (N, D), may be memory-mapped.
        coordinates: (N, 2 or 3) of the map.
        blocks: of the index.
        settings: how; default: `QualitySettings`.
        stability: what is known of it.
        progress: see `model.latent.map_quality.Progress`.

    Returns:
        The figures, and the preservation of each point, (N,) in [0, 1].

    Raises:
        SettingError: the map has too few points for this k, or is not finite.
    """
    settings = settings or QualitySettings()
    sizes = [block.count for block in blocks]
    ranks = neighbourhoods(
        embeddings,
        coordinates,
        k=settings.k,
        metric=settings.metric,
        sample=draw(sizes, settings.sample, seed=settings.seed),
        progress=progress,
    )
    references = draw(sizes, settings.references, seed=settings.seed + 1)
    preserved = point_preservation(
        embeddings, coordinates, references, k=settings.k, metric=settings.metric, progress=progress
    )
    rows: dict[str, NDArray[np.int64]] = {}
    for block in blocks:
        before = rows.get(block.dataset, np.empty(0, np.int64))
        rows[block.dataset] = np.concatenate([before, np.arange(block.start, block.stop)])
    return MapQuality(
        metric=settings.metric,
        seed=settings.seed,
        neighbourhoods=ranks,
        distances=distance_correlation(
            embeddings, coordinates, pairs=settings.pairs, metric=settings.metric, seed=settings.seed
        ),
        points=summary(preserved, references, rows, settings.k),
        stability=stability,
    ), preserved


def measure_new_map(
    folder: Path,
    features: Features,
    blocks: Sequence[Block],
    settings: QualitySettings | None = None,
    *,
    fits: int = 0,
    progress: Progress | None = None,
) -> None:
    """Measure the map that was just written to a folder; one of too few points is left without quality.

    Args:
        folder: of the map, whose index is not open yet.
        features: N images; embeddings may be memory-mapped.
        blocks: of the index.
        settings: how; default: `QualitySettings`.
        fits: to compare for its stability, see `stability_over_seeds`; 0: it is not measured.
        progress: see `model.latent.map_quality.Progress`.
    """
    settings = settings or QualitySettings()
    if len(features) <= 2 * settings.k:
        return
    chart = open_map(folder, features)
    stability = stability_over_seeds(chart, features, fits, progress=progress) if fits else None
    write_quality(
        folder,
        *measure(
            features.embeddings,
            chart.coordinates,
            blocks,
            settings,
            stability=stability,
            progress=progress,
        ),
    )


def measure_map(
    index: "LatentIndex",
    name: str,
    settings: QualitySettings | None = None,
    *,
    fits: int | None = None,
    progress: Progress | None = None,
) -> MapQuality:
    """Measure a map of an index and store the figures beside it, where the next opening of the index finds them.

    Args:
        index: its folder must be writable.
        name: of the map.
        settings: how; default: `QualitySettings`.
        fits: to compare for its stability, see `stability_over_seeds`; 0: it is not measured; None: what was
            measured before stays, as no setting changes it.
        progress: see `model.latent.map_quality.Progress`.

    Raises:
        MapNotFound: there is no such map.
        SettingError: see `measure`, or fits of a method that has no seed.
    """
    chart = index.map(name)
    stability = chart.quality.stability if chart.quality else None
    if fits is not None:
        fits = fits_to_compare(method_class(chart.method).settings_type, chart.method, fits)
        features = Features(index.embeddings, index.codes)
        stability = stability_over_seeds(chart, features, fits, progress=progress) if fits else None
    quality, preserved = measure(
        index.embeddings, chart.coordinates, index.blocks, settings, stability=stability, progress=progress
    )
    write_quality(Path(index.path) / "maps" / name, quality, preserved)
    return quality
