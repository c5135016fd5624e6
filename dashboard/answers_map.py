"""The service's answers about columns, selections and a closer look at an image, as values of our own."""

from dataclasses import dataclass

from dashboard.answers import Json, Sample

Limits = tuple[float, float]


@dataclass(frozen=True)
class Value:
    """A value of a categorical column; data set and label only of the column of labels."""

    name: str
    count: int
    dataset: str | None = None
    label: int | None = None


@dataclass(frozen=True, kw_only=True)
class Column:
    """What is known of each image by one name."""

    name: str
    title: str
    numeric: bool
    unit: str | None
    n_missing: int
    limits: Limits | None = None
    robust_limits: Limits | None = None
    n_values: int = 0
    values: tuple[Value, ...] = ()
    """Most numerous first; maybe not all of them."""

    @classmethod
    def of(cls, item: Json) -> "Column":
        """From one item of /v1/columns."""
        return cls(
            name=str(item["name"]),
            title=str(item["title"]),
            numeric=item["kind"] == "numeric",
            unit=item["unit"],
            n_missing=int(item["n_missing"]),
            limits=_limits(item["limits"]),
            robust_limits=_limits(item["robust_limits"]),
            n_values=int(item["n_values"]),
            values=tuple(
                Value(str(value["name"]), int(value["count"]), value["dataset"], value["label"])
                for value in item["values"]
            ),
        )


@dataclass(frozen=True)
class Columns:
    """All columns, the number of images and the version of the index."""

    index: str
    n: int
    items: tuple[Column, ...]

    def get(self, name: str) -> Column | None:
        """The column of this name, or None."""
        return next((column for column in self.items if column.name == name), None)


@dataclass(frozen=True, kw_only=True)
class Part:
    """A group's share of a selection."""

    dataset: str
    label: int | None
    label_name: str | None
    count: int
    share: float
    interval: Limits
    total: int
    share_of_whole: float

    @classmethod
    def of(cls, item: Json) -> "Part":
        """From a part of /v1/selections."""
        label = item["label"]
        return cls(
            dataset=str(item["dataset"]),
            label=None if label is None else int(label),
            label_name=item["label_name"],
            count=int(item["count"]),
            share=float(item["share"]),
            interval=_pair(item["interval"]),
            total=int(item["total"]),
            share_of_whole=float(item["share_of_whole"]),
        )


@dataclass(frozen=True)
class Summary:
    """Mean and quartiles of a figure."""

    mean: float
    quartiles: tuple[float, float, float]


@dataclass(frozen=True, kw_only=True)
class EnrichedCode:
    """A code that the selection has more often than the other images."""

    code: int
    inside: int
    share: float
    share_elsewhere: float
    log2_odds: float
    low: float
    high: float
    q: float

    @classmethod
    def of(cls, item: Json) -> "EnrichedCode":
        """From a code of /v1/selections."""
        names = ("share", "share_elsewhere", "log2_odds", "low", "high", "q")
        return cls(
            code=int(item["code"]), inside=int(item["inside"]), **{name: float(item[name]) for name in names}
        )


@dataclass(frozen=True, kw_only=True)
class Selection:
    """What lies inside a polygon."""

    index: str
    n: int
    total: int
    datasets: tuple[Part, ...]
    labels: tuple[Part, ...]
    figures: dict[str, Summary]
    figures_of_whole: dict[str, Summary]
    codes: tuple[EnrichedCode, ...]
    items: tuple[Sample, ...]

    @classmethod
    def of(cls, body: Json) -> "Selection":
        """From the answer of /v1/selections."""
        return cls(
            index=str(body["index"]),
            n=int(body["n"]),
            total=int(body["total"]),
            datasets=tuple(Part.of(item) for item in body["datasets"]),
            labels=tuple(Part.of(item) for item in body["labels"]),
            figures=_summaries(body["figures"]),
            figures_of_whole=_summaries(body["figures_of_whole"]),
            codes=tuple(EnrichedCode.of(item) for item in body["codes"]),
            items=tuple(Sample.of(item) for item in body["items"]),
        )


@dataclass(frozen=True)
class Agreement:
    """Neighbours that share something with an image: how many of n, and which share chance would give."""

    n: int
    count: int
    share: float
    expected: float

    @classmethod
    def of(cls, item: Json) -> "Agreement":
        """From an agreement of /v1/neighbours."""
        return cls(int(item["n"]), int(item["count"]), float(item["share"]), float(item["expected"]))


@dataclass(frozen=True)
class Neighbour:
    """A near image and its distance."""

    dataset: str
    split: str
    position: int
    label: int
    label_name: str
    distance: float


@dataclass(frozen=True)
class Neighbours:
    """The nearest images, and how far they agree with the image."""

    index: str
    items: tuple[Neighbour, ...]
    same_dataset: Agreement
    same_label: Agreement
    same_label_within: Agreement
    """Of the neighbours of the same data set alone, beside chance within it."""

    @classmethod
    def of(cls, body: Json) -> "Neighbours":
        """From the answer of /v1/neighbours."""
        items = tuple(
            Neighbour(
                str(item["dataset"]),
                str(item["split"]),
                int(item["position"]),
                int(item["label"]),
                str(item["label_name"]),
                float(item["distance"]),
            )
            for item in body["items"]
        )
        return cls(
            str(body["index"]),
            items,
            Agreement.of(body["same_dataset"]),
            Agreement.of(body["same_label"]),
            Agreement.of(body["same_label_within"]),
        )


@dataclass(frozen=True)
class Cell:
    """A cell of a code grid; second and margin are None for a codebook of one."""

    row: int
    column: int
    code: int
    distance: float
    second: int | None
    margin: float | None

    @classmethod
    def of(cls, item: Json) -> "Cell":
        """From an item of …/cells."""
        return cls(
            int(item["row"]),
            int(item["column"]),
            int(item["code"]),
            float(item["distance"]),
            item["second"],
            item["margin"],
        )


@dataclass(frozen=True)
class Verdict:
    """How unusual an image is, in words."""

    reference: str
    words: str


@dataclass(frozen=True)
class Standing:
    """How unusual an image is among all held-out images, and among those of its own data set."""

    overall: Verdict
    own: Verdict | None
    most_like: str

    @classmethod
    def of(cls, body: Json) -> "Standing":
        """From the answer of …/outlier."""
        own = body["own"]
        return cls(_verdict(body["overall"]), None if own is None else _verdict(own), str(body["most_like"]))


def _verdict(item: Json) -> Verdict:
    return Verdict(str(item["reference"]), str(item["words"]))


def _summaries(figures: Json) -> dict[str, Summary]:
    found = {}
    for name, summary in figures.items():
        low, middle, high = (float(value) for value in summary["quartiles"])
        found[str(name)] = Summary(float(summary["mean"]), (low, middle, high))
    return found


def _pair(values: tuple[float, float]) -> Limits:
    low, high = values
    return float(low), float(high)


def _limits(values: tuple[float, float] | None) -> Limits | None:
    return None if values is None else _pair(values)
