"""One thread owns the model; whatever waits when it becomes free is its next batch.

No delay is added to fill a batch: while one is computed the next one gathers, so that batches grow with the
load by themselves. The scheme is that of text-embeddings-inference and infinity.
"""

import asyncio
import logging
import math
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Hashable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

from backend.observation import current
from backend.problems import Problem, fault, unavailable

logger = logging.getLogger(__name__)
Payload = TypeVar("Payload")
Result = TypeVar("Result")


@dataclass(frozen=True, eq=False)
class Job(Generic[Payload, Result]):
    """A kind of work of the model.

    Args:
        name: for the log.
        key: payloads of equal key can be computed together (equal shapes, say).
        run: (model, payloads of one key) -> one result for each, in order.
    """

    name: str
    key: Callable[[Payload], Hashable]
    run: Callable[[Any, Sequence[Payload]], Sequence[Result]]


@dataclass(frozen=True, eq=False)
class _Entry:
    job: Job[Any, Any]
    payload: Any
    future: "Future[Any]"
    queued: float = field(default_factory=time.perf_counter)


class Observer(Protocol):
    """Is told, in the model's thread, how long things take."""

    def waited(self, seconds: float) -> None:
        """An entry waited so long for its turn."""

    def computed(self, images: int, seconds: float) -> None:
        """A batch of so many images took so long."""


class Slots:
    """A request's share of the queue; grows as the request turns out to hold more images."""

    def __init__(self, batcher: "Batcher") -> None:
        self._batcher = batcher
        self.held = 0

    def grow(self, count: int) -> None:
        """Take ``count`` more slots, or none and raise the problem 429."""
        self._batcher.occupy(count)
        self.held += count


class Batcher:
    """The queue before a model, and the thread that owns the model from `start` on."""

    def __init__(
        self,
        model: Any,  # noqa: ANN401 - jobs know its type
        *,
        queue_length: int,
        batch_size: int,
        observer: Observer | None = None,
    ) -> None:
        self._model = model
        self._queue_length = queue_length
        self._batch_size = batch_size
        self._observer = observer
        self._entries: deque[_Entry] = deque()
        self._changed = threading.Condition()
        self._occupied = 0
        self._closing = False
        self._ended = False
        self._seconds_per_image = 0.0
        self.batches = 0
        self.images = 0
        self._thread = threading.Thread(target=self._work, name="vqscope-model", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether work will be done: the thread was started and has not ended."""
        return self._thread.is_alive() and not self._ended

    @property
    def queue_length(self) -> int:
        """Slots of the queue, taken or not."""
        return self._queue_length

    @property
    def occupied(self) -> int:
        """Slots of the queue that are taken."""
        return self._occupied

    def close(self, timeout: float) -> bool:
        """End the thread after the batch in work; what still waits fails.

        Returns:
            Whether it ended within ``timeout`` seconds.
        """
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join(timeout)
        return not self._thread.is_alive()

    @contextmanager
    def slots(self, count: int = 1) -> Iterator[Slots]:
        """Hold ``count`` slots of the queue, taken before the work is even read; full: the problem 429."""
        slots = Slots(self)
        slots.grow(count)
        try:
            yield slots
        finally:
            with self._changed:
                self._occupied -= slots.held

    def occupy(self, count: int) -> None:
        """Take slots of the queue.

        Raises:
            Problem: 429 if it is full, with an estimate of when to come back; 503 if the thread is dead.
        """
        with self._changed:
            if self._ended or self._closing:
                raise self._gone()
            if self._occupied + count > self._queue_length:
                seconds = max(1, math.ceil(self._occupied * self._seconds_per_image))
                detail = f"the queue is full ({self._queue_length} images); come back in about {seconds} s"
                raise Problem(429, "queue-full", detail, {"Retry-After": str(seconds)})
            self._occupied += count

    def submit(self, job: Job[Payload, Result], payloads: Sequence[Payload]) -> "list[Future[Result]]":
        """Queue work, for which the caller holds the slots; what is cancelled before its turn is skipped."""
        entries = [_Entry(job, payload, Future()) for payload in payloads]
        with self._changed:
            if self._ended or self._closing:
                raise self._gone()
            self._entries.extend(entries)
            self._changed.notify_all()
        return [entry.future for entry in entries]

    @staticmethod
    def _gone() -> Problem:
        return unavailable(
            "the model is not running; the service must be restarted", kind="model-gone", retry_after=10
        )

    def _work(self) -> None:
        try:
            while batch := self._next_batch():
                self._compute(batch)
        except BaseException:
            # Not raised further: nobody is above. `alive`, and with it /health/ready, tells the outside.
            logger.critical("the model thread died", exc_info=True)
        finally:
            with self._changed:
                self._ended = True
                left = list(self._entries)
                self._entries.clear()
            _fail(left, self._gone())

    def _next_batch(self) -> list[_Entry]:
        """Wait for work; an empty list when the service closes."""
        batch: list[_Entry] = []
        with self._changed:
            while not batch:
                self._changed.wait_for(lambda: self._entries or self._closing)
                if self._closing:
                    return []
                while self._entries and len(batch) < self._batch_size:
                    entry = self._entries.popleft()
                    if entry.future.set_running_or_notify_cancel():
                        batch.append(entry)
        return batch

    def _compute(self, batch: list[_Entry]) -> None:
        groups: dict[Hashable, list[_Entry]] = defaultdict(list)
        for entry in batch:
            groups[entry.job, entry.job.key(entry.payload)].append(entry)
        begun = time.perf_counter()
        self.batches += 1
        self.images += len(batch)
        if self._observer:
            for entry in batch:
                self._observer.waited(begun - entry.queued)
        try:
            for group in groups.values():
                self._compute_group(group)
        finally:
            _fail(batch, self._gone())  # what an end of the thread left without a result
        seconds = time.perf_counter() - begun
        self._seconds_per_image = seconds / len(batch)
        if self._observer:
            self._observer.computed(len(batch), seconds)

    def _compute_group(self, group: list[_Entry]) -> None:
        job = group[0].job
        try:
            results = job.run(self._model, [entry.payload for entry in group])
            for entry, result in zip(group, results, strict=True):
                entry.future.set_result(result)
        except Exception:  # told to those who wait; the thread goes on for the others
            logger.exception("%s of %d images failed", job.name, len(group))
            _fail(group, fault())


def _fail(entries: Sequence[_Entry], error: Exception) -> None:
    for entry in entries:
        if not entry.future.done():
            entry.future.set_exception(error)


async def results(batcher: Batcher, job: Job[Payload, Result], payloads: Sequence[Payload]) -> list[Result]:
    """Results of the model for one request, in order; the caller holds the slots.

    What waits when this is cancelled is withdrawn. Raises the problem 503 if the model thread is dead.
    """
    current().images += len(payloads)
    return await asyncio.gather(*(asyncio.wrap_future(future) for future in batcher.submit(job, payloads)))
