"""The shapes of answers about the codebook, outliers and the separation of classes, with examples."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from backend.schemas import FailedItem, IndexAnswer, SampleName, Uploaded

Interval = Annotated[
    tuple[float, float], Field(description="95 % interval, lower and upper limit.", examples=[(1.1, 2.3)])
]
Code = Annotated[int, Field(description="Index into the codebook.", examples=[17])]
Log2Odds = Annotated[
    float,
    Field(
        description="Base-2 logarithm of the odds ratio: 1 is twice the odds to contain the code.",
        examples=[1.7],
    ),
]
QValue = Annotated[
    float,
    Field(description="p-value corrected for all codes and groups (Benjamini-Hochberg).", examples=[0.004]),
]


class Standing(BaseModel):
    """A figure of an image among those of held-out images."""

    model_config = ConfigDict(from_attributes=True)

    value: float = Field(description="In its own unit.", examples=[0.21])
    more_unusual_than: float = Field(
        description="Share of held-out images below it, at most n / (n + 1).", examples=[0.992]
    )
    interval: Interval


class OutlierVerdict(BaseModel):
    """How unusual an image is among held-out images of one data set, or of all."""

    model_config = ConfigDict(from_attributes=True)

    reference: str = Field(description="Data set, or `all`.", examples=["pneumoniamnist"])
    title: str = Field(examples=["PneumoniaMNIST"])
    n: int = Field(description="Held-out images ranked against.", examples=[524])
    resolution: float = Field(description="1 / (n + 1): no smaller share can be told.", examples=[0.0019])
    combined: Standing = Field(
        description="The four measures together; the value is -log10 of a tail probability."
    )
    measures: dict[str, Standing] = Field(
        description="knn_distance (cosine), quantisation_error, code_rarity (nats a code), reconstruction_error (MSE)."
    )
    words: str = Field(
        description="The combined verdict in words.",
        examples=["more unusual than 99.2 % of 524 held-out images of PneumoniaMNIST"],
    )


class Unusual(BaseModel):
    """Whether an image is an outlier."""

    overall: OutlierVerdict = Field(description="Against all held-out images, by the data set it fits best.")
    datasets: list[OutlierVerdict] = Field(description="Against those of each data set alone.")
    most_like: str = Field(description="Data set that the image fits best.", examples=["pneumoniamnist"])


class OutlierItem(Uploaded, Unusual):
    """Whether an uploaded image is an outlier."""


class Outliers(IndexAnswer):
    """Results in the order of the files."""

    image_sizes: list[int] = Field(
        description="Sides to which each image was brought, in pixels: those of the held-out images. Each data set "
        "judges it at its own.",
        examples=[[28]],
    )
    skipped: dict[str, str] = Field(description="Why a data set is not judged against, by its name.")
    items: list[OutlierItem | FailedItem]


class CodeItem(BaseModel):
    """A code in a line. The data set and the class that go with it are null where none does."""

    code: Code
    rank: int = Field(description="Place in the order by similarity.", examples=[203])
    cells: int = Field(description="Cells of all images that took it; 0: a dead code.", examples=[9120])
    images: int = Field(description="Images that contain it.", examples=[4310])
    share: float = Field(description="Of all images.", examples=[0.17])
    dataset: str | None = Field(description="Data set that goes with it.", examples=["retinamnist"])
    dataset_log2_odds: Log2Odds | None
    dataset_low: float | None = Field(description="Lower 95 % limit of it.", examples=[1.2])
    dataset_high: float | None = Field(description="Upper 95 % limit of it.", examples=[2.2])
    dataset_q: QValue | None
    label_of: str | None = Field(
        description="Data set of the class that goes with it.", examples=["retinamnist"]
    )
    label: int | None = Field(description="The class; of several labels an image, the bit.", examples=[4])
    label_name: str | None = Field(examples=["4"])
    label_log2_odds: Log2Odds | None
    label_low: float | None = Field(description="Lower 95 % limit of it.", examples=[0.4])
    label_high: float | None = Field(description="Upper 95 % limit of it.", examples=[1.4])
    label_q: QValue | None


class Codebook(IndexAnswer):
    """A page of the codebook."""

    codebook_size: int = Field(examples=[512])
    n: int = Field(description="Images counted: all of the index.", examples=[32000])
    perplexity: float = Field(description="exp of the entropy of the codes over all cells.", examples=[417.0])
    dead: list[int] = Field(description="Codes that no image contains.", examples=[[3]])
    offset: int = Field(examples=[0])
    limit: int = Field(examples=[512])
    items: list[CodeItem]


class GroupUse(BaseModel):
    """How one group's images use a code, against the others (a class: against the others of its data set)."""

    dataset: str = Field(examples=["retinamnist"])
    label: int | None = Field(description="Class; null: the whole data set.", examples=[4])
    label_name: str | None = Field(examples=["4"])
    n: int = Field(description="Images of the group.", examples=[1600])
    images: int = Field(description="Of them with the code.", examples=[402])
    share: float = Field(description="Of the group.", examples=[0.25])
    share_elsewhere: float | None = Field(
        description="Of the others; null where there are none.", examples=[0.08]
    )
    log2_odds: Log2Odds | None = Field(
        description="Null, as is its interval, where no image or every image contains the code, or there are no "
        "others. A limit of 64 or -64 says that nothing bounds it on that side: not one image in a field of the table."
    )
    interval: Interval | None
    p: float = Field(description="Exact, two-sided, over images.", examples=[0.0002])
    q: QValue


