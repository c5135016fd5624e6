"""A small picture of every code, in few large ones, so that a page of the codebook does not ask for each by itself."""

from dataclasses import dataclass, replace
from typing import Annotated, Literal

import numpy as np
from fastapi import APIRouter, Path, Query, Request, Response
from numpy.typing import NDArray
from PIL import Image
from starlette.concurrency import run_in_threadpool

from backend import caching, problems
from backend.batching import results
from backend.dependencies import INT32_MAX, LoadedNow, PictureVersion, SettingsNow
from backend.jobs import CELL_ERRORS, DECODE, CellErrors, CodedImage, Picture
from backend.loading import Loaded
from backend.pictures import fit, png
from backend.routes.codebook import image_of
from backend.selection import rows_of
from backend.settings import Settings
from backend.waiting import attend
from model.latent.code_examples import covering_rows, nearest_of_each
from model.latent.code_patches import Patch, crop

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
    show: Annotated[
        Literal["prototype", "patch"],
        Query(description="What the decoder makes of each code, or a piece of an image that took it."),
    ] = "prototype",
    version: PictureVersion = None,
) -> Response:
    """The pictures of 256 codes as one PNG: 16 in a row, in the order of their numbers, without gaps.

    Each is square: a prototype at the model's image size, a patch (the cell and one cell around it, nearest of at
    least four images with the code) at its own, both at most 64 pixels. What there is not is white: the end of the
    last row, and patches of dead codes.
    """
    size = loaded.model.codebook_size
    first = page * PAGE
    if first >= size:
        last = (size - 1) // PAGE
        raise problems.not_found(f"there is no page {page}: the atlas of {size} codes has 0 to {last}")
    made = loaded.pictures.get(("atlas", show, page))
    if made is None:
        codes = range(first, min(first + PAGE, size))
        if show == "prototype":
            tiles = await _prototypes(request, loaded, settings, codes)
            made = await run_in_threadpool(lambda: png(_sheet(tiles)))
        else:
            examples = await _examples(loaded, settings)
            made = await run_in_threadpool(lambda: png(_sheet(examples.tiles(loaded, codes))))
        loaded.pictures.put(("atlas", show, page), made)
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


@dataclass(frozen=True, eq=False)
class _Examples:
    """A patch of each code; its candidate is a place in `rows`."""

    rows: NDArray[np.int64]
    patches: list[Patch | None]
    edge: int
    """Side to which all are brought, in pixels."""

    def tiles(self, loaded: Loaded, codes: range) -> list[Picture]:
        """Squares of one size, (edge, edge, 3); white for a code without a patch."""
        white = np.full((self.edge, self.edge, 3), 255, np.uint8)
        found = [self.patches[code] for code in codes]
        return [white if one is None else _square(self.crop(loaded, one), self.edge) for one in found]

    def crop(self, loaded: Loaded, patch: Patch) -> Picture:
        """A patch at its own size."""
        image = image_of(loaded, int(self.rows[patch.candidate]))
        return crop(image, loaded.model.code_grid, patch.row, patch.column)


async def _examples(loaded: Loaded, settings: Settings) -> _Examples:
    """A patch of each code, found once: some hundred images are encoded for it."""
    step = settings.limits.images_per_request

    def compute() -> _Examples:
        shown = [block for block in loaded.index.blocks if block.dataset not in loaded.missing]
        rows = covering_rows(loaded.index.codes, rows_of(shown), loaded.model.codebook_size)
        cells: list[CellErrors] = []
        for start in range(0, len(rows), step):
            images = [image_of(loaded, row) for row in rows[start : start + step].tolist()]
            with loaded.batcher.slots(len(images)):
                cells += [future.result() for future in loaded.batcher.submit(CELL_ERRORS, images)]
        codes, errors = [one.codes for one in cells], [one.errors for one in cells]
        patches = nearest_of_each(codes, errors, loaded.model.codebook_size)
        found = _Examples(rows, patches, 1)
        sides = [max(found.crop(loaded, one).shape[:2]) for one in patches if one is not None]
        return replace(found, edge=min(max(sides, default=1), MAX_EDGE))

    return await loaded.computed.get("patches", compute, seconds=settings.limits.request_seconds)


def _square(picture: Picture, edge: int) -> Picture:
    """A patch in colour at (edge, edge, 3); pixels are repeated, not blended."""
    return np.array(Image.fromarray(picture).convert("RGB").resize((edge, edge), Image.Resampling.NEAREST))


def _sheet(tiles: list[Picture]) -> Picture:
    """The tiles in rows of `COLUMNS`: (rows · edge, columns · edge, 3)."""
    edge = min(tiles[0].shape[0], MAX_EDGE)
    columns = min(COLUMNS, len(tiles))
    rows = -(-len(tiles) // columns)
    sheet = np.full((rows, columns, edge, edge, 3), 255, np.uint8)
    for place, tile in enumerate(tiles):
        sheet[place // columns, place % columns] = fit(tile, edge)
    return sheet.transpose(0, 2, 1, 3, 4).reshape(rows * edge, columns * edge, 3)
