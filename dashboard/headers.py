"""What keeps other pages out: which Host a request may name, and which headers every response carries."""

import re

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dashboard.settings import is_loopback

# Dash writes its configuration as inline scripts, it and Plotly use inline styles. What matters here: nothing is
# fetched from, or sent to, any other host.
_POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self' 'unsafe-inline'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "font-src 'self' data:",
        "worker-src 'self' blob:",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
        "frame-ancestors 'self'",
    )
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
_HOST = re.compile(r"(?:\[([0-9a-fA-F:.]+)\]|([^\[\]:]+))(?::[0-9]{1,5})?")


class OneLength:
    """ASGI middleware: refuses a body that has two lengths, chunks and a Content-Length (400), and its connection.

    Where a proxy in front takes the other one, a client could put a request of its own between those of others (RFC
    9112, 6.3).
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: D102 - ASGI
        if scope["type"] == "http":
            headers = Headers(scope=scope)
            if "content-length" in headers and "transfer-encoding" in headers:
                detail = "the request has both Content-Length and Transfer-Encoding; send one of them"
                refusal = JSONResponse({"detail": detail}, 400, {"Connection": "close"})
                await refusal(scope, receive, send)
                return
        await self.app(scope, receive, send)


class HostGuard:
    """ASGI middleware: a Host must name this machine, or be one of the dashboard's names.

    Otherwise a page of another site, whose name is made to stand for the dashboard's address once it is loaded
    ("DNS rebinding"), could read everything here. An address or localhost cannot be made to stand for something else.
    """

    def __init__(self, app: ASGIApp, *, names: frozenset[str]) -> None:
        """`names`: what a Host may be beside localhost and loopback addresses, in small letters."""
        self._app = app
        self._names = names

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer 421 (Misdirected Request)."""
        if scope["type"] == "lifespan" or self._is_ours(Headers(scope=scope).get("host", "")):
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            body = {
                "type": "about:blank",
                "title": "Not an address of this dashboard",
                "status": 421,
                "detail": "open it as localhost or 127.0.0.1, or let its operator add this name to "
                "VQSCOPE_ALLOWED_HOSTS; to reach it from other machines start it with --host",
            }
            refusal = JSONResponse(
                body, 421, headers={"Cache-Control": "no-store"}, media_type="application/problem+json"
            )
            await refusal(scope, receive, send)

    def _is_ours(self, host: str) -> bool:
        found = _HOST.fullmatch(host)
        if found is None:
            return False
        named = found[1] or found[2]
        return is_loopback(named) or named.lower() in self._names


class SecurityHeaders:
    """ASGI middleware that adds the headers to every HTTP response."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; add the headers when the response starts."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, send_with_headers)