class Companion(BaseModel):
    """A code that shares images with another: compared within data sets, whose own codes are found together anyway."""

    model_config = ConfigDict(from_attributes=True)

    code: Code
    images: int = Field(description="That contain both.", examples=[310])
    lift: float = Field(
        description="Images with both over those expected if the two were independent within each data set.",
        examples=[2.4],
    )
    log2_odds: Log2Odds | None = Field(
        description="Of the images with the one code against those without it, one ratio for all data sets (Mantel and "
        "Haenszel); null, as is its interval, where in each data set every image, or none, contains one of the two. A "
        "limit of 64 or -64 says that nothing bounds it on that side."
    )
    interval: Interval | None
    q: float = Field(
        description="p-value of independence within data sets, corrected for all codes paired with the one.",
        examples=[0.001],
    )


class CodeDetails(IndexAnswer):
    """One code in full."""

    code: Code
    rank: int = Field(description="Place in the order by similarity.", examples=[203])
    similar: list[int] = Field(description="Codes beside it in that order.", examples=[[16, 401]])
    cells: int = Field(examples=[9120])
    images: int = Field(examples=[4310])
    share: float = Field(description="Of all images.", examples=[0.17])
    positions: list[list[int]] = Field(
        description="Cells that took it, by place in the code grid.", examples=[[[4, 0], [1, 7]]]
    )
    by_dataset: list[GroupUse] = Field(description="Against all other images.")
    by_label: list[GroupUse] = Field(description="Against the other images of the data set.")
    companions: list[Companion] = Field(description="Codes that most often share an image with it.")


class PatchItem(SampleName):
    """A cell of an image that took the code."""

    row: int = Field(description="Of the code grid.", examples=[3])
    column: int = Field(description="Of the code grid.", examples=[2])
    distance: float = Field(
        description="Squared distance from the cell's latent to the code's vector.", examples=[0.02]
    )


class Patches(IndexAnswer):
    """The nearest cells of a code, of different images."""

    code: Code
    containing: int = Field(description="Images with the code.", examples=[4310])
    searched: int = Field(
        description="Of them, drawn at random, those whose distances were computed.", examples=[64]
    )
    items: list[PatchItem]


class Probe(BaseModel):
    """A classifier fitted to training embeddings, on test images."""

    accuracy: float | None = Field(
        description="Null, as is its interval, of a multi-label data set.", examples=[0.85]
    )
    accuracy_interval: Interval | None
    balanced_accuracy: float = Field(
        description="Mean recall over the classes. Of a multi-label data set the mean, over the classes, of "
        "sensitivity and specificity where an image has a class if its score exceeds the share of the training images "
        "with it.",
        examples=[0.81],
    )
    balanced_accuracy_interval: Interval | None
    auc: float | None = Field(description="Macro-averaged, one class against the rest.", examples=[0.91])
    auc_interval: Interval | None
    c: float | None = Field(
        default=None,
        description="Linear: inverse strength of the penalty; null of a multi-label data set, where each "
        "class has its own.",
    )
    k: int | None = Field(default=None, description="Neighbours: how many are asked.")


class Silhouette(BaseModel):
    """Mean silhouette by cosine distance; of a multi-label data set the mean over classes of each against the rest."""

    value: float = Field(description="In [-1, 1].", examples=[0.08])
    interval: Interval | None
    n: int = Field(description="Test images, drawn at random where there are more.", examples=[624])


class Sampled(BaseModel):
    """How many images of a split were used."""

    drawn: int = Field(examples=[4000])
    there: int = Field(examples=[11959])


class SeparationFigures(BaseModel):
    """How well the classes lie apart; in a multi-label data set each from the rest, as means over the classes."""

    n_train: int = Field(description="Training images fitted to.", examples=[4000])
    n: int = Field(description="Test images.", examples=[624])
    classes: int = Field(examples=[2])
    left_out: list[int] = Field(
        default=[],
        description="Multi-label: classes of which there are too few images, with or without them, to tell.",
        examples=[[13]],
    )
    chance: float | None = Field(
        description="Accuracy of always naming the largest training class; null of a multi-label data set.",
        examples=[0.62],
    )
    linear: Probe = Field(description="Logistic regression.")
    knn: Probe = Field(description="Nearest training images by cosine distance.")
    silhouette: Silhouette | None = Field(description="Null where no class has two images.")
    sampled: dict[str, Sampled] = Field(description="By split.")


class Separation(IndexAnswer):
    """Class separation of a data set over the whole embedding space, not over a map."""

    dataset: str = Field(examples=["pneumoniamnist"])
    figures: SeparationFigures | None = Field(description="Null where there is nothing to tell apart.")
    not_computed: str | None = Field(
        description="Why there are none.", examples=["the index holds no test images of it"]
    )
