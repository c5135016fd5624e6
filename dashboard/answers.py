"""The service's answers as values of our own, so that pages never handle raw JSON."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Json = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """A data set of the index, at its place in /v1/datasets (which decides its colour)."""

    index: int
    name: str
    title: str
    modality: str
    labels: dict[int, str]
    """Name of each label value; of a multi-label set, of each class."""
    multi_label: bool
    """Whether a label is a bit mask (bit c: class c is present) instead of a class."""
    n_indexed: dict[str, int]
    image_size: int
    warnings: tuple[str, ...]
    available: bool
    """Whether the service has the pictures; without them there still are figures, codes and places."""
    channels: int = 3
    """1 grey, 3 colour."""

    @property
    def n(self) -> int:
        """Number of indexed images, all splits."""
        return sum(self.n_indexed.values())

    @classmethod
    def of(cls, index: int, item: Json) -> "Dataset":
        """From one item of /v1/datasets; KeyError, TypeError or ValueError where it is not one."""
        return cls(
            index=index,
            name=str(item["name"]),
            title=str(item["title"]),
            modality=str(item["modality"] or ""),
            labels={int(key): str(value) for key, value in item["labels"].items()},
            multi_label=bool(item.get("multi_label", False)),
            n_indexed={str(key): int(value) for key, value in item["n_indexed"].items()},
            image_size=int(item["image_size"]),
            warnings=tuple(str(w) for w in item["warnings"]),
            available=bool(item["available"]),
            channels=int(item.get("n_channels", 3)),
        )


@dataclass(frozen=True)
class Catalogue:
    """The data sets of the index, and the versions of index and model."""

    model: str
    index: str
    datasets: tuple[Dataset, ...]

    def get(self, name: str | None) -> Dataset | None:
        """The data set of this name, or None."""
        return next((d for d in self.datasets if d.name == name), None)


@dataclass(frozen=True, kw_only=True)
class MapInfo:
    """A fitted projection."""

    name: str
    dimensions: int
    fitted_on: str
    axis_labels: tuple[str, ...]

    @classmethod
    def of(cls, item: Json) -> "MapInfo":
        """From one item of /v1/maps."""
        return cls(
            name=str(item["name"]),
            dimensions=int(item["dimensions"]),
            fitted_on=str(item["fitted_on"]),
            axis_labels=tuple(str(label) for label in item["axis_labels"]),
        )


@dataclass(frozen=True, kw_only=True)
class Points:
    """All points of a map, column by column, each (n,)."""

    x: NDArray[np.float32]
    y: NDArray[np.float32]
    dataset: NDArray[np.int32]
    """Index into `names`."""
    names: tuple[str, ...]
    split: NDArray[np.int8]
    """Index into state.SPLITS."""
    position: NDArray[np.int32]
    label: NDArray[np.int32]
    z: NDArray[np.float32] | None = None
    """Of a map of three dimensions."""
    index: str = ""
    """Version of the index that they are of; empty where it was not told."""
    preservation: NDArray[np.float32] | None = None
    """Share of each point's neighbours that the map keeps, in [0, 1]; None where it was not measured."""


@dataclass(frozen=True, kw_only=True)
class Ellipse:
    """The region of one group; without lines where the service refused to fit one."""

    group: str
    n: int
    """Points of the group."""
    outline: tuple[tuple[float, ...], ...] | None
    """On a map of two dimensions."""
    observed_coverage: float | None
    """Fraction of the group's points inside, in [0, 1]."""
    level: float | None
    """Nominal coverage in (0, 1)."""
    warnings: tuple[str, ...]
    outlines: tuple[tuple[tuple[float, ...], ...], ...] | None = None
    """Three lines round it, on a map of three dimensions."""

    @property
    def lines(self) -> tuple[tuple[tuple[float, ...], ...], ...]:
        """The closed lines that are drawn of it."""
        return (self.outline,) if self.outline else self.outlines or ()

    @classmethod
    def of(cls, item: Json) -> "Ellipse":
        """From one item of /v1/maps/…/ellipses."""
        outlines = item.get("outlines")
        outline, observed, level = item["outline"], item["observed_coverage"], item["level"]
        return cls(
            group=str(item["group"]),
            n=int(item["n"]),
            outline=None if outline is None else _line(outline),
            outlines=None if outlines is None else tuple(map(_line, outlines)),
            observed_coverage=None if observed is None else float(observed),
            level=None if level is None else float(level),
            warnings=tuple(str(w) for w in item["warnings"]),
        )


@dataclass(frozen=True)
class Ellipses:
    """The regions of groups."""

    items: tuple[Ellipse, ...]
    beyond: int
    """Groups that the service left out, as there are too many."""

    @classmethod
    def of(cls, body: Json) -> "Ellipses":
        """From the answer of /v1/maps/…/ellipses."""
        return cls(tuple(Ellipse.of(item) for item in body["items"]), int(body["groups_beyond"]))


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One indexed image with the figures of its reconstruction."""

    dataset: str
    split: str
    position: int
    label: int
    label_name: str
    psnr: float
    """dB, at native size."""
    ssim: float
    mae: float
    """Mean absolute error as a fraction of full range."""
    quantisation_error: float
    codes: tuple[tuple[int, ...], ...] = ()
    maps: Mapping[str, tuple[float, ...]]
    """Its place on each map."""
    percentiles: Mapping[str, float]
    """Where its figures stand among those of its data set and split, in per cent; and `n`, how many these are."""

    @classmethod
    def of(cls, item: Json) -> "Sample":
        """From one item of /v1/samples, or from the answer about a single sample."""
        return cls(
            dataset=str(item["dataset"]),
            split=str(item["split"]),
            position=int(item["position"]),
            label=int(item["label"]),
            label_name=str(item["label_name"]),
            psnr=_figure(item["psnr"]),
            ssim=_figure(item["ssim"]),
            mae=_figure(item["mae"]),
            quantisation_error=_figure(item["quantisation_error"]),
            codes=tuple(tuple(int(code) for code in row) for row in item.get("codes", ())),
            maps={str(name): tuple(map(float, place)) for name, place in item.get("maps", {}).items()},
            percentiles=item.get("percentiles", {}),
        )


@dataclass(frozen=True)
class SamplePage:
    """Some images out of `total`, and the index they come from."""

    index: str
    total: int
    items: tuple[Sample, ...]


@dataclass(frozen=True)
class Health:
    """Whether the service can answer: 'ready', 'starting' (model not loaded yet) or 'away'."""

    state: str
    model: str | None = None
    index: str | None = None


def _line(vertices: Any) -> tuple[tuple[float, ...], ...]:  # noqa: ANN401 - JSON
    return tuple(tuple(float(value) for value in vertex) for vertex in vertices)


def _figure(value: float | None) -> float:
    # JSON has no infinity: a perfect reconstruction (infinite PSNR) arrives as null.
    return float("inf") if value is None else float(value)
