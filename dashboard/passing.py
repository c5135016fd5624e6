"""Passing answers of the service on to the browser."""

import re
from collections.abc import Awaitable, Callable

from fastapi import Request
from starlette.responses import JSONResponse, Response

from dashboard.client import Picture
from dashboard.errors import ApiError, ApiRefused

NO_PICTURE = "Picture not available"
"""Title of the problem where there is none."""
_VERSION = re.compile(r"[0-9a-f]{1,64}")
_ETAG = re.compile(r'(W/)?"[\x21\x23-\x7e]{1,128}"')


def etag_of(request: Request) -> str | None:
    """The ETag of the browser's copy, where it sends a well-formed one."""
    etag = request.headers.get("if-none-match")
    return etag if etag and _ETAG.fullmatch(etag) else None


def problem(status: int, title: str, detail: str) -> JSONResponse:
    """A problem document (RFC 9457)."""
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail}
    return JSONResponse(
        body, status, headers={"Cache-Control": "no-store"}, media_type="application/problem+json"
    )


async def picture_of(request: Request, ask: Callable[..., Awaitable[Picture]]) -> Response:
    """What the service gives when asked with the version and the ETag that the browser named."""
    version = request.query_params.get("v")
    if version is not None and not _VERSION.fullmatch(version):
        return problem(422, NO_PICTURE, "v is not a version")
    try:
        found = await ask(version=version, etag=etag_of(request))
    except ApiRefused as error:
        return problem(error.status, NO_PICTURE, str(error))
    except ApiError as error:
        return problem(503, NO_PICTURE, str(error))
    return Response(found.content, found.status, headers=found.headers)
