"""Questions and answers of ``/v1/decode``."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, Tag

from backend.schemas import Codes, ModelAnswer
from model.data.npz import Split

Code = Annotated[int, Field(ge=0, le=65535)]
CodeGrid = Annotated[
    list[Annotated[list[Code], Field(min_length=1)]],
    Field(
        min_length=1,
        description="H' rows of W' codes, each an index into the codebook; H'×W' is the model's `code_grid`.",
        examples=[[[17, 402], [3, 17]]],
    ),
]


def _number(value: object) -> object:
    if isinstance(value, bool):  # which equals 1
        raise ValueError("must be a number")
    return value


Channels = Annotated[
    Literal[1, 3] | None,
    BeforeValidator(_number),
    Field(description="3 colour, 1 grey (the mean of the decoder's three channels)."),
]
Png64 = Annotated[str, Field(description="PNG, base64, S×S pixels.", examples=["iVBORw0KGgo="])]
Synthetic = Annotated[
    Literal[True], Field(description="No image of a patient: the decoder made it of codes.")
]
_INT32_MAX = 2**31 - 1
_STRICT = ConfigDict(extra="forbid", strict=True)


def _with_examples(*examples: dict[str, Any]) -> ConfigDict:
    return ConfigDict(extra="forbid", strict=True, json_schema_extra={"examples": list(examples)})


class DecodeRequest(BaseModel):
    """Grids of codes to decode."""

    model_config = _with_examples({"codes": [[[17, 402], [3, 17]]], "channels": 3})

    codes: list[CodeGrid] = Field(min_length=1, description="One grid for each image wanted.")
    channels: Channels = Field(default=3, description="3 colour; 1 grey, the mean of the three channels.")
    difference: bool = Field(
        default=False, description="In JSON, also draw how each image differs from the first."
    )


class DecodedItem(BaseModel):
    """One decoded image."""

    image: Png64
    difference: Png64 | None = Field(
        default=None,
        description="Where asked for: absolute difference from the first image, magma from 0 to a quarter of the "
        "full range; PNG, base64.",
    )


class Decoded(ModelAnswer):
    """Images in the order of the grids."""

    synthetic: Synthetic = True
    items: list[DecodedItem]


class GridEnd(BaseModel):
    """Codes as the end of a path."""

    model_config = _STRICT

    codes: CodeGrid


class SampleEnd(BaseModel):
    """An image of the index as the end of a path: its latents are taken as they are before the quantiser."""

    model_config = _STRICT

    dataset: str = Field(max_length=200, examples=["breastmnist"])
    split: Split = Field(examples=["test"])
    position: int = Field(
        ge=0, le=_INT32_MAX, description="Place in the split's array, from 0.", examples=[12]
    )


def _kind(end: object) -> str:
    """Which of the two an end is meant to be, so that what is wrong with it is told of that one alone."""
    is_grid = isinstance(end, GridEnd) or (isinstance(end, dict) and "codes" in end)
    return "_grid" if is_grid else "_sample"


PathEnd = Annotated[
    Annotated[GridEnd, Tag("_grid")] | Annotated[SampleEnd, Tag("_sample")], Discriminator(_kind)
]


class PathRequest(BaseModel):
    """Two ends and the number of steps from one to the other."""

    model_config = _with_examples(
        {
            "start": {"dataset": "breastmnist", "split": "test", "position": 12},
            "end": {"dataset": "breastmnist", "split": "test", "position": 40},
            "steps": 8,
        }
    )

    start: PathEnd
    end: PathEnd
    steps: int = Field(
        default=8,
        ge=2,
        le=_INT32_MAX,
        description="Images on the path, both ends counted; at most `images_per_request` of the service.",
    )
    channels: Channels = Field(
        default=None, description="3 colour, 1 grey; by default grey where both ends are grey images."
    )


class PathStep(BaseModel):
    """One image on the path."""

    weight: float = Field(description="Share of the end, from 0 to 1.", examples=[0.25])
    codes: Codes
    flips: int = Field(
        description="Cells that have another code than one step before; 0 in the first.", examples=[3]
    )
    flipped: list[tuple[int, int]] = Field(
        description="Those cells, each as (row, column) from 0.", examples=[[(0, 4), (2, 2)]]
    )
    image: Png64


class CodePath(ModelAnswer):
    """The path, from start to end."""

    index: str | None = Field(
        description="Latent index that the ends come from; null where both are codes.",
        examples=["a41f0c9be27d"],
    )
    synthetic: Synthetic = True
    cells: int = Field(description="Cells of a code grid, H'×W'.", examples=[49])
    steps: list[PathStep] = Field(description="Start first, end last.")
