"""Refusals that reach a client which is still sending."""

import asyncio
import contextlib

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LINGER = 10.0
"""Seconds for which what a refused client still sends is read and dropped, at most."""
QUIET = 1.0
"""Seconds without a byte after which it is taken to have stopped sending."""


class Lingering:
    """ASGI middleware: an answer that closes the connection ends only when the client has stopped sending.

    The server closes it where answer or request say so, and after any request of HTTP/1.0.
    A connection closed on bytes that nobody read is reset, and the reset may reach the client before it has read
    its answer (RFC 9112, section 9.6). All but the end of the answer is sent at once, and what the request held is
    given back before.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: D102 - ASGI
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        sending = True
        closes = scope.get("http_version") == "1.0" or _says_close(Headers(scope=scope))
        open_ended = False

        async def watched() -> Message:
            nonlocal sending
            message = await receive()
            sending = message.get("more_body", False)
            return message

        async def answer(message: Message) -> None:
            nonlocal closes, open_ended
            if message["type"] == "http.response.start":
                closes = closes or _says_close(Headers(raw=message.get("headers", [])))
            elif closes and sending and not message.get("more_body", False):
                open_ended = True
                message = {**message, "more_body": True}
            await send(message)

        try:
            await self.app(scope, watched, answer)
        finally:
            if open_ended:
                await _read_on(receive)
                await send({"type": "http.response.body"})


def _says_close(headers: Headers) -> bool:
    tokens = ",".join(headers.getlist("connection")).lower().split(",")
    return "close" in (token.strip() for token in tokens)


async def _read_on(receive: Receive) -> None:
    """Drop what a refused client still sends, until it has ended, left or gone quiet."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(LINGER):
            more = True
            while more:
                async with asyncio.timeout(QUIET):
                    more = (await receive()).get("more_body", False)
