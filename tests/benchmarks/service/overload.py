"""Ten times what a service can do, whether it answers or not: what it does then, and afterwards."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from http import HTTPStatus

import psutil

from tests.benchmarks.service.load import Body, Wire, wire

_PROBE_SECONDS = 30.0


@dataclass(frozen=True)
class Overload:
    """How a service bore it."""

    answers: Counter[str]
    """By status, or by the name of the failure."""
    accepted: list[float]
    """Seconds that answers with 200 took, sorted."""
    memory: list[tuple[float, int]]
    """Seconds since the beginning, and bytes of the service and its children."""
    recovered: float
    """Seconds from the last request that was sent until one image alone was answered about as soon as before."""

    @property
    def failures(self) -> int:
        """Answers of 5xx, and requests without an answer."""
        return sum(n for status, n in self.answers.items() if status not in {"200", "429"})

    def p95(self) -> float:
        """Seconds, of those that were accepted."""
        return self.accepted[int(0.95 * (len(self.accepted) - 1))]

    def growth(self, after: float) -> int:
        """Bytes by which the most memory taken later than so many seconds is above the most taken before."""
        early = max(size for moment, size in self.memory if moment <= after)
        return max(size for moment, size in self.memory if moment > after) - early


async def overload(
    url: str, pid: int, bodies: Sequence[Body], probe: Body, *, rate: float, seconds: float, normal: float
) -> Overload:
    """Send requests at a fixed rate, not waiting for answers, for a while; then ask until it is as before.

    Args:
        url: of the service.
        pid: its process.
        bodies: of the requests, in turn.
        probe: the request of one image.
        rate: requests a second.
        seconds: for how long.
        normal: seconds in which the probe was answered before; twice as long counts as recovered.
    """
    answers: Counter[str] = Counter()
    accepted: list[float] = []
    memory: list[tuple[float, int]] = []
    process = psutil.Process(pid)
    free: list[Wire] = []

    def taken() -> Iterator[Wire]:
        while free:
            yield free.pop()

    async def send(body: Body) -> None:
        sent = time.perf_counter()
        try:
            connected = next((one for one in taken() if one.usable), None)
            connected = connected or await clients.enter_async_context(wire(url))
            status = await connected.post(body)
        except (OSError, EOFError) as error:
            answers[type(error).__name__] += 1
            return
        free.append(connected)
        answers[str(status)] += 1
        if status == HTTPStatus.OK:
            accepted.append(time.perf_counter() - sent)

    async with AsyncExitStack() as clients:
        begun = time.perf_counter()
        async with asyncio.TaskGroup() as requests:
            number = 0
            while (moment := time.perf_counter() - begun) < seconds:
                while number < rate * moment:  # those that are due, however late this loop is
                    requests.create_task(send(bodies[number % len(bodies)]))
                    number += 1
                if not memory or moment - memory[-1][0] > 0.5:
                    memory.append((moment, resident(process)))
                await asyncio.sleep(1 / rate)
            ended = time.perf_counter()
            recovered = await _recovered(url, probe, normal, ended)
    return Overload(answers, sorted(accepted), memory, recovered)


async def _recovered(url: str, probe: Body, normal: float, ended: float) -> float:
    while (sent := time.perf_counter()) - ended < _PROBE_SECONDS:
        async with wire(url) as connected:  # a new one each time: the service may close what it has answered
            sent = time.perf_counter()
            status = await connected.post(probe)
            now = time.perf_counter()
            if status == HTTPStatus.OK and now - sent <= 2 * normal:
                return sent - ended
    return _PROBE_SECONDS


def resident(process: psutil.Process) -> int:
    """Bytes of memory of a process and its children."""
    total = 0
    for one in (process, *process.children(recursive=True)):
        try:
            total += one.memory_info().rss
        except psutil.NoSuchProcess:  # a decoder that has just ended
            continue
    return total
