"""What the signals mean to the service: SIGTERM and Ctrl-C end it, SIGHUP lets it load anew."""

import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import uvicorn


class Signals:
    """Context manager that takes the signals over, also while the service starts: ending it is no failure then.

    uvicorn raises a signal again once it has shut down; these handlers, which it restores before that, swallow it.
    SIGHUP keeps its meaning where a terminal is the input: that the terminal has gone.
    """

    def __init__(self) -> None:
        self._asked = False
        self._server: uvicorn.Server | None = None
        self._reload: Callable[[], None] | None = None
        self._previous: dict[signal.Signals, Any] = {}

    def steer(self, server: "uvicorn.Server", reload: Callable[[], None]) -> bool:
        """From now on end this server, and load by ``reload``; tell whether the end was asked for already."""
        self._server = server
        self._reload = reload
        return self._asked

    def __enter__(self) -> "Signals":
        if threading.current_thread() is threading.main_thread():  # no other thread may set handlers
            for number in (signal.SIGINT, signal.SIGTERM):
                self._previous[number] = signal.signal(number, self._end)
            if hasattr(signal, "SIGHUP") and not (sys.stdin and sys.stdin.isatty()):
                self._previous[signal.SIGHUP] = signal.signal(signal.SIGHUP, self._hang_up)
        return self

    def __exit__(self, *_error: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def _end(self, _number: int, _frame: FrameType | None) -> None:
        self._asked = True
        if self._server is not None:
            self._server.should_exit = True

    def _hang_up(self, _number: int, _frame: FrameType | None) -> None:
        if self._reload is not None:  # else what will be loaded is what is there now
            # In a thread, as the one that was interrupted may hold the very lock that this needs.
            threading.Thread(target=self._reload, name="vqscope-reload", daemon=True).start()
