"""What the page on training asks of the service."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from dashboard.answers import Json
from dashboard.client import ApiClient, Picture


@dataclass(frozen=True)
class RunChoice:
    """A run in the list of them."""

    name: str
    state: str
    """'training', 'finished' or 'interrupted'."""


@dataclass(frozen=True)
class RunList:
    """The runs that can be shown, the latest first."""

    watching: bool
    """Whether the service watches a folder at all."""
    items: tuple[RunChoice, ...]


@dataclass(frozen=True, kw_only=True)
class Epoch:
    """An epoch whose map and pictures there are."""

    epoch: int
    explained: tuple[float, float]
    """Share of the variance along both axes of its plane, in [0, 1]."""
    extent: float
    """Largest absolute coordinate."""


@dataclass(frozen=True, kw_only=True)
class Pictured:
    """A validation image that is shown, and in words what it is."""

    dataset: str
    position: int
    label: str


@dataclass(frozen=True, kw_only=True)
class Run:
    """A training run as far as it has come."""

    name: str
    state: str
    version: str
    epochs: int
    max_epochs: int | None
    curves: dict[str, list[float | None]]
    snapshots: tuple[Epoch, ...]
    labels: dict[str, "Labels"]
    """Of each data set that is validated on, in their order."""
    pictured: tuple[Pictured, ...]
    picture_size: int
    """Side of each picture in pixels; 0: there are none."""

    @classmethod
    def of(cls, item: Json) -> "Run":
        """From the answer to /v1/runs/{run}."""
        labels = {str(one["name"]): Labels.of(one) for one in item["datasets"]}
        return cls(
            name=str(item["name"]),
            state=str(item["state"]),
            version=str(item["version"]),
            epochs=int(item["epochs"]),
            max_epochs=None if item["max_epochs"] is None else int(item["max_epochs"]),
            curves={str(name): list(values) for name, values in item["curves"].items()},
            snapshots=tuple(
                Epoch(
                    epoch=int(one["epoch"]),
                    explained=(
                        float(one["explained_variance_ratio"][0]),
                        float(one["explained_variance_ratio"][1]),
                    ),
                    extent=float(one["extent"]),
                )
                for one in item["snapshots"]
            ),
            labels=labels,
            pictured=tuple(
                Pictured(
                    dataset=str(one["dataset"]),
                    position=int(one["position"]),
                    label=labels[str(one["dataset"])].name(int(one["label"])),
                )
                for one in item["pictured"]
            ),
            picture_size=int(item["picture_size"] or 0),
        )


@dataclass(frozen=True)
class Labels:
    """What the label values of a data set mean."""

    names: dict[int, str]
    multi_label: bool
    """Whether a value is the bit mask of several classes."""

    @classmethod
    def of(cls, item: Json) -> "Labels":
        """From one data set of a run."""
        return cls({int(key): str(name) for key, name in item["labels"].items()}, bool(item["multi_label"]))

    def name(self, value: int) -> str:
        """A label value in words."""
        if not self.multi_label:
            return self.names.get(value, str(value))
        return " + ".join(name for bit, name in sorted(self.names.items()) if value >> bit & 1) or "none"


@dataclass(frozen=True, kw_only=True)
class MapOfEpoch:
    """Where the images lie after an epoch, a value an image."""

    x: list[float]
    y: list[float]
    dataset: list[str]
    position: list[int]
    label: list[int]


async def runs(client: ApiClient) -> RunList:
    """The runs that can be shown."""
    return await client.ask(
        "/v1/runs",
        lambda body: RunList(
            bool(body["watching"]),
            tuple(RunChoice(str(one["name"]), str(one["state"])) for one in body["items"]),
        ),
    )


async def run_answer(client: ApiClient, name: str) -> dict[str, Any]:
    """A run as the service tells it, so that a store can keep it; `Run.of` reads it."""

    def checked(body: Json) -> dict[str, Any]:
        Run.of(body)
        return dict(body)

    return await client.ask(_path(name), checked)


async def map_of_epoch(client: ApiClient, name: str, epoch: int) -> MapOfEpoch:
    """The map of an epoch."""
    return await client.ask(
        f"{_path(name)}/epochs/{epoch}/points",
        lambda body: MapOfEpoch(
            x=[float(value) for value in body["x"]],
            y=[float(value) for value in body["y"]],
            dataset=[str(value) for value in body["dataset"]],
            position=[int(value) for value in body["position"]],
            label=[int(value) for value in body["label"]],
        ),
    )


async def sheet(
    client: ApiClient, name: str, epoch: int | None, *, version: str | None, etag: str | None
) -> Picture:
    """The reconstructions of an epoch side by side; None: the originals."""
    part = "originals" if epoch is None else f"epochs/{epoch}/reconstructions"
    return await client.png(f"{_path(name)}/{part}", version=version, etag=etag)


def _path(name: str) -> str:
    return f"/v1/runs/{quote(name, safe='')}"
