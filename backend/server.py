"""uvicorn's server, with an end that load balancers can follow."""

import signal
import threading
from collections.abc import Callable
from types import FrameType

import uvicorn


class DrainingServer(uvicorn.Server):
    """Ends in three steps: it is not ready, then takes no further request, then has finished those in work.

    Args:
        config: uvicorn's.
        drain: makes the service not ready.
        seconds: between the first step and the second, after SIGTERM; a second signal ends it.
    """

    def __init__(self, config: uvicorn.Config, *, drain: Callable[[], None], seconds: float) -> None:
        super().__init__(config)
        self._drain = drain
        self._seconds = seconds
        self._draining = False

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Handle SIGTERM or Ctrl-C."""
        self._drain()
        if self._seconds > 0 and not self._draining and sig == signal.SIGTERM:
            self._draining = True
            timer = threading.Timer(self._seconds, self._end)
            timer.daemon = True
            timer.start()
        else:
            super().handle_exit(sig, frame)

    def _end(self) -> None:
        self.should_exit = True
