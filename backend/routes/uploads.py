"""What the model makes of uploaded images: embeddings and codes, reconstructions, places on a map."""

import base64
from collections.abc import Sequence
from typing import Annotated, TypeVar

import numpy as np
from fastapi import APIRouter, Query, Request
from starlette.concurrency import run_in_threadpool

from backend import jobs, problems
from backend.batching import Job, results
from backend.dependencies import LoadedNow, SettingsNow
from backend.jobs import ANALYSE, ENCODE, Analysed, Picture
from backend.loading import Loaded
from backend.pictures import png
from backend.routes.samples import sample_items
from backend.schemas import Encoded, EncodeItem, Projected, ProjectItem, Reconstructed, ReconstructItem
from backend.settings import Settings
from backend.uploads import REQUEST_BODY, Upload, decode_files, read_files
from backend.waiting import attend
from model.latent.neighbours import Metric, nearest
from model.metrics import error_map

PROBLEMS = problems.responses(408, 413, 415, 422, 429, 503)
router = APIRouter(prefix="/v1", tags=["uploads"])
Result = TypeVar("Result")


@router.post("/encode", responses=PROBLEMS, openapi_extra=REQUEST_BODY)
async def encode(request: Request, loaded: LoadedNow, settings: SettingsNow) -> Encoded:
    """Embedding, codes and quantisation error of each image; other sizes are first brought to the model's."""
    uploads, found = await compute(request, loaded, settings, ENCODE)
    items = [
        EncodeItem(
            filename=upload.filename,
            embedding=result.embedding.tolist(),
            codes=result.codes.tolist(),
            quantisation_error=result.quantisation_error,
        )
        for upload, result in zip(uploads, found, strict=True)
    ]
    return Encoded(model=loaded.model.version, items=items)


@router.post("/reconstruct", responses=PROBLEMS, openapi_extra=REQUEST_BODY)
async def reconstruct(request: Request, loaded: LoadedNow, settings: SettingsNow) -> Reconstructed:
    """Each image through the codes and back, its error and figures; all at the model's image size."""
    uploads, found = await compute(request, loaded, settings, ANALYSE)
    items = await run_in_threadpool(_pictures, uploads, found)
    return Reconstructed(model=loaded.model.version, items=items)


@router.post("/project", responses=problems.responses(404) | PROBLEMS, openapi_extra=REQUEST_BODY)
async def project(
    request: Request,
    loaded: LoadedNow,
    settings: SettingsNow,
    map: Annotated[str, Query(description="Name of a map of the index.")] = "pca",
    k: Annotated[int, Query(ge=1, le=200, description="Number of neighbours.")] = 10,
    metric: Annotated[Metric, Query(description="Distance between embeddings.")] = "cosine",
) -> Projected:
    """Each image's place on a fitted map, and its nearest images of the index in the space of embeddings."""
    loaded.index.map(map)  # a wrong name is told before the body is read
    uploads, found = await compute(request, loaded, settings, ENCODE)
    items = await run_in_threadpool(_place, loaded, map, k, metric, uploads, found)
    return Projected(model=loaded.model.version, index=loaded.index.version, map=map, items=items)


async def compute(
    request: Request,
    loaded: Loaded,
    settings: Settings,
    job: Job[Picture, Result],
    *,
    size: int | None = None,
) -> tuple[list[Upload], list[Result]]:
    """The images of a request, brought to ``size`` (default: the model's), and what a job makes of them."""
    # The slot is taken before the body is read: an overloaded service reads no uploads.
    with loaded.batcher.slots() as slots:
        limits = settings.limits
        files = await read_files(request, limits)
        slots.grow(len(files) - 1)

        async def work() -> tuple[list[Upload], list[Result]]:
            decoder = request.app.state.decoder
            uploads = await decode_files(files, decoder, limits, size or loaded.model.image_size)
            return uploads, await results(loaded.batcher, job, [upload.image for upload in uploads])

        return await attend(request, work(), seconds=limits.request_seconds)


def _pictures(uploads: Sequence[Upload], results: Sequence[Analysed]) -> list[ReconstructItem]:
    return [
        ReconstructItem(
            filename=upload.filename,
            reconstruction=_base64(result.reconstruction),
            error_map=_base64(error_map(upload.image[None], result.reconstruction[None])[0]),
            psnr=result.psnr,
            ssim=result.ssim,
            mae=result.mae,
        )
        for upload, result in zip(uploads, results, strict=True)
    ]


def _place(
    loaded: Loaded,
    name: str,
    k: int,
    metric: Metric,
    uploads: Sequence[Upload],
    results: Sequence[jobs.Encoded],
) -> list[ProjectItem]:
    index = loaded.index
    embeddings = np.stack([result.embedding for result in results])
    places = index.project(embeddings, map=name)
    rows, distances = nearest(index.embeddings, embeddings, k=k, metric=metric, squares=index.squared_lengths)
    items = []
    for upload, place, near, far in zip(uploads, places, rows, distances, strict=True):
        names = sample_items(loaded, near)
        neighbours = [
            {**item, "distance": distance} for item, distance in zip(names, far.tolist(), strict=True)
        ]
        items.append(
            ProjectItem.model_validate(
                {"filename": upload.filename, "x": place[0], "y": place[1], "neighbours": neighbours}
            )
        )
    return items


def _base64(picture: Picture) -> str:
    return base64.b64encode(png(picture)).decode("ascii")
