"""The shapes of all answers, with examples."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from backend.problems import ProblemDocument
from backend.schemas_maps import MethodItem, Stability
from model.data.npz import Split

ModelVersion = Annotated[
    str,
    Field(
        description="Model that the answer comes from: name and start of its SHA-256.",
        examples=["five@3f9c2a7d10be"],
    ),
]
IndexVersion = Annotated[
    str, Field(description="Latent index that the answer comes from.", examples=["a41f0c9be27d"])
]
Label = Annotated[
    int, Field(description="Class; in a multi-label data set the bit mask of its classes.", examples=[3])
]
Psnr = Annotated[float, Field(description="Peak signal-to-noise ratio in dB, at most 100.", examples=[30.4])]
Ssim = Annotated[float, Field(description="Structural similarity, at most 1.", examples=[0.91])]
Mae = Annotated[
    float, Field(description="Mean absolute error as a share of the full range.", examples=[0.017])
]
QuantisationError = Annotated[
    float,
    Field(description="Squared distance from latent to code vector, mean over the grid.", examples=[0.21]),
]
Codes = Annotated[
    list[list[int]],
    Field(description="Code grid, row by row: indices into the codebook.", examples=[[[17, 402], [3, 17]]]),
]
Point = Annotated[list[float], Field(min_length=2, max_length=2, examples=[[0.71, -1.32]])]

Place = Annotated[
    list[float], Field(min_length=2, max_length=3, description="On a map.", examples=[[0.71, -1.32]])
]


class Live(BaseModel):
    """The process answers."""

    status: Literal["live"] = "live"


class ModelAnswer(BaseModel):
    """An answer that comes from the model."""

    model: ModelVersion


class IndexAnswer(ModelAnswer):
    """An answer that comes from the model and the index."""

    index: IndexVersion


class Ready(IndexAnswer):
    """Everything is loaded and the model can be asked."""

    status: Literal["ready"] = "ready"


class Links(BaseModel):
    """Where to go from the root."""

    name: str = "VQScope"
    version: str
    notice: str = "Research use only, not for diagnosis."
    links: dict[str, str]


class ModelItem(BaseModel):
    """A model that is served."""

    model_config = ConfigDict(from_attributes=True)

    name: str = Field(examples=["five"])
    version: ModelVersion
    sha256: str = Field(description="Of the weights, hexadecimal.")
    image_size: int = Field(
        description="Side of the square images inside the network, in pixels.", examples=[28]
    )
    code_grid: tuple[int, int] = Field(description="Rows and columns of the code grid.", examples=[(7, 7)])
    codebook_size: int = Field(examples=[512])
    bits_per_image: float = Field(description="Grid cells times log2 of the codebook size.", examples=[441.0])
    embedding_dim: int = Field(examples=[704])
    embedding_version: str = Field(description="How the embedding is made.")
    card: dict[str, Any] = Field(description="What is known of the model's training.")


class Models(ModelAnswer):
    """The models served."""

    items: list[ModelItem]


class MetadataColumn(BaseModel):
    """A column of metadata that came with a data set."""

    name: str = Field(examples=["age"])
    kind: Literal["integer", "number", "text"] = Field(examples=["number"])
    missing: float = Field(
        description="Share of the data set's images in the index without a value.", examples=[0.006]
    )


class DatasetItem(BaseModel):
    """A data set of the index."""

    name: str = Field(examples=["breastmnist"])
    title: str = Field(examples=["BreastMNIST"])
    modality: str = Field(examples=["ultrasound"])
    task: str = Field(examples=["binary-class"])
    multi_label: bool = Field(
        description="Whether an image may have several classes or none; its label is then their bit mask."
    )
    licence: str = Field(examples=["CC BY 4.0"])
    official: bool = Field(description="Whether the file is the official one, by MD5.")
    note: str
    stands_for: str | None = Field(
        description="The MedMNIST set whose pictures these are, where a card says so."
    )
    labels: dict[str, str] = Field(
        description="Class names by class; in a multi-label data set class i is bit i.",
        examples=[{"0": "malignant", "1": "normal, benign"}],
    )
    n_samples: dict[str, int] = Field(description="Images per split of the file.")
    class_counts: dict[str, dict[str, int]] | None = Field(description="Images per split and class.")
    image_size: int = Field(description="Native height in pixels.", examples=[28])
    n_channels: int = Field(description="1 grey, 3 colour.", examples=[1])
    md5: str | None = Field(description="Of the file that was indexed.")
    warnings: list[str]
    n_indexed: dict[str, int] = Field(description="Images per split in the index.")
    metadata: list[MetadataColumn] = Field(description="Columns of its metadata, none where it has none.")
    available: bool = Field(description="Whether pictures of its samples can be served.")


class Datasets(IndexAnswer):
    """The data sets of the index, in its order."""

    items: list[DatasetItem]


class MapItem(BaseModel):
    """A map of the index."""

    name: str = Field(examples=["pca"])
    version: str = Field(description="Changes with every change of the map.", examples=["3b5f0c1d2e4a"])
    method: str = Field(description="pca, umap, tsne or mean2d.", examples=["pca"])
    parameters: dict[str, int | float | str] = Field(
        description="What it was fitted with.", examples=[{"dimensions": 2}]
    )
    dimensions: int = Field(description="2 or 3.", examples=[2])
    n: int = Field(description="Points, one for each image of the index.", examples=[25310])
    fitted_on: str = Field(
        description="Split that the projection was fitted on; none where the method learns nothing.",
        examples=["train"],
    )
    n_fitted: int = Field(
        description="Images that it was fitted on; fewer than the split has where a draw was enough.",
        examples=[17500],
    )
    keeps_proportions: bool = Field(
        description="Whether distances keep their proportions, so that an ellipse has a probabilistic meaning."
    )
    explained_variance_ratio: list[float] | None = Field(
        description="Share of the variance along each axis; null for maps without it.",
        examples=[[0.31, 0.12]],
    )
    axis_labels: list[str] = Field(examples=[["PC 1 (31 %)", "PC 2 (12 %)"]])
    stability: Stability | None = Field(
        description="Over seeds; null for maps without one, or where it was not measured."
    )


class Maps(IndexAnswer):
    """The maps of the index, and what others could be fitted."""

    items: list[MapItem]
    methods: list[MethodItem] = Field(description="What POST /v1/maps takes; empty where it is switched off.")


class PointColumns(BaseModel):
    """Points column by column, all of length n."""

    x: list[float] = Field(examples=[[0.71]])
    y: list[float] = Field(examples=[[-1.32]])
    z: list[float] | None = Field(default=None, description="Of a map of three dimensions.")
    dataset: list[str] = Field(examples=[["breastmnist"]])
    split: list[str] = Field(examples=[["train"]])
    position: list[int] = Field(examples=[[0]])
    label: list[int] = Field(
        description="Classes; in a multi-label data set bit masks of classes.", examples=[[1]]
    )
    preservation: list[float] | None = Field(
        default=None,
        description="Share of each point's neighbours that the map keeps, in [0, 1], as `points` of the map's quality "
        "says; absent where it was not measured.",
        examples=[[0.27]],
    )


class Points(IndexAnswer):
    """Points of a map."""

    map: str = Field(examples=["pca"])
    n: int = Field(examples=[1])
    columns: PointColumns


class SampleName(BaseModel):
    """Which image of which data set."""

    dataset: str = Field(examples=["breastmnist"])
    split: Split = Field(examples=["test"])
    position: int = Field(description="Place in the split's array, from 0.", examples=[12])
    label: Label
    label_name: str = Field(examples=["normal, benign"])


class SampleItem(SampleName):
    """An image of the index with the figures of its reconstruction, at native size."""

    psnr: Psnr
    ssim: Ssim
    mae: Mae
    quantisation_error: QuantisationError


class Samples(IndexAnswer):
    """A page of samples."""

    total: int = Field(description="Samples on all pages.", examples=[546])
    offset: int = Field(examples=[0])
    limit: int = Field(examples=[24])
    items: list[SampleItem]


class FigurePercentiles(BaseModel):
    """Per cent of the images of the same data set and split whose figure is smaller; equal ones count half."""

    n: int = Field(description="Images of its data set and split, itself among them.", examples=[546])
    psnr: float = Field(examples=[83.2])
    ssim: float = Field(examples=[71.4])
    mae: float = Field(examples=[20.1])
    quantisation_error: float = Field(examples=[45.0])


class Sample(SampleItem, IndexAnswer):
    """One sample with its codes, its place on each map, and where its figures stand."""

    percentiles: FigurePercentiles
    codes: Codes
    maps: dict[str, Place] = Field(examples=[{"pca": [0.71, -1.32]}])


class Neighbour(SampleName):
    """An image of the index near an uploaded one."""

    distance: float = Field(description="In the metric asked for.", examples=[0.08])


class PlacedNeighbour(Neighbour):
    """The same with its own place on the map."""

    x: float = Field(examples=[0.69])
    y: float = Field(examples=[-1.3])
    z: float | None = Field(default=None, description="On a map of three dimensions.")


class Uploaded(BaseModel):
    """An uploaded image's result."""

    filename: str = Field(
        description="As the client named it; empty where it gave no name.", examples=["scan.png"]
    )


class FailedItem(Uploaded):
    """An uploaded image that failed alone, where `partial` was asked for."""

    problem: ProblemDocument


class EncodeItem(Uploaded):
    """Embedding and codes of an uploaded image."""

    embedding: list[float] = Field(examples=[[0.12, -0.5]])
    codes: Codes
    quantisation_error: QuantisationError


class ReconstructItem(Uploaded):
    """An uploaded image after the codes, at the model's image size; the figures are at that size."""

    image: str = Field(description="PNG, base64: the upload as the model sees it.", examples=["iVBORw0KGgo="])
    reconstruction: str = Field(description="PNG, base64.", examples=["iVBORw0KGgo="])
    error_map: str = Field(
        description="PNG, base64: absolute error, magma from 0 to a quarter of the full range."
    )
    psnr: Psnr
    ssim: Ssim
    mae: Mae


class Encoded(ModelAnswer):
    """Results in the order of the images."""

    items: list[EncodeItem | FailedItem]


class Reconstructed(ModelAnswer):
    """Results in the order of the images."""

    items: list[ReconstructItem | FailedItem]
