"""Figures of the index that take seconds: computed when first asked for, once, one at a time, in a thread for it."""

import asyncio
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar, cast

from backend.problems import unavailable

Value = TypeVar("Value")


class Computed:
    """What was computed, by key; the caller sees to it that there are few keys.

    Whoever waits holds no thread of the pool that other routes need; who gives up leaves the work to those who ask
    next. What failed is tried again.
    """

    def __init__(self) -> None:
        self._values: dict[Hashable, Any] = {}
        self._pool = ThreadPoolExecutor(1, "vqscope-statistics")

    async def get(self, key: Hashable, compute: Callable[[], Value], *, seconds: float) -> Value:
        """Return the value of a key, computing it if nobody has.

        Raises:
            Problem: 503 if it is not there within ``seconds``; it is worked on further.
            Exception: what ``compute`` raises.
        """
        if key not in self._values:
            loop = asyncio.get_running_loop()
            try:
                async with asyncio.timeout(seconds):
                    await loop.run_in_executor(self._pool, self._fill, key, compute)
            except TimeoutError:
                detail = f"this is still being computed after {seconds:g} s; come back"
                raise unavailable(detail, kind="timeout", retry_after=5) from None
        return cast("Value", self._values[key])

    def close(self) -> None:
        """Drop what waits; a computation in work ends by itself."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _fill(self, key: Hashable, compute: Callable[[], Any]) -> None:
        if key not in self._values:  # there by now, if another request asked at the same time
            self._values[key] = compute()
