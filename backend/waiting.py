"""Waiting for the work of a request, no longer than its client and its time allow."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from anyio import CapacityLimiter, to_thread
from starlette.requests import ClientDisconnect, Request

from backend.problems import unavailable

Result = TypeVar("Result")


async def attend(request: Request, work: Awaitable[Result], *, seconds: float) -> Result:
    """Result of ``work``, which is cancelled, and has ended, when this gives up.

    The request's body must have been read, as its channel is watched for the client's leaving.

    Raises:
        ClientDisconnect: the client left.
        Problem: 503 if there is no result within ``seconds``.
    """
    result = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(_client_gone(request))
    try:
        async with asyncio.timeout(seconds):
            await asyncio.wait((result, gone), return_when=asyncio.FIRST_COMPLETED)
    except TimeoutError:
        raise unavailable(f"no result within {seconds:g} s; the service is busy", kind="timeout") from None
    finally:
        gone.cancel()
        if not result.done():
            result.cancel()
            await asyncio.gather(result, return_exceptions=True)
    if result.cancelled():
        raise ClientDisconnect
    return result.result()


async def aside(request: Request, work: Callable[[], Result]) -> Result:
    """Result of work that takes a core, in one of the few threads for such; the others read and write meanwhile."""
    limiter: CapacityLimiter = request.app.state.aside
    return await to_thread.run_sync(work, limiter=limiter)


async def _client_gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
