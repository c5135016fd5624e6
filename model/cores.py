"""A batch computed in parts, each on one core."""

import threading
import weakref
from collections.abc import Callable, Sequence
from concurrent.futures import Future, wait
from queue import SimpleQueue
from typing import Any, TypeVar

import torch
from threadpoolctl import threadpool_limits

Part = TypeVar("Part")
Result = TypeVar("Result")
_LAST_SECONDS = 1.0
"""For which an idle thread is waited for at its end; it takes a thousandth of that."""
_LOOK_UP_SECONDS = 0.5
"""After which a caller that waits looks up: a signal that comes just before the waiting begins does not end it."""
_Task = tuple["Future[Any]", Callable[[Any], Any], Any]


class Cores:
    """Threads that compute parts of the same work, each on a core of its own. Not to be used after a fork.

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
            ready: list[Future[None]] = [Future() for _ in range(count)]
            threads = [
                threading.Thread(
                    target=_work, args=(self._tasks, one), name=f"vqscope-core-{number}", daemon=True
                )
                for number, one in enumerate(ready)
            ]
            # With their owner, or else before the interpreter is taken down, which under a thread of torch's aborts.
            weakref.finalize(self, _end, self._tasks, threads)
            for thread in threads:
                thread.start()
            for one in ready:
                one.result()

    def map(self, work: Callable[[Part], Result], parts: Sequence[Part]) -> list[Result]:
        """What ``work`` makes of each part, in their order.

        Raises:
            BaseException: what ``work`` raised, of the first part that it raised for, or what interrupted the waiting,
                such as Ctrl-C; no part is in work then.
        """
        if self.count == 1:
            return [work(part) for part in parts]
        futures: list[Future[Result]] = [Future() for _ in parts]
        for future, part in zip(futures, parts, strict=True):
            self._tasks.put((future, work, part))
        try:
            while wait(futures, _LOOK_UP_SECONDS).not_done:
                pass
            return [future.result() for future in futures]
        finally:
            for future in futures:
                future.cancel()  # what has not begun
            wait(futures)
            futures.clear()  # else an error holds on to all results, and they to it


def _work(tasks: "SimpleQueue[_Task | None]", ready: "Future[None]") -> None:
    torch.get_num_threads()  # torch sets its own number when a thread first asks: before ours, not after
    try:
        limits = threadpool_limits(1, user_api="openmp")  # of this thread alone
    except BaseException as error:  # noqa: BLE001 - raised where it is waited for
        ready.set_exception(error)
        return
    ready.set_result(None)
    with limits:
        while (task := tasks.get()) is not None:
            future, work, part = task
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(work(part))
                except BaseException as error:  # noqa: BLE001 - raised where it is waited for
                    future.set_exception(error)
            del task, future, work, part  # what they hold may be large


def _end(tasks: "SimpleQueue[_Task | None]", threads: Sequence[threading.Thread]) -> None:
    for _ in threads:
        tasks.put(None)
    for thread in threads:
        if (
            thread.is_alive() and thread is not threading.current_thread()
        ):  # where a collection of garbage may run
            thread.join(_LAST_SECONDS)
