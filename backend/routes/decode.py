"""Images out of codes: edited ones, and paths between two images."""

import base64
import math
from typing import Annotated, Literal

import numpy as np
from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse
from numpy.typing import NDArray
from starlette.concurrency import run_in_threadpool

from backend import problems
from backend.batching import results
from backend.bulk import chosen_form, forms, npy_response
from backend.dependencies import LoadedNow, SettingsNow
from backend.jobs import DECODE, WALK, CodedImage, Picture, Walk
from backend.loading import Loaded
from backend.pictures import png
from backend.problems import invalid
from backend.questions import demand_json, json_body, parse
from backend.routes.samples import original_of, row_of
from backend.schemas_decode import (
    CodePath,
    Decoded,
    DecodedItem,
    DecodeRequest,
    GridEnd,
    PathRequest,
    PathStep,
    SampleEnd,
)
from backend.waiting import attend
from model.latent import code_path
from model.metrics import error_map

SYNTHETIC = "synthetic; made by a decoder from codes, no image of a patient"
PROBLEMS = problems.responses(408, 413, 415, 422, 429, 503)
router = APIRouter(prefix="/v1/decode", tags=["decode"])


@router.post(
    "",
    response_model=Decoded,
    responses=forms("png", "npy") | PROBLEMS,
    openapi_extra={"requestBody": {"required": True, "content": json_body(DecodeRequest)}},
)
async def decode(
    request: Request,
    loaded: LoadedNow,
    settings: SettingsNow,
    form: Annotated[
        Literal["json", "png", "npy"] | None,
        Query(alias="format", description="Overrules the Accept header; png takes one grid only."),
    ] = None,
) -> Response:
    """Decode grids of codes at the model's image size S: as JSON with PNGs, one as PNG, or npy (N×S×S×3 or N×S×S)."""
    demand_json(request)
    answer = chosen_form(request, form, ("png", "npy"))
    most = settings.limits.images_per_request
    with loaded.batcher.slots() as slots:
        values = (most + 1) * math.prod(loaded.model.code_grid)
        asked = await run_in_threadpool(parse, DecodeRequest, await request.body(), values=values)
        if len(asked.codes) > most:
            raise problems.Problem(413, "too-many-images", f"more than {most} grids in one request")
        if answer == "png" and len(asked.codes) > 1:
            raise invalid("a PNG holds one image: send one grid, or ask for JSON or npy")
        grids = [_grid(loaded, number, codes) for number, codes in enumerate(asked.codes, 1)]
        slots.grow(len(grids) - 1)
        canvas = _canvas(loaded, asked.channels)
        work = results(loaded.batcher, DECODE, [CodedImage(grid, canvas) for grid in grids])
        pictures = await attend(request, work, seconds=settings.limits.request_seconds)
    if answer == "npy":
        return npy_response(np.stack(pictures), _headers(loaded))
    if answer == "png":
        made = await run_in_threadpool(_marked, pictures[0])
        return Response(made, headers=_headers(loaded) | {"Vary": "Accept"}, media_type="image/png")
    return await run_in_threadpool(_decoded, loaded, pictures, asked.difference)


@router.post(
    "/path",
    response_model=CodePath,
    responses=forms("npy") | problems.responses(404) | PROBLEMS,
    openapi_extra={"requestBody": {"required": True, "content": json_body(PathRequest)}},
)
async def path(
    request: Request,
    loaded: LoadedNow,
    settings: SettingsNow,
    form: Annotated[
        Literal["json", "npy"] | None,
        Query(alias="format", description="Overrules the Accept header; npy holds the images alone."),
    ] = None,
) -> Response:
    """Blend two images before the quantiser, quantise each step anew, and say which cells change their code."""
    demand_json(request)
    answer = chosen_form(request, form, ("npy",))
    most = settings.limits.images_per_request
    with loaded.batcher.slots() as slots:
        values = 3 * math.prod(loaded.model.code_grid)
        asked = await run_in_threadpool(parse, PathRequest, await request.body(), values=values)
        if asked.steps > most:
            raise invalid(f"steps: at most {most} images in one request")
        start, end = await run_in_threadpool(lambda: [_end(loaded, one) for one in (asked.start, asked.end)])
        slots.grow(asked.steps - 1)
        work = results(loaded.batcher, WALK, [Walk(start, end, asked.steps)])
        (walked,) = await attend(request, work, seconds=settings.limits.request_seconds)
    channels = asked.channels or (1 if _is_grey(start) and _is_grey(end) else 3)
    pictures = walked.pictures if channels == 3 else _grey(walked.pictures)
    if answer == "npy":
        return npy_response(pictures, _headers(loaded))
    indexed = isinstance(asked.start, SampleEnd) or isinstance(asked.end, SampleEnd)
    return await run_in_threadpool(_walked, loaded, walked, pictures, indexed)


