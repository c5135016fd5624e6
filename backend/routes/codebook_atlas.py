"""A small picture of every code, in few large ones, so that a page of the codebook does not ask for each by itself."""

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from backend import caching, problems
from backend.codebook_work import PAGE, codes_of, examples, prototypes
from backend.dependencies import INT32_MAX, LoadedNow, PictureVersion, SettingsNow
from backend.waiting import attend

router = APIRouter(prefix="/v1/codebook", tags=["codebook"])


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
    codes = codes_of(page, size)
    if not codes:
        last = (size - 1) // PAGE
        raise problems.not_found(f"there is no page {page}: the atlas of {size} codes has 0 to {last}")
    made = loaded.pictures.get(("atlas", show, page))
    seconds = settings.limits.request_seconds
    longer = seconds + 1  # what is waited for says itself that it takes too long
    if made is None and show == "prototype":
        work = loaded.computed.wait(prototypes(loaded, page).value, "pictures", seconds=seconds)
        made = await attend(request, work, seconds=longer)
    elif made is None:
        cells = loaded.computed.get("patches", examples(loaded).value, seconds=seconds)
        found = await attend(request, cells, seconds=longer)
        made = await run_in_threadpool(found.sheet, loaded, codes)
        loaded.pictures.put(("atlas", show, page), made)
    return caching.picture(request, made, forever=version == loaded.index.version)
