"""The bound on a request's body: bytes are counted as they stream in, Content-Length is not trusted."""

import asyncio

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backend.problems import Problem


class BodyLimit:
    """ASGI middleware: refuses a body over ``body_bytes`` (413) and one that takes over ``seconds`` (408).

    The problem is raised from ``receive``, that is, in the route that reads the body.
    """

    def __init__(self, app: ASGIApp, *, body_bytes: int, seconds: float) -> None:
        self.app = app
        self.body_bytes = body_bytes
        self.seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: D102 - ASGI
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        announced = Headers(scope=scope).get("content-length", "")
        deadline = asyncio.get_running_loop().time() + self.seconds
        received = 0
        complete = False

        async def counted() -> Message:
            nonlocal received, complete
            if complete:
                return await receive()
            if announced.isdecimal() and int(announced) > self.body_bytes:
                raise self._too_large()
            try:
                async with asyncio.timeout_at(deadline):
                    message = await receive()
            except TimeoutError:
                detail = f"the body did not arrive within {self.seconds:g} s"
                raise Problem(408, "request-timeout", detail, {"Connection": "close"}) from None
            received += len(message.get("body", b""))
            if received > self.body_bytes:
                raise self._too_large()
            complete = not message.get("more_body", False)
            return message

        await self.app(scope, counted, send)

    def _too_large(self) -> Problem:
        detail = f"the body is larger than {self.body_bytes:,} bytes; send fewer or smaller images"
        return Problem(413, "body-too-large", detail, {"Connection": "close"})
