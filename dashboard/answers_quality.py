"""What the service says of how faithful a map is, as values of our own."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

Json = Mapping[str, Any]


@dataclass(frozen=True)
class QualityFigure:
    """A figure of a map (1 is the best), its 95 % interval (None: exact), and that of the map with shuffled points."""

    value: float
    interval: tuple[float, float] | None
    chance: float

    @classmethod
    def of(cls, item: Json) -> Self:
        """From a figure of /v1/maps/{map}/quality."""
        interval = item["interval"]
        limits = None if interval is None else (float(interval[0]), float(interval[1]))
        return cls(float(item["value"]), limits, float(item["chance"]))


@dataclass(frozen=True, kw_only=True)
class Seeds:
    """How far fits that differ in their seed alone are apart: Procrustes disparities, 0 the same map."""

    fits: int
    n: int
    """Images that the map was fitted to."""
    n_used: int
    """Images that each of the fits was given."""
    mean: float
    largest: float

    @classmethod
    def of(cls, item: Json) -> Self:
        """From the stability of /v1/maps/{map}/quality."""
        return cls(
            fits=int(item["fits"]),
            n=int(item["n"]),
            n_used=int(item["n_used"]),
            mean=float(item["mean"]),
            largest=float(item["largest"]),
        )


@dataclass(frozen=True, kw_only=True)
class MapQuality:
    """How faithful a map is to the embeddings."""

    map: str
    metric: str
    """Of the embeddings."""
    k: int
    """Neighbours that make a neighbourhood."""
    n: int
    n_used: int
    """Images of the n whose neighbourhoods were looked at."""
    trustworthiness: QualityFigure
    continuity: QualityFigure
    preservation: QualityFigure
    spearman: QualityFigure | None
    """Correlation of the ranks of distances; None where all distances are equal."""
    pairs: int
    """Pairs of images whose distances were looked at."""
    all_pairs: bool
    """Whether these are all."""
    references: int
    """Images among which the neighbours of each single point were sought."""
    point_chance: float
    point_mean: float
    """Of the preservation of single points."""
    seeds: Seeds | None
    """None where it was not measured."""

    @classmethod
    def of(cls, body: Json) -> Self:
        """From the answer of /v1/maps/{map}/quality."""
        ranks, points = body["neighbourhoods"], body["points"]
        distances, stability = body["distances"], body["stability"]
        spearman = distances["spearman"]
        return cls(
            map=str(body["map"]),
            metric=str(body["metric"]),
            k=int(ranks["k"]),
            n=int(ranks["n"]),
            n_used=int(ranks["n_used"]),
            trustworthiness=QualityFigure.of(ranks["trustworthiness"]),
            continuity=QualityFigure.of(ranks["continuity"]),
            preservation=QualityFigure.of(ranks["preservation"]),
            spearman=None if spearman is None else QualityFigure.of(spearman),
            pairs=int(distances["pairs"]),
            all_pairs=bool(distances["exact"]),
            references=int(points["references"]),
            point_chance=float(points["chance"]),
            point_mean=float(points["mean"]),
            seeds=None if stability is None else Seeds.of(stability),
        )
