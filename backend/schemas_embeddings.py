"""Question and answer of ``/v1/embeddings``, in the shapes of OpenAI's API."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

ImageUrl = Annotated[str, Field(description="`data:image/png;base64,…`, or image/jpeg, image/tiff.")]


class EmbeddingRequest(BaseModel):
    """Images to embed."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={"examples": [{"input": ["data:image/png;base64,iVBORw0KGgo="], "model": "five"}]},
    )

    input: ImageUrl | Annotated[list[ImageUrl], Field(min_length=1)] = Field(
        description="One image or several, each as a data URL; nothing is ever fetched."
    )
    model: str = Field(description="Name or version of the model served.", examples=["five"])
    encoding_format: Literal["float", "base64"] = Field(
        default="float", description="Numbers, or base64 of little-endian float32."
    )
    user: str | None = Field(default=None, description="Taken for compatibility; not used, not kept.")


class EmbeddingItem(BaseModel):
    """The embedding of one image."""

    object: Literal["embedding"] = Field(default="embedding", description="What this is.")
    index: int = Field(description="Place of the image in `input`, from 0.", examples=[0])
    embedding: list[float] | str = Field(
        description="Numbers, or base64 of little-endian float32.", examples=[[0.12, -0.5], "j8L1PQAAAL8="]
    )


class Usage(BaseModel):
    """Size of the question; here a token is a code of an image's grid."""

    prompt_tokens: int = Field(description="Codes of all images.", examples=[49])
    total_tokens: int = Field(description="The same.", examples=[49])


class Embeddings(BaseModel):
    """Embeddings in the order of `input`."""

    object: Literal["list"] = Field(default="list", description="What this is.")
    data: list[EmbeddingItem] = Field(description="One for each image.")
    model: str = Field(description="Version of the model that answered.", examples=["five@3f9c2a7d10be"])
    usage: Usage
