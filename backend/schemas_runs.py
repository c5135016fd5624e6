"""Answers about training runs that are watched."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

from model.runs import RunCurves, RunInfo
from model.snapshots import ShownDataset, ShownImages, SnapshotInfo

State = Literal["training", "finished", "interrupted"]


class RunItem(BaseModel):
    """A training run of the folder that is watched."""

    name: str = Field(examples=["two"])
    state: State = Field(
        description="interrupted: nobody trains in it and it has not come to its end.", examples=["training"]
    )
    updated: datetime = Field(
        description="When its curves were last written.", examples=["2026-01-31T12:00:00Z"]
    )

    @classmethod
    def of(cls, run: RunInfo) -> "RunItem":
        """What is told of a run in a list."""
        return cls(name=run.name, state=run.state, updated=run.updated)


class Runs(BaseModel):
    """The runs of the folder that is watched, the latest first."""

    watching: bool = Field(description="Whether there is a folder that is watched.", examples=[True])
    items: list[RunItem]


class SnapshotItem(BaseModel):
    """An epoch whose map and reconstructions can be asked for."""

    epoch: int = Field(description="From 1.", examples=[3])
    explained_variance_ratio: list[float] = Field(
        description="Share of the epoch's variance along its first and second principal component, in [0, 1]; they "
        "span its map.",
        examples=[[0.41, 0.12]],
    )
    extent: float = Field(description="Largest absolute coordinate on its map.", examples=[17.5])

    @classmethod
    def of(cls, info: SnapshotInfo) -> "SnapshotItem":
        """What is told of a snapshot beside its content."""
        return cls(
            epoch=info.epoch,
            explained_variance_ratio=list(info.explained_variance_ratio),
            extent=info.extent,
        )


class PicturedImage(BaseModel):
    """A validation image that is shown with its reconstruction, at its place on the sheets of pictures."""

    dataset: str = Field(examples=["breastmnist"])
    position: int = Field(description="In the validation split, from 0.", examples=[12])
    label: int = Field(examples=[1])


class RunDataset(BaseModel):
    """A data set that a run is validated on."""

    name: str = Field(examples=["breastmnist"])
    labels: dict[str, str] = Field(description="Class names, by value.", examples=[{"0": "malignant"}])
    multi_label: bool = Field(
        description="Whether a label is the bit mask of several classes.", examples=[False]
    )

    @classmethod
    def of(cls, dataset: ShownDataset) -> "RunDataset":
        """What is told of a data set."""
        return cls(name=dataset.name, labels=dataset.labels, multi_label=dataset.multi_label)


class Run(RunItem):
    """A training run: how far it has come, its curves, and the epochs that can be looked at."""

    version: str = Field(
        description="Changes when the run is started anew; pictures and points of an epoch hang on it.",
        examples=["9f86d081884c"],
    )
    epochs: int = Field(description="That are finished.", examples=[12])
    max_epochs: int | None = Field(description="That it trains at most.", examples=[30])
    curves: dict[str, list[float | None]] = Field(
        description="A value per finished epoch, null where there is none: epoch (from 1), seconds, learning_rate, "
        "train_loss, val_loss, val_psnr (dB), val_ssim, val_mae (of full range), val_codebook_used (share of the "
        "codes) and the like.",
        examples=[{"epoch": [1, 2], "val_psnr": [21.4, 24.9]}],
    )
    snapshots: list[SnapshotItem] = Field(description="Ascending; not all epochs where there are many.")
    datasets: list[RunDataset] = Field(description="Of the images on its maps.")
    pictured: list[PicturedImage] = Field(description="In the order of the sheets of pictures.")
    picture_size: int | None = Field(description="Side of each picture on a sheet, in pixels.", examples=[28])

    @classmethod
    def told(
        cls,
        run: RunInfo,
        version: str,
        curves: RunCurves,
        infos: list[SnapshotInfo],
        shown: ShownImages | None,
    ) -> "Run":
        """All that is told of a run; ``shown``: None of a run without snapshots."""
        return cls(
            **RunItem.of(run).model_dump(),
            version=version,
            epochs=curves.epochs,
            max_epochs=curves.max_epochs,
            curves=curves.columns,
            snapshots=[SnapshotItem.of(info) for info in infos],
            datasets=[] if shown is None else [RunDataset.of(one) for one in shown.datasets],
            pictured=[] if shown is None else _pictured(shown),
            picture_size=None if shown is None else shown.originals.shape[1],
        )


class RunPoints(BaseModel):
    """Where the images lie on the map of an epoch, a value an image in each list, in the same order every epoch."""

    run: str = Field(examples=["two"])
    epoch: int = Field(examples=[3])
    n: int = Field(description="Images.", examples=[1000])
    x: list[float] = Field(description="Turned to agree with the epoch before.", examples=[[0.4]])
    y: list[float] = Field(examples=[[-1.2]])
    dataset: list[str] = Field(examples=[["breastmnist"]])
    position: list[int] = Field(description="In the validation split.", examples=[[12]])
    label: list[int] = Field(examples=[[1]])


def _pictured(shown: ShownImages) -> list[PicturedImage]:
    return [
        PicturedImage(
            dataset=shown.datasets[shown.dataset[row]].name,
            position=int(shown.position[row]),
            label=int(shown.label[row]),
        )
        for row in shown.pictured
    ]
