"""Routes of the dashboard's own besides Dash's: health, and the pictures that pages show.

A browser only ever reaches the dashboard; pictures pass through here, with the service's ETag and
cache headers, so that each is transferred once.
"""

import re
from collections.abc import Awaitable, Callable, Mapping
from functools import partial

from fastapi import FastAPI, Request
from starlette.responses import JSONResponse, Response

from dashboard.client import PICTURE_VIEWS, ApiClient, ApiError, ApiRefused, Picture
from dashboard.client_codebook import examples, patch_sheet, prototypes
from dashboard.passing import etag_of, problem
from dashboard.state import Point

_TITLE = "Picture not available"
_VERSION = re.compile(r"[0-9a-f]{1,64}")
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
            return problem(404, _TITLE, "there is no such picture")
        return await _passed_on(request, partial(client.picture, point, view))

    @server.get("/pictures/codebook/{part}/{number}", include_in_schema=False)
    async def codebook_picture(request: Request, part: str, number: str) -> Response:
        if part not in CODEBOOK_PICTURES or not _NUMBER.fullmatch(number):
            return problem(404, _TITLE, "there is no such picture")
        return await _passed_on(request, partial(CODEBOOK_PICTURES[part], client, int(number)))


async def _passed_on(request: Request, ask: Callable[..., Awaitable[Picture]]) -> Response:
    """What the service gives when asked with the version and the ETag that the browser named."""
    version = request.query_params.get("v")
    if version is not None and not _VERSION.fullmatch(version):
        return problem(422, _TITLE, "v is not the version of an index")
    try:
        found = await ask(version=version, etag=etag_of(request))
    except ApiRefused as error:
        return problem(error.status, _TITLE, str(error))
    except ApiError as error:
        return problem(503, _TITLE, str(error))
    return Response(found.content, found.status, headers=found.headers)
