"""Routes of the dashboard's own besides Dash's: health, and the pictures that pages show.

A browser only ever reaches the dashboard; pictures pass through here, with the service's ETag and
cache headers, so that each is transferred once; small ones of neighbours come with the words about them.
"""

import re
from collections.abc import Awaitable, Callable, Mapping
from functools import partial

from fastapi import FastAPI, Request
from starlette.responses import JSONResponse, Response

from dashboard.client import PICTURE_VIEWS, ApiClient, Picture
from dashboard.client_codebook import examples, patch_sheet, prototypes
from dashboard.passing import NO_PICTURE, picture_of, problem
from dashboard.state import Point

_NUMBER = re.compile(r"[0-9]{1,9}")
_DATASET = re.compile(r"[^/\\\x00-\x1f\x7f]{1,128}")

CODEBOOK_PICTURES: Mapping[str, Callable[..., Awaitable[Picture]]] = {
    "prototype": prototypes,
    "patch": examples,
    "patches": patch_sheet,
}
"""By the first part of their address; the second is the page of the atlas, or (patches) the code."""


def add_routes(server: FastAPI, client: ApiClient) -> None:
    """Attach the routes to the server; they must come before Dash's catch-all."""

    @server.get("/health", include_in_schema=False)
    async def health() -> JSONResponse:
        """200 as long as this process answers; `api` says how the service is."""
        api = await client.health()
        body = {"status": "live", "api": {"state": api.state, "model": api.model, "index": api.index}}
        return JSONResponse(body, headers={"Cache-Control": "no-store"})

    @server.get("/pictures/{dataset}/{split}/{position}/{view}", include_in_schema=False)
    async def picture(request: Request, dataset: str, split: str, position: str, view: str) -> Response:
        point = Point.parse(f"{dataset}/{split}/{position}")
        if (
            point is None
            or not _DATASET.fullmatch(dataset)
            or dataset in {".", ".."}
            or view not in PICTURE_VIEWS
        ):
            return problem(404, NO_PICTURE, "there is no such picture")
        return await picture_of(request, partial(client.picture, point, view))

    @server.get("/pictures/codebook/{part}/{number}", include_in_schema=False)
    async def codebook_picture(request: Request, part: str, number: str) -> Response:
        if part not in CODEBOOK_PICTURES or not _NUMBER.fullmatch(number):
            return problem(404, NO_PICTURE, "there is no such picture")
        return await picture_of(request, partial(CODEBOOK_PICTURES[part], client, int(number)))
