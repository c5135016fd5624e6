"""Figures of the index that take seconds or more: computed when first asked for, once, in threads for it."""

import asyncio
import threading
from collections.abc import Callable, Generator, Hashable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Generic, Literal, TypeVar, cast, get_args

from backend.problems import unavailable

Value = TypeVar("Value")
Kind = Literal["seconds", "minutes", "pictures"]
"""By what it takes, or what it is for."""


class Stepwise(Generic[Value]):
    """A value found in steps, at which threads may take turns: each goes on where the last one stopped.

    Args:
        start: gives a generator that does a step between any two of its yields and returns the value.
    """

    def __init__(self, start: Callable[[], Generator[None, None, Value]]) -> None:
        self._start = start
        self._lock = threading.Lock()
        self._steps: Generator[None, None, Value] | None = None
        self._value: Value | None = None
        self._found = False

    def advance(self) -> bool:
        """Do a step, once that of another thread is done; whether the value is there.

        Raises:
            Exception: what the step raises; the next call begins anew.
        """
        with self._lock:
            if not self._found:
                steps, self._steps = self._steps or self._start(), None
                try:
                    next(steps)
                except StopIteration as end:
                    self._value, self._found = end.value, True
                else:
                    self._steps = steps
            return self._found

    def value(self) -> Value:
        """Do all steps that are left, and return the value."""
        while not self.advance():
            pass
        return cast("Value", self._value)


class Computed:
    """What was computed, by key; the caller sees to it that there are few keys.

    Whoever waits holds no thread of the pool that other routes need; who gives up leaves the work to those who ask
    next. What failed is tried again.
    """

    def __init__(self) -> None:
        self._values: dict[Hashable, Any] = {}
        self._closed = False
        self._stepwise: dict[Hashable, Stepwise[Any]] = {}
        # One at a time of each kind: what takes seconds is not to wait for what takes minutes, nor what the
        # decoder draws for either.
        kinds: tuple[Kind, ...] = get_args(Kind)
        self._pools = {kind: ThreadPoolExecutor(1, f"vqscope-statistics-{kind}") for kind in kinds}

    async def get(
        self, key: Hashable, compute: Callable[[], Value], *, seconds: float, minutes: bool = False
    ) -> Value:
        """Return the value of a key, computing it if nobody has.

        Args:
            key: what it is.
            compute: finds it.
            seconds: to wait for it.
            minutes: whether it may take as long as that.

        Raises:
            Problem: 503 if it is not there within ``seconds``; once begun, it is worked on further.
            Exception: what ``compute`` raises.
        """
        if key not in self._values:
            kind: Kind = "minutes" if minutes else "seconds"
            await self.wait(lambda: self._fill(key, compute), kind, seconds=seconds)
        return cast("Value", self._values[key])

    async def wait(self, compute: Callable[[], Value], kind: Kind, *, seconds: float) -> Value:
        """Return what ``compute`` finds, one at a time of each kind; it is not kept. Raises as `get` does."""
        if self._closed:
            raise unavailable("the service is ending", kind="model-gone", retry_after=10)
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(seconds):
                return await loop.run_in_executor(self._pools[kind], compute)
        except TimeoutError:
            detail = f"this is still being computed after {seconds:g} s; come back"
            retry = 30 if kind == "minutes" else 5
            raise unavailable(detail, kind="timeout", retry_after=retry) from None

    def stepwise(self, key: Hashable, start: Callable[[], Generator[None, None, Value]]) -> Stepwise[Value]:
        """The steps towards the value of a key, the same for all who ask."""
        return self._stepwise.setdefault(key, Stepwise(start))

    def forget(self, key: Hashable) -> None:
        """Let go of the steps of a key, whose value is kept elsewhere; who has them already has the value too."""
        self._stepwise.pop(key, None)

    def close(self) -> None:
        """Drop what waits, and begin nothing more; a computation in work ends by itself."""
        self._closed = True
        for pool in self._pools.values():
            pool.shutdown(wait=False, cancel_futures=True)

    def _fill(self, key: Hashable, compute: Callable[[], Any]) -> None:
        if key not in self._values:  # there by now, if another request asked at the same time
            self._values[key] = compute()
