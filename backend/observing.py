"""Every request seen from outside: its ID and versions in the answer, a line in the log, its share in the metrics."""

import logging
import time
from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from starlette.datastructures import Headers, MutableHeaders
from starlette.routing import BaseRoute, Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backend.loading import Loaded
from backend.metrics import UNKNOWN, Metrics
from backend.observation import Observation, begin
from backend.problems import CLIENT_GONE

REQUEST_ID, MODEL, INDEX = "X-Request-ID", "X-VQScope-Model", "X-VQScope-Index"
_STRANGERS = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.MISDIRECTED_REQUEST})
"""Answers to clients that need not know what is served."""
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_VISIBLE = "".join(map(chr, range(0x21, 0x7F))).replace("%", "")
logger = logging.getLogger("vqscope.requests")


class Observing:
    """ASGI middleware around all that answers, so that nothing is answered past it.

    The log and the metrics get the route's template, never the path, which clients may fill as they like.

    Args:
        app: what answers.
        metrics: what counts.
        served: gives what is served now, for routes under /v1 that hold on to none of it.
        routes: what requests may go to, in the order in which they are asked.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        metrics: Metrics,
        served: Callable[[], Loaded | None],
        routes: Sequence[BaseRoute] = (),
    ) -> None:
        self.app = app
        self._routes = routes
        self.metrics = metrics
        self._served = served

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: D102 - ASGI
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        begun = time.perf_counter()
        noted = begin(Headers(scope=scope).get(REQUEST_ID, ""))
        status = CLIENT_GONE
        problem = ended = None
        size = 0

        async def observed(message: Message) -> None:
            nonlocal status, problem, ended, size
            if message["type"] == "http.response.start":
                status, problem = message["status"], noted.problem
                told = scope["path"].startswith("/v1/") and status not in _STRANGERS
                now = self._served() if noted.model is None and told else None
                if now is not None:
                    noted.model, noted.index = now.model.version, now.index.version
                _name(MutableHeaders(scope=message), noted)
            size += 0 if scope["method"] == "HEAD" else len(message.get("body", b""))  # the server sends none
            await send(message)
            if message["type"] == "http.response.body" and not message.get("more_body", False):
                ended = time.perf_counter()  # work may go on after it

        try:
            with self.metrics.in_work():
                await self.app(scope, receive, observed)
        finally:
            seconds = (ended or time.perf_counter()) - begun
            problem = noted.problem if status == CLIENT_GONE else problem
            method = scope["method"] if scope["method"] in _METHODS else UNKNOWN
            route = template(scope, self._routes)
            self.metrics.answered(method, route, status, seconds, problem)
            fields: dict[str, Any] = {
                "request_id": noted.request_id,
                "method": method,
                "route": route,
                "status": status,
                "ms": round(1000 * seconds, 3),
                "bytes": size,
                "images": noted.images,
                "problem": problem,
                "model": noted.model,
                "index": noted.index,
            }
            logger.info("%s %s %d", method, route, status, extra={"fields": fields})


def template(scope: Scope, routes: Sequence[BaseRoute] = ()) -> str:
    """The route that a request went to, or would have if it had not been refused: ``/v1/maps/{map}/points``."""
    if "route" in scope:
        return str(scope["route"].path)
    meant = (route for route in routes if route.matches(scope)[0] is not Match.NONE)
    return str(getattr(next(meant, None), "path", UNKNOWN))


def _name(headers: MutableHeaders, noted: Observation) -> None:
    headers[REQUEST_ID] = noted.request_id
    for name, version in ((MODEL, noted.model), (INDEX, noted.index)):
        if version is not None:
            headers[name] = quote(version, safe=_VISIBLE)  # a folder's name may be in any script
