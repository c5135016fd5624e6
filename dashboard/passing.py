"""Passing answers of the service on to the browser."""

import re

from fastapi import Request
from starlette.responses import JSONResponse

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
