"""Answers go out in pieces, each within a time: a client that does not read holds neither memory nor a request."""

import asyncio
from collections.abc import Iterator

from starlette.types import ASGIApp, Message, Receive, Scope, Send

PIECE = 256 * 1024
"""Most bytes that the server is given at once; what it has not sent of them waits in its memory."""


class Sending:
    """ASGI middleware around all others: a client gets ``seconds`` for each piece of its answer.

    Then its connection is cut and what is still said to it is dropped, so that the request ends as it would have.
    """

    def __init__(self, app: ASGIApp, *, seconds: float) -> None:
        self.app = app
        self.seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: D102 - ASGI
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        stuck = False

        async def in_time(message: Message) -> None:
            nonlocal stuck
            for piece in _pieces(message):
                if stuck:
                    return
                try:
                    async with asyncio.timeout(self.seconds):
                        await send(piece)
                except TimeoutError:
                    stuck = True
                    _cut(send)

        await self.app(scope, receive, in_time)


def _pieces(message: Message) -> Iterator[Message]:
    """The same in messages of at most `PIECE` bytes.

    The end of a long one is a message without bytes: the server takes it when it has sent what came before.
    """
    body = message.get("body", b"")
    if len(body) <= PIECE:
        yield message
        return
    whole = memoryview(body)
    for start in range(0, len(body), PIECE):
        yield {**message, "body": bytes(whole[start : start + PIECE]), "more_body": True}
    if not message.get("more_body", False):
        yield {**message, "body": b""}


def _cut(send: Send) -> None:
    """Drop the connection with what it still holds. uvicorn would only close it, after the client has read all."""
    transport = getattr(getattr(send, "__self__", None), "transport", None)
    if isinstance(transport, asyncio.Transport):
        transport.abort()
