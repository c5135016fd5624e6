"""A batch computed in parts, each on one core."""

import threading
import weakref
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from queue import SimpleQueue
from typing import Any, TypeVar

import torch
from threadpoolctl import threadpool_limits

Part = TypeVar("Part")
Result = TypeVar("Result")
_Task = tuple["Future[Any]", Callable[[Any], Any], Any]


class Cores:
    """Threads that compute parts of the same work, each on a core of its own.

    torch shares every operator between the cores, and all wait for the last one at its end. The operators of small
    images take so little time that a tenth to a quarter of it is this waiting, and far more where another process
    keeps one of the cores: parts of a batch have nothing to wait for.

    Args:
        count: of threads; 1: the caller's own does everything.
    """

    def __init__(self, count: int) -> None:
        self.count = count
        self._tasks: SimpleQueue[_Task | None] = SimpleQueue()
        if count > 1:
            weakref.finalize(self, _end, self._tasks, count)
            for number in range(count):
                # Daemons: who leaves the program waits for nobody who has nothing to do.
                name = f"vqscope-core-{number}"
                threading.Thread(target=_work, args=(self._tasks,), name=name, daemon=True).start()

    def map(self, work: Callable[[Part], Result], parts: Sequence[Part]) -> list[Result]:
        """What ``work`` makes of each part, in their order.

        Raises:
            Exception: what ``work`` raised, of the first part that it raised for; none is in work then.
        """
        if self.count == 1:
            return [work(part) for part in parts]
        futures: list[Future[Result]] = [Future() for _ in parts]
        for future, part in zip(futures, parts, strict=True):
            self._tasks.put((future, work, part))
        for future in futures:
            future.exception()
        return [future.result() for future in futures]


def _work(tasks: "SimpleQueue[_Task | None]") -> None:
    torch.get_num_threads()  # torch sets its own number when a thread first asks: before ours, not after
    with threadpool_limits(1, user_api="openmp"):  # of this thread alone
        while (task := tasks.get()) is not None:
            future, work, part = task
            try:
                future.set_result(work(part))
            except BaseException as error:  # noqa: BLE001 - raised where it is waited for
                future.set_exception(error)
            del task, future, work, part  # what they hold may be large


def _end(tasks: "SimpleQueue[_Task | None]", count: int) -> None:
    for _ in range(count):
        tasks.put(None)
