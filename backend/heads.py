"""HEAD wherever there is GET: how load balancers look at a service, and clients at the age of an answer."""

from collections.abc import Sequence

from starlette.routing import BaseRoute, Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class Heads:
    """ASGI middleware: answers HEAD as GET, without the body (RFC 9110, 9.3.2), with the same header fields.

    The work is that of GET. What cannot be got stays a HEAD, so that its refusal names that method.

    Args:
        app: what answers.
        routes: what requests may go to.
    """

    def __init__(self, app: ASGIApp, *, routes: Sequence[BaseRoute]) -> None:
        self.app = app
        self._routes = routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: D102 - ASGI
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self.app(scope, receive, send)
            return
        got = {**scope, "method": "GET"}
        if not any(route.matches(got)[0] is Match.FULL for route in self._routes):
            await self.app(scope, receive, send)
            return

        async def bodiless(message: Message) -> None:
            if message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        try:
            await self.app(got, receive, bodiless)
        finally:
            if "route" in got:  # which the log and the metrics name
                scope["route"] = got["route"]
