"""One image of the index at a closer look: its cells, and how unusual it is."""

from itertools import product

import numpy as np
from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool

from backend import problems
from backend.batching import results
from backend.dependencies import DatasetName, LoadedNow, Position, SettingsNow
from backend.jobs import NEAREST_CODES
from backend.loading import Loaded
from backend.routes.samples import original_of, row_of
from backend.schemas_inspection import Cell, Cells, OutlierStanding
from backend.schemas_statistics import OutlierVerdict
from backend.unusual import detector_now
from backend.waiting import attend
from model.data.npz import Split
from model.latent.outliers import Judgement, LatentImages, OutlierDetector

router = APIRouter(prefix="/v1/samples", tags=["samples"])


@router.get(
    "/{dataset}/{split}/{position}/cells",
    responses=problems.responses(404, 422, 429, 503),
)
async def cells(
    request: Request,
    loaded: LoadedNow,
    settings: SettingsNow,
    dataset: DatasetName,
    split: Split,
    position: Position,
) -> Cells:
    """Each cell of the code grid: how far its code is, and which code comes second."""
    row = row_of(loaded.index, dataset, split, position)
    image = original_of(loaded, dataset, split, position)
    with loaded.batcher.slots():
        (found,) = await attend(
            request,
            results(loaded.batcher, NEAREST_CODES, [image]),
            seconds=settings.limits.request_seconds,
        )
    codes, seconds, distances = loaded.index.codes[row], found.codes, found.distances
    items = []
    for r, c in product(*map(range, codes.shape)):
        near = distances[r, c].tolist()
        known = len(near) > 1
        items.append(
            Cell(
                row=r,
                column=c,
                code=int(codes[r, c]),
                distance=near[0],
                second=int(seconds[r, c, 1]) if known else None,
                second_distance=near[1] if known else None,
                margin=near[1] - near[0] if known else None,
            )
        )
    return Cells(model=loaded.model.version, index=loaded.index.version, items=items)


@router.get(
    "/{dataset}/{split}/{position}/outlier",
    responses=problems.responses(404, 422, 503),
)
async def outlier(
    loaded: LoadedNow, settings: SettingsNow, dataset: DatasetName, split: Split, position: Position
) -> OutlierStanding:
    """How unusual a test image is; images of other splits are what it is judged by. The first answer takes seconds."""
    row = row_of(loaded.index, dataset, split, position)
    if split != "test":
        raise problems.invalid(
            "only test images can be judged: by training and validation images it is judged"
        )
    detector = await detector_now(loaded, settings.limits.request_seconds)
    judged = await run_in_threadpool(_judge, loaded, detector, row)
    own = next((verdict for verdict in judged.datasets if verdict.reference == dataset), None)
    return OutlierStanding(
        model=loaded.model.version,
        index=loaded.index.version,
        overall=OutlierVerdict.model_validate(judged.overall),
        own=None if own is None else OutlierVerdict.model_validate(own),
        most_like=judged.most_like,
    )


def _judge(loaded: Loaded, detector: OutlierDetector, row: int) -> Judgement:
    index, place = loaded.index, slice(row, row + 1)
    figures = index.images.slice(row, 1)
    images = LatentImages(
        np.asarray(index.embeddings[place]),
        np.asarray(index.codes[place]),
        figures["quantisation_error"].to_numpy(),
        figures["psnr"].to_numpy(),
    )
    return detector.judge(images)[0]
