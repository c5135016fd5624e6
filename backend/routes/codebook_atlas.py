"""The prototypes of all codes as few pictures, so that a page of the codebook does not ask for each by itself."""

from typing import Annotated

import numpy as np
from fastapi import APIRouter, Path, Request, Response
from starlette.concurrency import run_in_threadpool

from backend import caching, problems
from backend.batching import results
from backend.dependencies import INT32_MAX, LoadedNow, PictureVersion, SettingsNow
from backend.jobs import DECODE, CodedImage, Picture
from backend.loading import Loaded
from backend.pictures import fit, png
from backend.settings import Settings
from backend.waiting import attend

router = APIRouter(prefix="/v1/codebook", tags=["codebook"])
COLUMNS = 16
PAGE = COLUMNS * COLUMNS
"""Codes of one picture: seconds of decoding on one core at most, under a megabyte."""
MAX_EDGE = 64
"""Pixels; prototypes of larger models are brought down to it, so that a picture stays small."""


@router.get(
    "/atlas/{page}",
    response_class=Response,
    responses={
        200: {"content": {"image/png": {"schema": {"type": "string", "format": "binary"}}}},
        304: {"description": "The client has this version already."},
        **problems.responses(404, 422, 429, 503),
    },
)
async def atlas(
    request: Request,
    loaded: LoadedNow,
    settings: SettingsNow,
    page: Annotated[
        int, Path(ge=0, le=INT32_MAX, description=f"Page p holds the codes from {PAGE}·p on.", examples=[0])
    ],
    version: PictureVersion = None,
) -> Response:
    """The prototypes of 256 codes as one PNG: 16 in a row, in the order of their numbers, without gaps.

    Each is square, at the model's image size but at most 64 pixels; the last row is filled up with white.
    """
    size = loaded.model.codebook_size
    first = page * PAGE
    if first >= size:
        last = (size - 1) // PAGE
        raise problems.not_found(f"there is no page {page}: the atlas of {size} codes has 0 to {last}")
    made = loaded.pictures.get(("atlas", page))
    if made is None:
        tiles = await _prototypes(request, loaded, settings, range(first, min(first + PAGE, size)))
        made = await run_in_threadpool(lambda: png(_sheet(tiles)))
        loaded.pictures.put(("atlas", page), made)
    return caching.picture(request, made, forever=version == loaded.index.version)


async def _prototypes(request: Request, loaded: Loaded, settings: Settings, codes: range) -> list[Picture]:
    """What the decoder makes of a grid filled with each code; no more at once than an upload may hold."""
    size, step = loaded.model.image_size, settings.limits.images_per_request
    black = np.zeros((size, size, 3), np.uint8)
    tiles: list[Picture] = []
    for start in range(0, len(codes), step):
        filled = [CodedImage(np.full(loaded.model.code_grid, c), black) for c in codes[start : start + step]]
        with loaded.batcher.slots(len(filled)):
            tiles += await attend(
                request, results(loaded.batcher, DECODE, filled), seconds=settings.limits.request_seconds
            )
    return tiles


def _sheet(tiles: list[Picture]) -> Picture:
    """The tiles in rows of `COLUMNS`: (rows · edge, columns · edge, 3)."""
    edge = min(tiles[0].shape[0], MAX_EDGE)
    columns = min(COLUMNS, len(tiles))
    rows = -(-len(tiles) // columns)
    sheet = np.full((rows, columns, edge, edge, 3), 255, np.uint8)
    for place, tile in enumerate(tiles):
        sheet[place // columns, place % columns] = fit(tile, edge)
    return sheet.transpose(0, 2, 1, 3, 4).reshape(rows * edge, columns * edge, 3)
