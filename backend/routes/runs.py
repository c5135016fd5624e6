"""Training runs, finished or being written: their curves, maps and reconstructions, epoch by epoch."""

from pathlib import Path as FilePath
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Path, Query, Request, Response

from backend import caching, problems
from backend.dependencies import INT32_MAX, SettingsNow
from backend.pictures import Picture, png
from backend.schemas_runs import Run, RunItem, RunPoints, Runs
from backend.settings import Settings
from model import runs as training_runs
from model import snapshots
from model.runs import RunInfo, RunNotFound
from model.snapshots import SnapshotInfo, SnapshotNotFound

DEFAULT = FilePath("runs")
router = APIRouter(prefix="/v1/runs", tags=["runs"])

RunName = Annotated[str, Path(max_length=100, description="Name of a run.", examples=["two"])]
Epoch = Annotated[int, Path(ge=1, le=INT32_MAX, description="From 1.", examples=[3])]
RunVersion = Annotated[
    str | None,
    Query(alias="v", description="Version of the run; if it is the current one the answer may be kept."),
]
_PNG = {"content": {"image/png": {"schema": {"type": "string", "format": "binary"}}}}
_PICTURES: dict[int | str, dict[str, Any]] = {
    200: _PNG,
    304: {"description": "The client has this version already."},
    **problems.responses(404, 422, 503),
}


@router.get("", responses=problems.responses(503))
def runs(settings: SettingsNow) -> Runs:
    """List the runs of the folder that is watched."""
    folder = _folder(settings)
    return Runs(watching=folder.is_dir(), items=[RunItem.of(run) for run in training_runs.runs_in(folder)])


@router.get("/{run}", responses=problems.responses(404, 422, 503))
def run(settings: SettingsNow, run: RunName) -> Run:
    """How far a run has come, its curves, and the epochs that can be looked at; may be asked every second."""
    found = _run(settings, run)
    try:
        shown = snapshots.read_images(found.folder)
    except SnapshotNotFound:
        shown = None
    curves = training_runs.curves_of(found.folder)
    infos = _infos(found.folder) if shown else []
    return Run.told(found, training_runs.version_of(found.folder), curves, infos, shown)


@router.get(
    "/{run}/epochs/{epoch}/points",
    response_model=RunPoints,
    responses={
        304: {"description": "The client has this version already."},
        **problems.responses(404, 422, 503),
    },
)
def points(
    request: Request, settings: SettingsNow, run: RunName, epoch: Epoch, version: RunVersion = None
) -> Response:
    """Where validation images lay after an epoch; at most some 2,000, the same in every epoch."""
    folder = _run(settings, run).folder
    shown, snapshot = _shown(run, folder), _snapshot(run, folder, epoch)
    if len(snapshot.points) != len(shown.dataset):
        raise problems.not_found(f"epoch {epoch} of the run {run} is of other images")
    x, y = np.round(snapshot.points.astype(np.float64), 4).T.tolist()
    names = [one.name for one in shown.datasets]
    answer = RunPoints(
        run=run,
        epoch=epoch,
        n=len(x),
        x=x,
        y=y,
        dataset=[names[number] for number in shown.dataset],
        position=shown.position.tolist(),
        label=shown.label.tolist(),
    )
    content = answer.model_dump_json().encode()
    headers = {"ETag": caching.etag(content), "Cache-Control": _keeping(folder, version)}
    if caching.matches(request, headers["ETag"]):
        return caching.not_modified(headers)
    return Response(content, headers=headers, media_type="application/json")


@router.get("/{run}/originals", response_class=Response, responses=_PICTURES)
def originals(request: Request, settings: SettingsNow, run: RunName, version: RunVersion = None) -> Response:
    """The pictured images side by side, as the network sees them: a PNG of P squares."""
    folder = _run(settings, run).folder
    sheet = _sheet(_shown(run, folder).originals)
    return caching.picture(request, png(sheet), forever=version == training_runs.version_of(folder))


@router.get("/{run}/epochs/{epoch}/reconstructions", response_class=Response, responses=_PICTURES)
def reconstructions(
    request: Request, settings: SettingsNow, run: RunName, epoch: Epoch, version: RunVersion = None
) -> Response:
    """What an epoch's network made of the pictured images: a sheet as that of the originals."""
    folder = _run(settings, run).folder
    sheet = _sheet(_snapshot(run, folder, epoch).reconstructions)
    return caching.picture(request, png(sheet), forever=version == training_runs.version_of(folder))


def _folder(settings: Settings) -> FilePath:
    return settings.runs or DEFAULT


def _run(settings: Settings, name: str) -> RunInfo:
    try:
        return training_runs.find_run(_folder(settings), name)
    except RunNotFound:
        raise problems.not_found("there is no such run; /v1/runs lists those that are there") from None


def _infos(folder: FilePath) -> list[SnapshotInfo]:
    infos = []
    for epoch in snapshots.epochs_in(folder):
        try:
            infos.append(snapshots.describe_epoch(folder, epoch))
        except SnapshotNotFound:
            continue  # thinned out meanwhile
    return infos


def _shown(run: str, folder: FilePath) -> snapshots.ShownImages:
    try:
        return snapshots.read_images(folder)
    except SnapshotNotFound:
        raise problems.not_found(f"the run {run} keeps no snapshots") from None


def _snapshot(run: str, folder: FilePath, epoch: int) -> snapshots.Snapshot:
    try:
        return snapshots.read_epoch(folder, epoch)
    except SnapshotNotFound:
        raise problems.not_found(f"the run {run} has no snapshot of epoch {epoch}") from None


def _sheet(pictures: Picture) -> Picture:
    """(P, S, S, 3) -> (S, P·S, 3)."""
    n, height, width, channels = pictures.shape
    if n == 0:
        raise problems.not_found("the run shows no pictures")
    return pictures.transpose(1, 0, 2, 3).reshape(height, n * width, channels)


def _keeping(folder: FilePath, version: str | None) -> str:
    return caching.FOREVER if version == training_runs.version_of(folder) else caching.REVALIDATE
