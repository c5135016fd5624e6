"""Requests of which it is not certain where they end."""

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from backend.problems import Problem, document


class Framing:
    """ASGI middleware: refuses a body that has two lengths, chunks and a Content-Length (400), and its connection.

    Where a proxy in front takes the other one, a client could put a request of its own between those of others (RFC
    9112, 6.3). Outside all that answers by itself, such as where a key is missing.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: D102 - ASGI
        if scope["type"] == "http":
            headers = Headers(scope=scope)
            if "content-length" in headers and "transfer-encoding" in headers:
                await document(Request(scope), _ambiguous())(scope, receive, send)
                return
        await self.app(scope, receive, send)


def _ambiguous() -> Problem:
    detail = "the request has both Content-Length and Transfer-Encoding; send one of them"
    return Problem(400, "ambiguous-length", detail, {"Connection": "close"})
