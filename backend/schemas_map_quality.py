"""The answer about how faithful a map is."""

from pydantic import BaseModel, ConfigDict, Field

from backend.schemas import IndexAnswer
from backend.schemas_maps import Stability
from backend.schemas_statistics import Interval


class QualityFigure(BaseModel):
    """A figure of a map, how sure it is, and what a map without meaning would have."""

    model_config = ConfigDict(from_attributes=True)

    value: float = Field(description="1 is the best.", examples=[0.91])
    interval: Interval | None = Field(description="95 %; null where it is exact.")
    chance: float = Field(description="Of a map whose points are shuffled.", examples=[0.5])


class Neighbourhoods(BaseModel):
    """Rank-based figures, each in [0, 1]."""

    model_config = ConfigDict(from_attributes=True)

    k: int = Field(description="Neighbours that make a neighbourhood.", examples=[15])
    n: int = Field(description="Images on the map.", examples=[35343])
    n_used: int = Field(
        description="Images whose neighbourhoods were looked at; neighbours and ranks are among all `n`.",
        examples=[2000],
    )
    exact: bool = Field(description="Whether all were.", examples=[False])
    trustworthiness: QualityFigure = Field(
        description="Near on the map is near by embedding (J. Venna and S. Kaski 2001)."
    )
    continuity: QualityFigure = Field(
        description="Near by embedding is near on the map (J. Venna and S. Kaski 2001)."
    )
    preservation: QualityFigure = Field(
        description="Share of the k nearest on the map that are among the k nearest by embedding."
    )


class DistanceCorrelation(BaseModel):
    """Correlation of distances on the map with those between embeddings, over pairs of images, in [-1, 1]."""

    model_config = ConfigDict(from_attributes=True)

    pairs: int = Field(description="Pairs looked at.", examples=[100000])
    exact: bool = Field(description="Whether these are all pairs.", examples=[False])
    spearman: QualityFigure | None = Field(
        description="Of ranks; null where all distances are equal, as for the other."
    )
    pearson: QualityFigure | None = Field(description="Of the distances themselves.")


class PointPreservation(BaseModel):
    """What the column `preservation` of the points holds, and its means."""

    model_config = ConfigDict(from_attributes=True)

    k: int = Field(description="Neighbours that make a neighbourhood.", examples=[15])
    references: int = Field(
        description="Images, drawn at random, among which the neighbours of every point are sought.",
        examples=[5000],
    )
    exact: bool = Field(description="Whether the references are all images.", examples=[False])
    chance: float = Field(description="Of a map whose points are shuffled.", examples=[0.003])
    mean: float = Field(description="Over all points.", examples=[0.21])
    by_dataset: dict[str, float] = Field(
        description="Over the points of each data set.", examples=[{"breastmnist": 0.17}]
    )


class MapQuality(IndexAnswer):
    """How faithful a map is to the embeddings."""

    model_config = ConfigDict(from_attributes=True)

    map: str = Field(examples=["pca"])
    metric: str = Field(description="Distance between embeddings.", examples=["euclidean"])
    seed: int = Field(description="Of what was drawn.", examples=[0])
    neighbourhoods: Neighbourhoods
    distances: DistanceCorrelation
    points: PointPreservation
    stability: Stability | None = Field(
        description="Null for maps without a seed, or where it was not measured."
    )
