"""The columns of the images of an index."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from backend.schemas import IndexAnswer


class ColumnValue(BaseModel):
    """A value of a categorical column."""

    model_config = ConfigDict(from_attributes=True)

    name: str = Field(description="Of a label: `DATA SET / LABEL`.", examples=["breastmnist / malignant"])
    count: int = Field(description="Images that have it.", examples=[210])
    dataset: str | None = Field(description="Of a label: its data set.", examples=["breastmnist"])
    label: int | None = Field(description="Of a label: its number.", examples=[0])


class ColumnItem(BaseModel):
    """A column, which `/v1/columns/{name}` gives in full."""

    name: str = Field(examples=["psnr"])
    title: str = Field(examples=["Reconstruction PSNR"])
    kind: Literal["numeric", "categorical"] = Field(examples=["numeric"])
    metadata: bool = Field(description="Whether it came with a data set, beside its images.")
    unit: str | None = Field(description="Null: none, or not known.", examples=["dB"])
    n_missing: int = Field(description="Images of which it is not known.", examples=[0])
    limits: tuple[float, float] | None = Field(
        description="Smallest and largest number.", examples=[(14.2, 48.0)]
    )
    robust_limits: tuple[float, float] | None = Field(
        description="Percentiles 2 and 98.", examples=[(21.0, 39.5)]
    )
    n_values: int = Field(description="Different values of a categorical column.", examples=[5])
    values: list[ColumnValue] = Field(
        description="Those of a categorical column, most numerous first, at most 1000; a place here is a number there."
    )


class Columns(IndexAnswer):
    """The columns of the index."""

    n: int = Field(description="Images of the index, which are the rows.", examples=[35343])
    items: list[ColumnItem]
