"""Clients that ask a service as fast as it answers."""

import asyncio
import itertools
import time
from collections.abc import Sequence
from dataclasses import dataclass

import httpx

PATH = "/v1/encode"


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


def connection(url: str) -> httpx.AsyncClient:
    """A client with a connection of its own.

    Of one client's pool each request looks at every connection: with dozens that takes longer than the service.
    """
    return httpx.AsyncClient(
        base_url=url,
        limits=httpx.Limits(max_connections=1),
        headers={"Accept": "application/x-npy"},
        timeout=600,
        verify=False,
    )


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
        async with connection(url) as http:
            while (sent := time.perf_counter()) < until:
                body = next(turn)
                answer = await http.post(PATH, content=body.content, headers={"Content-Type": body.kind})
                now = time.perf_counter()
                if answer.status_code == 429:
                    refused += 1
                    continue
                answer.raise_for_status()
                answered += body.images
                if counted_from < now < until:
                    times.append(now - sent)
                    images += body.images

    await asyncio.gather(*(client() for _ in range(clients)))
    return Load(images / (until - counted_from), sorted(times), answered, refused)
