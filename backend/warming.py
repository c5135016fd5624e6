"""Work done before anybody asks for it, while nobody asks for anything."""

import logging
import math
import threading
from collections.abc import Callable, Iterator

from backend.problems import Problem

logger = logging.getLogger(__name__)
_END = object()


class Warming:
    """A thread that takes steps of work as long as the service is idle.

    Args:
        steps: a step between any two of its yields; each as short as what a request may wait for.
        idle: seconds since somebody last asked, 0 while somebody waits for an answer.
        seconds: idle for so long, the next step is taken; infinite: never.
    """

    def __init__(self, steps: Iterator[None], idle: Callable[[], float], *, seconds: float) -> None:
        self._steps = steps
        self._idle = idle
        self._seconds = seconds
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the thread."""
        if math.isfinite(self._seconds):
            # Made here: a thread that never starts refers to this object for good, and to the model with it.
            self._thread = threading.Thread(target=self._work, name="vqscope-warming", daemon=True)
            self._thread.start()

    def close(self, timeout: float) -> bool:
        """Stop after the step in work; whether the thread has ended within ``timeout`` seconds."""
        self._stop.set()
        if self._thread is None:
            return True
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _work(self) -> None:
        try:
            while not self._stop.is_set():
                wait = self._seconds - self._idle()
                if wait > 0:
                    self._stop.wait(wait)
                elif next(self._steps, _END) is _END:
                    return
        except Problem as problem:  # the service closes, or its queue is full: whoever asks does it then
            logger.info("nothing further is made ahead: %s", problem)
        except Exception:  # whoever asks for the same is told
            logger.exception("what should have been made ahead failed")
