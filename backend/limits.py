"""The bounds on bodies, of one and of all requests: bytes are counted as they stream in, whatever is announced."""

import asyncio

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backend.problems import Problem


class BodyLimit:
    """ASGI middleware: refuses a body over ``body_bytes`` (413) and one that takes over ``seconds`` (408).

    Also one that, with those of all requests not answered yet, comes to more than ``in_flight`` bytes (429).
    The problem is raised from ``receive``, that is, in the route that reads the body.
    """

    def __init__(self, app: ASGIApp, *, body_bytes: int, in_flight: int, seconds: float) -> None:
        self.app = app
        self.body_bytes = body_bytes
        self.in_flight = in_flight
        self.seconds = seconds
        self.held = 0
        """Bytes of the requests in work; all are on one event loop."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: D102 - ASGI
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        announced = Headers(scope=scope).get("content-length", "")
        deadline = asyncio.get_running_loop().time() + self.seconds
        received = 0
        complete = False

        def refuse(problem: Problem) -> Problem:
            nonlocal received
            self.held -= received
            received = 0
            return problem

        async def counted() -> Message:
            nonlocal received, complete
            if complete:
                return await receive()
            if announced.isdecimal() and int(announced) > self.body_bytes:
                raise refuse(self._too_large())
            try:
                async with asyncio.timeout_at(deadline):
                    message = await receive()
            except TimeoutError:
                raise refuse(self._too_slow()) from None
            size = len(message.get("body", b""))
            if received + size > self.body_bytes:
                raise refuse(self._too_large())
            if self.held + size > self.in_flight:
                raise refuse(self._too_busy())
            received += size
            self.held += size
            complete = not message.get("more_body", False)
            return message

        try:
            await self.app(scope, counted, send)
        finally:
            self.held -= received

    def _too_large(self) -> Problem:
        detail = f"the body is larger than {self.body_bytes:,} bytes; send fewer or smaller images"
        return Problem(413, "body-too-large", detail, {"Connection": "close"})

    def _too_slow(self) -> Problem:
        detail = f"the body did not arrive within {self.seconds:g} s"
        return Problem(408, "request-timeout", detail, {"Connection": "close"})

    def _too_busy(self) -> Problem:
        detail = f"the requests in work hold {self.in_flight:,} bytes already; come back in about 1 s"
        return Problem(429, "too-many-bytes", detail, {"Connection": "close", "Retry-After": "1"})
