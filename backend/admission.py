"""How many requests are computed at once, and wait for it; those of clients that have left are not computed."""

import asyncio
import logging
from collections import deque
from typing import Any

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backend.problems import Problem, document, responses, unavailable
from backend.questions import SHORT_BYTES

logger = logging.getLogger(__name__)
AT_ONCE = 16
"""Requests that are computed at once. The pool of threads has 40: uploads and metrics always find one."""
_MARGIN = 1.0
"""Seconds after its time in which a route that knows why it takes long may say so itself."""
_ELSEWHERE = frozenset(
    f"/v1/{name}"
    for name in (
        "encode",
        "reconstruct",
        "project",
        "outliers",
        "embeddings",
        "decode",
        "decode/path",
        "reload",
    )
)
"""Bounded by the queue of the model, or for whoever runs the service."""


def is_admitted(path: str) -> bool:
    """Whether requests for a path are counted here."""
    return path.startswith("/v1/") and path not in _ELSEWHERE


def document_admission(schema: dict[str, Any]) -> None:
    """Add to an OpenAPI document that there may be too many requests."""
    for path, operations in schema["paths"].items():
        if is_admitted(path):
            for operation in operations.values():
                operation["responses"] |= {str(status): told for status, told in responses(429).items()}


class Admission:
    """ASGI middleware: computes few requests at once, in the order in which they came, and refuses too many (429).

    A request takes a turn when all of it is there, if it is short, and until its answer begins: not while its client
    writes or reads, else a few slow ones would keep everybody waiting. One that waits for it longer than
    ``seconds`` is answered 503, as is one whose computation takes longer, though it keeps its turn until that ends (the
    model's work is dropped, as where a client leaves).
    """

    def __init__(self, app: ASGIApp, *, most: int, seconds: float, at_once: int = AT_ONCE) -> None:
        self.app = app
        self.most = most
        self.seconds = seconds
        self.held = 0
        """Requests that are computed or wait; all are on one event loop."""
        self._turns = asyncio.Semaphore(at_once)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: D102 - ASGI
        if scope["type"] != "http" or not is_admitted(scope["path"]):
            await self.app(scope, receive, send)
            return
        client = _Client(receive)
        if scope["method"] not in ("GET", "HEAD") and not _is_long(scope):
            await client.asked()
        if client.gone:  # half-way: the application sees that at once, and has it counted
            await self.app(scope, client.receive, send)
        elif self.held >= self.most:
            await document(Request(scope), self._too_many())(scope, client.receive, send)
        else:
            self.held += 1
            await self._admit(scope, client, send)

    async def _admit(self, scope: Scope, client: "_Client", send: Send) -> None:
        has_turn = False
        counted = True

        def give_back() -> None:
            nonlocal has_turn, counted
            if has_turn:
                self._turns.release()
            self.held -= counted
            has_turn = counted = False

        async def answer(message: Message) -> None:
            give_back()  # the answer is there
            await send(message)

        try:
            has_turn = await self._turn(client)
            if has_turn and not client.gone:
                await self._compute(scope, client, answer, late=send)
            elif not client.gone:
                await document(Request(scope), self._not_begun())(scope, client.receive, answer)
        finally:
            give_back()

    async def _compute(self, scope: Scope, client: "_Client", send: Send, *, late: Send) -> None:
        """Have the application answer; where it has not begun to in time, ``late`` says so and it says nothing more."""
        begun = asyncio.Event()
        is_late = False

        async def in_time(message: Message) -> None:
            begun.set()
            if not is_late:
                await send(message)

        work = asyncio.ensure_future(self.app(scope, client.receive, in_time))
        beginning = asyncio.ensure_future(begun.wait())
        try:
            longest = self.seconds + _MARGIN
            await asyncio.wait((work, beginning), timeout=longest, return_when=asyncio.FIRST_COMPLETED)
            if not work.done() and not begun.is_set():
                is_late = True
                await document(Request(scope), self._not_done())(scope, client.receive, late)
            await self._ended(work, late=is_late)
        finally:
            beginning.cancel()
            work.cancel()  # which does nothing if it has ended
            await asyncio.gather(work, beginning, return_exceptions=True)

    async def _ended(self, work: "asyncio.Future[None]", *, late: bool) -> None:
        """Wait for it; what goes wrong after an answer is told to the log alone, for the connection has gone on."""
        try:
            await work
        except ClientDisconnect:  # as the server says of a client that has its answer
            if not late:
                raise
        except Exception:
            if not late:
                raise
            logger.exception("a fault after its request was answered: too late")

    async def _turn(self, client: "_Client") -> bool:
        """Wait for a turn, for the client's leaving or for too long; whether it is the turn."""
        if not self._turns.locked():
            return await self._turns.acquire()
        turn = asyncio.ensure_future(self._turns.acquire())
        leaving = asyncio.ensure_future(client.leaving())
        try:
            await asyncio.wait((turn, leaving), timeout=self.seconds, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._turns.release()
            raise
        finally:
            leaving.cancel()
            turn.cancel()  # which does nothing if it has come
            await asyncio.gather(turn, leaving, return_exceptions=True)
        return not turn.cancelled()

    def _too_many(self) -> Problem:
        detail = f"{self.most:,} requests are in work or wait already; come back in about 1 s"
        return Problem(429, "too-many-requests", detail, {"Retry-After": "1"})

    def _not_begun(self) -> Problem:
        return unavailable(f"not begun within {self.seconds:g} s; the service is busy", kind="timeout")

    def _not_done(self) -> Problem:
        return unavailable(f"not computed within {self.seconds:g} s; ask for less at once", kind="timeout")


def _is_long(scope: Scope) -> bool:
    """Whether more than a short question is announced: the application refuses that before it comes."""
    announced = Headers(scope=scope).get("content-length", "")
    return announced.isdecimal() and (len(announced) > 9 or int(announced) > SHORT_BYTES)


class _Client:
    """What a client says, read ahead to see whether it leaves; the application gets all of it."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._ahead: deque[Message | Exception] = deque()
        self._size = 0
        self._more = True
        self.gone = False

    async def asked(self) -> None:
        """Return when a short question is there as a whole, more than one is, or the client has left."""
        while await self._read() and self._more:
            pass

    async def leaving(self) -> None:
        """Return when the client has left; not at all if it sends more than a short question."""
        while await self._read():
            pass
        if not self.gone:
            await asyncio.Event().wait()

    async def _read(self) -> bool:
        """Take a message ahead; whether there may be another one to take."""
        if self._size > SHORT_BYTES or self.gone:
            return False
        try:
            message = await self._receive()
        except Exception as error:  # noqa: BLE001 - raised where the application asks
            self._ahead.append(error)
            return False
        self._ahead.append(message)
        self._size += len(message.get("body", b""))
        self._more = message.get("more_body", False)
        self.gone = message["type"] == "http.disconnect"
        return not self.gone

    async def receive(self) -> Message:
        if not self._ahead:
            return await self._receive()
        said = self._ahead.popleft()
        if isinstance(said, Exception):
            raise said
        return said
