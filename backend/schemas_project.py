"""The shape of answers about where uploaded images lie on a map."""

from pydantic import Field

from backend.schemas import FailedItem, IndexAnswer, PlacedNeighbour, Uploaded
from backend.schemas_statistics import Unusual


class ProjectItem(Uploaded):
    """An uploaded image's place on a map and its nearest images in the index."""

    x: float = Field(examples=[0.71])
    y: float = Field(examples=[-1.32])
    z: float | None = Field(default=None, description="On a map of three dimensions.")
    neighbours: list[PlacedNeighbour] = Field(description="Nearest first, in the space of embeddings.")
    inside: list[str] = Field(
        description="Data sets whose ellipse, of the kind and level asked for, contains the place.",
        examples=[["breastmnist"]],
    )
    outlier: Unusual | None = Field(
        None,
        description="How unusual it is among held-out images, as `/v1/outliers` says; null unless asked for.",
    )


class Projected(IndexAnswer):
    """Results in the order of the images."""

    map: str = Field(examples=["pca"])
    items: list[ProjectItem | FailedItem]
