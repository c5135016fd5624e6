"""Routes of the dashboard's own besides Dash's: health, and the pictures that pages show.

A browser only ever reaches the dashboard; pictures pass through here, with the service's ETag and
cache headers, so that each is transferred once.
"""

import re

from fastapi import FastAPI, Request
from starlette.responses import JSONResponse, Response

from dashboard.client import PICTURE_VIEWS, ApiClient, ApiError, ApiRefused
from dashboard.state import Point

_VERSION = re.compile(r"[0-9a-f]{1,64}")
_ETAG = re.compile(r'(W/)?"[\x21\x23-\x7e]{1,128}"')
_DATASET = re.compile(r"[^/\\\x00-\x1f\x7f]{1,128}")


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
        version, etag = request.query_params.get("v"), request.headers.get("if-none-match")
        if (
            point is None
            or not _DATASET.fullmatch(dataset)
            or dataset in {".", ".."}
            or view not in PICTURE_VIEWS
        ):
            return _problem(404, "there is no such picture")
        if version is not None and not _VERSION.fullmatch(version):
            return _problem(422, "v is not the version of an index")
        known = etag if etag and _ETAG.fullmatch(etag) else None
        try:
            found = await client.picture(point, view, version=version, etag=known)
        except ApiRefused as error:
            return _problem(error.status, str(error))
        except ApiError as error:
            return _problem(503, str(error))
        return Response(found.content, found.status, headers=found.headers)


def _problem(status: int, detail: str) -> JSONResponse:
    body = {"type": "about:blank", "title": "Picture not available", "status": status, "detail": detail}
    return JSONResponse(
        body, status, headers={"Cache-Control": "no-store"}, media_type="application/problem+json"
    )