def _grid(loaded: Loaded, number: int, codes: list[list[int]]) -> NDArray[np.int64]:
    """(H', W') of what was sent; the problem 422 for another shape or a code that there is none of."""
    rows, columns = loaded.model.code_grid
    if len(codes) != rows or any(len(row) != columns for row in codes):
        raise invalid(f"grid {number}: give {rows} rows of {columns} codes each")
    grid = np.array(codes, np.int64)
    if grid.max() >= loaded.model.codebook_size:
        raise invalid(f"grid {number}: codes lie in 0 … {loaded.model.codebook_size - 1}")
    return grid


def _end(loaded: Loaded, end: GridEnd | SampleEnd) -> code_path.PathEnd:
    if isinstance(end, GridEnd):
        return code_path.PathEnd(codes=_grid(loaded, 1, end.codes))
    row_of(loaded.index, end.dataset, end.split, end.position)
    return code_path.PathEnd(image=original_of(loaded, end.dataset, end.split, end.position))


def _is_grey(end: code_path.PathEnd) -> bool:
    return end.image is not None and end.image.ndim == 2


def _grey(pictures: Picture) -> Picture:
    """(T, S, S, 3) -> (T, S, S): the mean of the channels, as for the reconstruction of a grey image."""
    grey: Picture = pictures.mean(-1).round().astype(np.uint8)
    return grey


def _canvas(loaded: Loaded, channels: int | None) -> Picture:
    size = loaded.model.image_size
    return np.zeros((size, size) if channels == 1 else (size, size, 3), np.uint8)


def _headers(loaded: Loaded) -> dict[str, str]:
    return {"X-VQScope-Model": loaded.model.version, "X-VQScope-Synthetic": "true"}


def _marked(picture: Picture) -> bytes:
    return png(picture, comment=SYNTHETIC)


def _base64(picture: Picture) -> str:
    return base64.b64encode(_marked(picture)).decode("ascii")


def _decoded(loaded: Loaded, pictures: list[Picture], difference: bool) -> Response:
    items = [DecodedItem(image=_base64(picture)) for picture in pictures]
    if difference:
        changes = error_map(np.stack(pictures[:1] * len(pictures)), np.stack(pictures))
        for item, change in zip(items, changes, strict=True):
            item.difference = _base64(change)
    answer = Decoded(model=loaded.model.version, items=items)
    return JSONResponse(answer.model_dump(), headers={"Vary": "Accept"})


def _walked(loaded: Loaded, walked: code_path.CodePath, pictures: Picture, indexed: bool) -> Response:
    steps = [
        PathStep(
            weight=float(walked.weights[i]),
            codes=walked.codes[i].tolist(),
            flips=int(walked.flipped[i].sum()),
            flipped=[(int(row), int(column)) for row, column in np.argwhere(walked.flipped[i])],
            image=_base64(pictures[i]),
        )
        for i in range(len(pictures))
    ]
    answer = CodePath(
        model=loaded.model.version,
        index=loaded.index.version if indexed else None,
        cells=math.prod(loaded.model.code_grid),
        steps=steps,
    )
    return JSONResponse(answer.model_dump(), headers={"Vary": "Accept"})
