"""Clients that ask a service as fast as it answers."""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from http import HTTPStatus

import httpx

PATH = "/v1/encode"
_WAIT = 600.0
_IDLE = 4.0
"""Seconds after which an unused connection is given up: before a service closes it, 5 s for uvicorn's default."""


@dataclass(frozen=True)
class Body:
    """A request, made once."""

    content: bytes
    kind: str
    images: int


@dataclass(frozen=True)
class Load:
    """What clients got in a while."""

    images_per_second: float
    seconds: list[float]
    """Of each request, sorted."""
    images: int
    """All that were answered, those at the beginning too."""
    refused: int
    """Requests answered 429; each was sent again."""


class Wire:
    """A connection that sends what is there already and looks at no more of an answer than it must.

    httpx takes 5 ms of processor for a request, which the service lacks, on the same machine: nearly what an image
    costs in a full batch.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._closing = False
        self._used = time.perf_counter()

    @property
    def usable(self) -> bool:
        """Whether the service takes another request here: it closes what it says it closes, and what is idle."""
        return not self._closing and time.perf_counter() - self._used < _IDLE

    async def post(self, body: Body) -> int:
        """The status of the answer, read to its end.

        Raises:
            OSError: the connection broke.
            EOFError: the answer did not come whole.
            TimeoutError: it did not come within ten minutes.
        """
        async with asyncio.timeout(_WAIT):
            return await self._post(body)

    async def _post(self, body: Body) -> int:
        head = (
            f"POST {PATH} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {body.kind}\r\n"
            f"Accept: application/x-npy\r\nContent-Length: {len(body.content)}\r\n\r\n"
        )
        self._writer.write(head.encode() + body.content)
        lines = (await self._reader.readuntil(b"\r\n\r\n")).lower().split(b"\r\n")
        length = next(int(line[15:]) for line in lines if line.startswith(b"content-length:"))
        self._closing = b"connection: close" in lines
        await self._reader.readexactly(length)
        self._used = time.perf_counter()
        return int(lines[0].split()[1])


@asynccontextmanager
async def wire(url: str) -> AsyncIterator[Wire]:
    """A connection to the service at this address of this machine."""
    at = httpx.URL(url)
    reader, writer = await asyncio.open_connection(at.host, at.port)
    try:
        yield Wire(reader, writer)
    finally:
        writer.close()
        with suppress(OSError):  # broken already, of which the request that found it told
            await writer.wait_closed()


async def saturate(url: str, bodies: Sequence[Body], *, clients: int, seconds: float) -> Load:
    """So many clients, each sending its next request when it has its answer; npy comes back.

    What was answered in the first fifth of the time is not counted.
    """
    begun = time.perf_counter()
    counted_from, until = begun + seconds / 5, begun + seconds
    times: list[float] = []
    images = answered = refused = 0
    turn = itertools.cycle(bodies)

    async def client() -> None:
        nonlocal images, answered, refused
        async with wire(url) as connected:
            while (sent := time.perf_counter()) < until:
                body = next(turn)
                status = await connected.post(body)
                now = time.perf_counter()
                if status == HTTPStatus.TOO_MANY_REQUESTS:
                    refused += 1
                    continue
                if status != HTTPStatus.OK:
                    raise RuntimeError(f"{PATH} answered {status}")
                answered += body.images
                if counted_from < now < until:
                    times.append(now - sent)
                    images += body.images

    await asyncio.gather(*(client() for _ in range(clients)))
    return Load(images / (until - counted_from), sorted(times), answered, refused)
