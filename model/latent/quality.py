"""The figures of a map's quality, as they are computed, stored and served."""

from dataclasses import dataclass

from model.latent.neighbours import Metric

Interval = tuple[float, float]


@dataclass(frozen=True)
class Figure:
    """A figure with how sure it is."""

    value: float
    interval: Interval | None
    """95 %, of the sampling alone; None where nothing was sampled."""
    chance: float
    """What a map with all points shuffled gives, in the mean."""


@dataclass(frozen=True)
class Neighbourhoods:
    """Rank-based figures of a map, each in [0, 1], 1 the best."""

    k: int
    """Neighbours that make a neighbourhood."""
    n: int
    """Images on the map."""
    n_used: int
    """Images whose neighbourhoods were looked at. The neighbours themselves, and their ranks, are always those
    among all ``n``."""
    exact: bool
    """Whether all were."""
    trustworthiness: Figure
    """Near on the map is near in truth: 1 less what false neighbours weigh, by how far off they are."""
    continuity: Figure
    """Near in truth is near on the map: the same with the spaces exchanged, lost neighbours instead of false."""
    preservation: Figure
    """Share of the k nearest on the map that are among the k nearest embeddings."""


@dataclass(frozen=True)
class DistanceCorrelation:
    """Correlation of distances over pairs of images, each in [-1, 1]; None where all distances are equal."""

    pairs: int
    """Pairs looked at."""
    exact: bool
    """Whether these are all pairs."""
    spearman: Figure | None
    """Of the ranks of the distances: whether farther is farther."""
    pearson: Figure | None
    """Of the distances: whether twice as far is twice as far."""


@dataclass(frozen=True)
class PointPreservation:
    """What the figures of the points are, and their means."""

    k: int
    """Neighbours that make a neighbourhood."""
    references: int
    """Images among which neighbours are sought."""
    exact: bool
    """Whether the references are all images. If not, each stands for N / ``references`` of them: a point's figure is
    about its k N / ``references`` nearest images, seen through k of them."""
    chance: float
    """Mean over the points of what a shuffled map gives: k out of the references other than the point itself."""
    mean: float
    """Over all points."""
    by_dataset: dict[str, float]
    """Mean over the points of each data set."""


@dataclass(frozen=True)
class Stability:
    """Procrustes disparities between all pairs of some fits: 0 the same map, 1 nothing in common."""

    fits: int
    n: int
    """Images that the map was fitted to."""
    n_used: int
    """Images that each of the fits was given."""
    exact: bool
    """Whether these are all; if not, the fits are maps of a draw of them, and speak of the map by analogy."""
    disparities: tuple[float, ...]
    """In [0, 1], of each pair: first and second, first and third, …, second and third, …"""
    mean: float
    largest: float


@dataclass(frozen=True)
class MapQuality:
    """All that is known of how good a map is."""

    metric: Metric
    """Of the embeddings."""
    seed: int
    """Of what was drawn."""
    neighbourhoods: Neighbourhoods
    distances: DistanceCorrelation
    points: PointPreservation
    stability: Stability | None
    """None of a map that has no seed, or where this was not measured."""
