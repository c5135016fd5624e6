"""The dashboard's own route for uploads: they pass through to the service and are kept nowhere."""

import asyncio

from fastapi import FastAPI, Request
from starlette.responses import JSONResponse

from dashboard.answers import Json
from dashboard.client import ApiClient
from dashboard.errors import ApiError, ApiRefused, ApiUnavailable
from dashboard.passing import problem

MAX_BYTES = 32 * 2**20
"""Of one upload; the service's own default."""
MAX_IMAGES = 16
"""Placed at once: what one page shows of them stays below a megabyte at 28 px."""
NEIGHBOURS = 8
_TITLE = "Images not placed"
_EACH = {"partial": "true"}
"""One bad file is told beside the results of the others."""


def add_place_route(server: FastAPI, client: ApiClient) -> None:
    """Attach POST /place; it must come before Dash's catch-all."""

    @server.post("/place", include_in_schema=False)
    async def place(request: Request, map: str = "pca") -> JSONResponse:
        """The service's answers to the files: `reconstruct`, `project` and `outliers`."""
        # A header of our own: a page of another site cannot send it without being refused by the browser.
        if request.headers.get("x-vqscope") != "place":
            return problem(403, _TITLE, "images are placed from the page of this dashboard only")
        kind = request.headers.get("content-type", "")
        if not kind.startswith("multipart/form-data") or not kind.isascii():
            return problem(415, _TITLE, "send the images as a form with files")
        body = await _bounded(request)
        if body is None:
            return problem(
                413, _TITLE, f"the images together are larger than {MAX_BYTES >> 20} MB; place fewer at once"
            )
        asked = {"map": map, "k": str(NEIGHBOURS), **_EACH}
        try:
            reconstruct, project, outliers = await asyncio.gather(
                client.upload("/v1/reconstruct", body, kind, _EACH),
                client.upload("/v1/project", body, kind, asked),
                _verdicts(client, body, kind),
            )
        except ApiRefused as error:
            return problem(error.status, _TITLE, str(error))
        except ApiUnavailable as error:
            return problem(503, _TITLE, str(error))  # which assets/place.js asks again
        except ApiError as error:
            return problem(502, _TITLE, str(error))
        answers = {"reconstruct": reconstruct, "project": project, "outliers": outliers}
        return JSONResponse(answers, headers={"Cache-Control": "no-store"})


async def _verdicts(client: ApiClient, body: bytes, kind: str) -> Json:
    """The verdicts, or `unavailable` with the reason: no held-out images, or they are still being read.

    What the model makes of an image, and where it lands, is of use without them.
    """
    try:
        return await client.upload("/v1/outliers", body, kind, _EACH)
    except ApiUnavailable as error:
        return {"unavailable": f"{error}; place the image again in a moment"}
    except ApiRefused as error:
        if error.status == 404:
            return {"unavailable": str(error)}
        raise


async def _bounded(request: Request) -> bytes | None:
    """The body, or None as soon as it is too large; a length that the client states is not trusted."""
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > MAX_BYTES:
            return None
        parts.append(part)
    return b"".join(parts)
