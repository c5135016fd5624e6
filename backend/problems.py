"""Every failure as a problem document (RFC 9457), ``application/problem+json``."""

import logging
from collections.abc import Iterable, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from backend.observation import current
from model.errors import VQScopeError
from model.latent.errors import ColumnNotFound, MapNotFound, RowNotFound, SettingError

logger = logging.getLogger(__name__)
MEDIA_TYPE = "application/problem+json"
CLIENT_GONE = 499
"""Nobody reads this status; it is what proxies log for a client that left before its answer."""


MOST_FAULTS = 10
"""Told of one request."""


class ProblemDocument(BaseModel):
    """A problem document (RFC 9457)."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": "urn:vqscope:problem:not-found",
                    "title": "Not Found",
                    "status": 404,
                    "detail": "no map named 'umap' in this index; there are: pca",
                    "instance": "/v1/maps/umap/points",
                    "request_id": "3f0c9c1e5b7d4e6f8a9b0c1d2e3f4a5b",
                }
            ]
        }
    )

    type: str = Field(description="What kind of problem this is, stable across releases.")
    title: str = Field(description="The kind in words.")
    status: int = Field(description="The HTTP status.")
    detail: str = Field(description="What is wrong with this request, and what to do.")
    instance: str = Field(description="The path that was asked for.")
    request_id: str = Field(description="As in X-Request-ID and in the log of the service.")


class Problem(Exception):
    """A failure to be answered as a problem document.

    ``kind`` becomes the type ``urn:vqscope:problem:KIND``.
    """

    def __init__(self, status: int, kind: str, detail: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.kind = kind
        self.detail = detail
        self.headers = headers


def not_found(detail: str) -> Problem:
    """404: a resource that is not there."""
    return Problem(404, "not-found", detail)


def invalid(detail: str) -> Problem:
    """422: understood, but not possible."""
    return Problem(422, "invalid-request", detail)


def listed(faults: Iterable[str]) -> str:
    """Faults of a request in a line: each once, and the first of many."""
    found = list(dict.fromkeys(faults))
    more = [f"and {len(found) - MOST_FAULTS:,} more"] if len(found) > MOST_FAULTS else []
    return "; ".join(found[:MOST_FAULTS] + more)


def unavailable(detail: str, *, kind: str = "not-ready", retry_after: int = 1) -> Problem:
    """503: not now; ``retry_after`` in seconds."""
    return Problem(503, kind, detail, {"Retry-After": str(retry_after)})


_MOST = 500
"""Characters of a detail: it may name what was asked for, which may be of any length."""


def _shortened(detail: str) -> str:
    return detail if len(detail) <= _MOST else f"{detail[: _MOST // 2]} … {detail[-_MOST // 2 :]}"


def described(request: Request, problem: Problem) -> ProblemDocument:
    """Return the problem document of a failure."""
    return ProblemDocument(
        type=f"urn:vqscope:problem:{problem.kind}",
        title=HTTPStatus(problem.status).phrase,
        status=problem.status,
        detail=_shortened(problem.detail),
        instance=request.url.path,
        request_id=current().request_id,
    )


def document(request: Request, problem: Problem) -> JSONResponse:
    """Answer with a problem."""
    current().problem = problem.kind
    body = described(request, problem)
    return JSONResponse(body.model_dump(), problem.status, headers=problem.headers, media_type=MEDIA_TYPE)


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Declare, for OpenAPI, the problems that a route may answer with."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDocument"}}}
    return {status: {"description": HTTPStatus(status).phrase, "content": content} for status in statuses}


def install(app: FastAPI) -> None:
    """Make the application answer every failure with a problem document."""

    @app.exception_handler(Problem)
    async def on_problem(request: Request, error: Problem) -> Response:
        return document(request, error)

    @app.exception_handler(RequestValidationError)
    async def on_invalid(request: Request, error: RequestValidationError) -> Response:
        # Names the parameter, not its value, which may be anything.
        parts = [f"{' '.join(map(str, entry['loc']))}: {entry['msg']}" for entry in error.errors()]
        return document(request, invalid(listed(parts)))

    @app.exception_handler(ColumnNotFound)
    @app.exception_handler(MapNotFound)
    @app.exception_handler(RowNotFound)
    async def on_missing(request: Request, error: VQScopeError) -> Response:
        return document(request, not_found(str(error)))

    @app.exception_handler(SettingError)
    async def on_setting(request: Request, error: SettingError) -> Response:
        return document(request, invalid(str(error)))

    @app.exception_handler(VQScopeError)
    async def on_model_error(request: Request, error: VQScopeError) -> Response:
        # Whoever runs the service can mend it; the client cannot.
        logger.error("%s", error)
        return document(request, fault())

    @app.exception_handler(HTTPException)
    async def on_http_error(request: Request, error: HTTPException) -> Response:
        return document(request, _of_http(request, error))

    @app.exception_handler(ClientDisconnect)
    async def on_client_gone(_request: Request, _error: ClientDisconnect) -> Response:
        return Response(status_code=CLIENT_GONE)

    @app.exception_handler(Exception)
    async def on_surprise(request: Request, _error: Exception) -> Response:
        # Starlette raises it again after this answer, and the server logs the traceback and closes the
        # connection: the client must not send its next request on it.
        problem = fault()
        problem.headers = {"Connection": "close"}
        return document(request, problem)


def fault() -> Problem:
    """500: not the client's doing; tells nothing of the inside."""
    return Problem(500, "server-fault", "the service met a fault of its own; its log says which")


def _of_http(request: Request, error: HTTPException) -> Problem:
    detail = error.detail
    if error.status_code == HTTPStatus.NOT_FOUND:
        detail = "there is nothing at this path; / links to what there is"
    elif error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        detail = f"{request.method} is not possible here"
        # Starlette names the methods of the first route at this path alone.
        if methods := _methods(request):
            return Problem(405, "method-not-allowed", detail, {"Allow": ", ".join(methods)})
    kind = HTTPStatus(error.status_code).phrase.lower().replace(" ", "-")
    return Problem(error.status_code, kind, detail, dict(error.headers) if error.headers else None)


def _methods(request: Request) -> list[str]:
    """Of all operations that the OpenAPI document has at a request's path, and HEAD where there is GET."""
    described: dict[str, dict[str, Any]] = request.app.openapi()["paths"]
    parts = request.url.path.split("/")
    methods = {
        method.upper()
        for path, operations in described.items()
        if _fits(path.split("/"), parts)
        for method in operations
    }
    return sorted(methods | {"HEAD"} if "GET" in methods else methods)


def _fits(template: Sequence[str], parts: Sequence[str]) -> bool:
    return len(template) == len(parts) and all(
        one == part or one.startswith("{") for one, part in zip(template, parts, strict=True)
    )
