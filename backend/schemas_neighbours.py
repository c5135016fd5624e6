"""The answer about an image's nearest images."""

from pydantic import BaseModel, Field

from backend.schemas import IndexAnswer, Neighbour
from backend.searching import SearchKind


class Agreement(BaseModel):
    """How many of the neighbours share something with the image, and how many would by chance."""

    n: int = Field(description="Neighbours looked at.", examples=[10])
    count: int = Field(description="Of them, those that share it.", examples=[9])
    share: float = Field(description="Of the neighbours, in [0, 1].", examples=[0.9])
    expected: float = Field(
        description="Share of all other images (of the index, or of the data set) that share it: what neighbours "
        "drawn from them at random would give.",
        examples=[0.021],
    )


class Neighbours(IndexAnswer):
    """The images of the index that lie nearest to one of them, the image itself left out."""

    metric: str = Field(examples=["cosine"])
    search: SearchKind = Field(description="How it was searched.", examples=["exact"])
    recall: float = Field(
        description="Share of the exact ten nearest that this search finds, as measured on images of this index when "
        "approximate search was prepared; 1 for exact search.",
        examples=[1.0],
    )
    items: list[Neighbour] = Field(description="Nearest first, in the space of embeddings.")
    same_dataset: Agreement = Field(description="Of the same data set.")
    same_label: Agreement = Field(
        description="Of the same data set and label; in a multi-label data set with at least one class in common, or "
        "without any class like the image."
    )
    same_label_within: Agreement = Field(
        description="Of the neighbours of the same data set, those of the same label, beside what chance would give "
        "within that data set: that neighbours are of one data set makes labels agree, too."
    )
