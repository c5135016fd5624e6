"""What the service says of its model, its data sets and itself, as far as the page of cards shows it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dashboard.answers import Dataset, Json

Interval = tuple[float, float]


@dataclass(frozen=True)
class Figure:
    """A figure and its 95 % interval, where there is one."""

    value: float
    interval: Interval | None

    @classmethod
    def of(cls, values: Json, name: str) -> "Figure | None":
        """The figure of this name, with NAME_interval beside it; None where it is not there."""
        value, interval = values.get(name), values.get(f"{name}_interval")
        if value is None:
            return None
        return cls(float(value), None if interval is None else (float(interval[0]), float(interval[1])))


@dataclass(frozen=True, kw_only=True)
class Score:
    """How well a model does on one data set's images of a split, or on the mean of all."""

    name: str | None
    """Data set; None: the mean."""
    n: int | None
    comparable: bool | None
    """Whether figures of others on this data set can be compared with these."""
    psnr: Figure | None
    ssim: Figure | None
    mae: Figure | None
    accuracy: Figure | None
    """Of a linear classifier on the embeddings."""
    auc: Figure | None

    @classmethod
    def of(cls, name: str | None, entry: Json) -> "Score":
        """From `figures.datasets.NAME` or `figures.mean` of a model's card."""
        linear = (entry.get("probes") or {}).get("linear") or {}
        n, comparable = entry.get("n"), entry.get("comparable")
        return cls(
            name=name,
            n=None if n is None else int(n),
            comparable=None if comparable is None else bool(comparable),
            psnr=Figure.of(entry, "psnr"),
            ssim=Figure.of(entry, "ssim"),
            mae=Figure.of(entry, "mae"),
            accuracy=Figure.of(linear, "accuracy"),
            auc=Figure.of(linear, "auc"),
        )


@dataclass(frozen=True, kw_only=True)
class ModelCard:
    """A model that is served. The card is what its training wrote: any part of it may be missing."""

    name: str
    version: str
    sha256: str
    image_size: int
    code_grid: tuple[int, int]
    codebook_size: int
    bits_per_image: float
    embedding_dim: int
    embedding_version: str
    card: Mapping[str, Any]

    @classmethod
    def of(cls, item: Json) -> "ModelCard":
        """From one item of /v1/models."""
        rows, columns = item["code_grid"]
        return cls(
            name=str(item["name"]),
            version=str(item["version"]),
            sha256=str(item["sha256"]),
            image_size=int(item["image_size"]),
            code_grid=(int(rows), int(columns)),
            codebook_size=int(item["codebook_size"]),
            bits_per_image=float(item["bits_per_image"]),
            embedding_dim=int(item["embedding_dim"]),
            embedding_version=str(item["embedding_version"]),
            card=dict(item["card"]),
        )

    @property
    def scores(self) -> list[Score]:
        """Per data set, then the mean; none where the model has not been evaluated."""
        figures = self.card.get("figures") or {}
        each = [Score.of(str(name), entry) for name, entry in (figures.get("datasets") or {}).items()]
        return [*each, Score.of(None, figures["mean"])] if each and figures.get("mean") else each


@dataclass(frozen=True, kw_only=True)
class DatasetCard:
    """Where a data set comes from and what it holds, besides what every page knows of it."""

    dataset: Dataset
    task: str
    licence: str
    official: bool
    note: str
    stands_for: str | None
    n_samples: Mapping[str, int]
    """Images per split of the file."""
    class_counts: Mapping[str, Mapping[int, int]] | None
    """Images per split and class."""
    n_channels: int
    md5: str | None

    @classmethod
    def of(cls, index: int, item: Json) -> "DatasetCard":
        """From the item at this place of /v1/datasets."""
        counts, stands_for, md5 = item["class_counts"], item["stands_for"], item["md5"]
        return cls(
            dataset=Dataset.of(index, item),
            task=str(item["task"]),
            licence=str(item["licence"]),
            official=bool(item["official"]),
            note=str(item["note"] or ""),
            stands_for=None if stands_for is None else str(stands_for),
            n_samples={str(split): int(n) for split, n in item["n_samples"].items()},
            class_counts=None
            if counts is None
            else {str(split): {int(k): int(n) for k, n in of.items()} for split, of in counts.items()},
            n_channels=int(item["n_channels"]),
            md5=None if md5 is None else str(md5),
        )
