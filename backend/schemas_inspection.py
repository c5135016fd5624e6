"""What is asked of one image of the index at a closer look: its cells, and how unusual it is."""

from pydantic import BaseModel, Field

from backend.schemas import IndexAnswer
from backend.schemas_statistics import OutlierVerdict


class Cell(BaseModel):
    """A cell of an image's code grid."""

    row: int = Field(description="From 0, from the top.", examples=[3])
    column: int = Field(description="From 0, from the left.", examples=[2])
    code: int = Field(description="As the index has it.", examples=[17])
    distance: float = Field(
        description="Squared distance from the cell's latent to the nearest code's vector.", examples=[0.02]
    )
    second: int | None = Field(description="Second nearest code; null for a codebook of one.", examples=[402])
    second_distance: float | None = Field(description="Squared distance to it.", examples=[0.05])
    margin: float | None = Field(
        description="Of the squared distances: second less nearest; 0 is a tie.", examples=[0.03]
    )


class Cells(IndexAnswer):
    """The cells of an image, row by row."""

    items: list[Cell]


class OutlierStanding(IndexAnswer):
    """How unusual a test image of the index is among held-out images of validation."""

    overall: OutlierVerdict = Field(description="Against all held-out images, by the data set it fits best.")
    own: OutlierVerdict | None = Field(
        description="Against those of its own data set; null where it cannot be judged against."
    )
    most_like: str = Field(description="Data set that the image fits best.", examples=["pneumoniamnist"])
