"""A polygon on a map, and what it selects."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from backend.schemas import IndexAnswer, SampleItem
from model.data.npz import Split
from model.latent.polygon import LARGEST

Name = Annotated[str, Field(max_length=200)]
Coordinate = Annotated[float, Field(allow_inf_nan=False, ge=-LARGEST, le=LARGEST)]


class RowCondition(BaseModel):
    """What a column must be."""

    model_config = ConfigDict(extra="forbid")

    column: str = Field(max_length=64, examples=["psnr"])
    min: float | None = Field(
        None, allow_inf_nan=False, description="Of numbers: at least this.", examples=[None]
    )
    max: float | None = Field(
        None, allow_inf_nan=False, description="Of numbers: at most this.", examples=[25.0]
    )
    contains: str | None = Field(
        None, max_length=200, description="Of text: somewhere in it, in capitals or not.", examples=[None]
    )


class LeftOut(BaseModel):
    """Labels of a data set whose images are not meant."""

    model_config = ConfigDict(extra="forbid")

    dataset: Name = Field(examples=["breastmnist"])
    labels: list[int] = Field(
        min_length=1,
        max_length=1000,
        description="Where an image may have several, it is left out if all that it has are among them; "
        "-1 leaves out those that have none.",
        examples=[[0]],
    )


class PolygonRequest(BaseModel):
    """Which images are meant."""

    model_config = ConfigDict(extra="forbid")

    map: str = Field("pca", max_length=200, description="Name of a map of the index.", examples=["pca"])
    polygon: list[tuple[Coordinate, Coordinate]] = Field(
        min_length=3,
        max_length=2000,
        description="Vertices in the map's units; the last is joined to the first. By the even-odd rule.",
        examples=[[(-20.0, -20.0), (20.0, -20.0), (0.0, 20.0)]],
    )
    datasets: list[Name] = Field(
        [], max_length=1000, description="Only these data sets; none: all.", examples=[[]]
    )
    splits: list[Split] = Field([], max_length=3, description="Only these splits; none: all.", examples=[[]])
    without: list[LeftOut] = Field(
        [],
        max_length=1000,
        description="Leave out images all of whose labels are these: from the selection, from what it is compared "
        "with, and these labels from the composition.",
        examples=[[]],
    )
    where: list[RowCondition] = Field(
        [],
        max_length=16,
        description="Of those inside only images for which all these hold.",
        examples=[[{"column": "psnr", "max": 25.0}]],
    )


class SelectionRequest(PolygonRequest):
    """What to select."""

    codes: int = Field(
        0, ge=0, le=100, description="How many enriched codes to give at most; 0: none.", examples=[5]
    )
    offset: int = Field(0, ge=0, le=2**31 - 1, description="Of the page of images.", examples=[0])
    limit: int = Field(24, ge=0, le=200, description="Images on the page.", examples=[24])


class RowsRequest(PolygonRequest):
    """Which rows to list, in which order."""

    sort: str | None = Field(
        None, max_length=64, description="A column; null: the order of the index.", examples=["psnr"]
    )
    order: Literal["asc", "desc"] = Field("asc", description="Missing values come last in both.")
    offset: int = Field(0, ge=0, le=2**31 - 1, description="Of a JSON answer.", examples=[0])
    limit: int = Field(100, ge=0, le=500, description="Rows of a JSON answer.", examples=[100])


class Rows(IndexAnswer):
    """A page of the rows."""

    map: str = Field(examples=["pca"])
    n: int = Field(description="Images in the polygon.", examples=[50])
    total: int = Field(description="Of them, those for which the conditions hold.", examples=[50])
    offset: int = Field(examples=[0])
    items: list[dict[str, str | int | float | None]] = Field(
        description="Data set, split, position, label, label_name, figures, metadata, x and y of each.",
        examples=[[{"dataset": "breastmnist", "split": "test", "position": 3, "psnr": 30.1}]],
    )


class SelectionPart(BaseModel):
    """A group's share of the selection beside its share of the whole."""

    model_config = ConfigDict(from_attributes=True)

    dataset: str = Field(examples=["breastmnist"])
    label: int | None = Field(
        description="Null: all labels of the data set. Of a multi-label one the bit mask of one class, 0 of none.",
        examples=[1],
    )
    label_name: str | None = Field(None, examples=["normal, benign"])
    count: int = Field(description="Selected images of the group.", examples=[31])
    share: float = Field(description="Of the selected images.", examples=[0.62])
    interval: tuple[float, float] = Field(
        description="Wilson's 95 % interval of the share.", examples=[(0.48, 0.74)]
    )
    total: int = Field(description="Images of the group in the whole.", examples=[546])
    share_of_whole: float = Field(examples=[0.02])


class FigureSummary(BaseModel):
    """Mean and quartiles."""

    model_config = ConfigDict(from_attributes=True)

    mean: float = Field(examples=[31.2])
    quartiles: tuple[float, float, float] = Field(examples=[(29.8, 31.1, 32.6)])


class SelectedCode(BaseModel):
    """A code that selected images contain more often than the others."""

    model_config = ConfigDict(from_attributes=True)

    code: int = Field(examples=[17])
    inside: int = Field(description="Selected images that contain it.", examples=[24])
    share: float = Field(description="Of the selected images.", examples=[0.48])
    share_elsewhere: float = Field(description="Of the other images of the whole.", examples=[0.05])
    log2_odds: float = Field(description="Log2 of the odds ratio.", examples=[4.1])
    low: float = Field(description="Lower 95 % limit of it.", examples=[3.2])
    high: float = Field(description="Upper 95 % limit of it; 64 where nothing bounds it.", examples=[5.0])
    q: float = Field(
        description="Adjusted over all codes (Benjamini-Hochberg). Against all other images of the whole, so that in a "
        "selection of one data set its codes stand out; and a place on a map follows from the same images: this "
        "measures contrast, it is no evidence from new images.",
        examples=[0.0001],
    )


class Selection(IndexAnswer):
    """The images inside a polygon, against the whole: all of the data sets and splits but those of labels left out."""

    map: str = Field(examples=["pca"])
    n: int = Field(description="Selected images.", examples=[50])
    total: int = Field(description="Images of the whole.", examples=[25310])
    datasets: list[SelectionPart] = Field(description="Most selected first.")
    labels: list[SelectionPart] = Field(
        description="By data set and label, most selected first. In a multi-label data set an image counts in each of "
        "its classes: shares may add up to more than 1."
    )
    figures: dict[str, FigureSummary] = Field(
        description="Of the selected images; PSNR in dB.",
        examples=[{"psnr": {"mean": 31.2, "quartiles": [29.8, 31.1, 32.6]}}],
    )
    figures_of_whole: dict[str, FigureSummary] = Field(
        examples=[{"psnr": {"mean": 32.0, "quartiles": [30.0, 32.1, 33.9]}}]
    )
    codes: list[SelectedCode] = Field(description="Most enriched first.")
    items: list[SampleItem] = Field(description="A page of the selected images, in the order of the index.")
