"""Looking after the files of the index that is served, for the service's health and for maps that come and go."""

import asyncio
import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future

from backend.problems import unavailable
from model.errors import VQScopeError
from model.latent.index import LatentIndex
from model.latent.index_files import check_files

LOOK_SECONDS = 2.0
"""Longest look; orchestrators give up on health after a few seconds."""
BETWEEN_SECONDS = 1.0
"""From the end of a look for maps to the next."""
logger = logging.getLogger(__name__)


class IndexWatch:
    """Looks when asked, once at a time and in a thread of its own: where the storage hangs, only that one does."""

    def __init__(self) -> None:
        self._look: Future[None] | None = None
        self._was_there = True

    async def check(self, index: LatentIndex) -> None:
        """Return if the files of the index are there.

        Raises:
            Problem: 503 that says what is missing, or that the storage does not answer.
        """
        if self._look is None or self._look.done():
            self._look = Future()
            threading.Thread(
                target=_check, args=(index, self._look), name="vqscope-health", daemon=True
            ).start()
        fault = ""
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                await asyncio.shield(asyncio.wrap_future(self._look))
        except TimeoutError:
            fault = f"the storage of the index did not answer within {LOOK_SECONDS:g} s"
        except VQScopeError as error:
            fault = str(error)
        self._tell(fault)
        if fault:
            raise unavailable(fault, kind="index-gone", retry_after=10)

    def _tell(self, fault: str) -> None:
        """Log a change, not each look."""
        if self._was_there == (not fault):
            return
        self._was_there = not fault
        if fault:
            logger.error("not ready: %s", fault)
        else:
            logger.warning("ready again: the index is back")


class Repeating:
    """A thread that does something about once a second; where that hangs, nobody waits for it.

    Args:
        look: is called again and again; what it raises is logged.
        name: of the thread.
    """

    def __init__(self, look: Callable[[], None], name: str) -> None:
        self._look = look
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)

    def start(self) -> None:
        """Start the thread; the first look is a second later."""
        self._thread.start()

    def stop(self) -> None:
        """Let the look in work be the last; it is not waited for."""
        self._stop.set()

    def _work(self) -> None:
        while not self._stop.wait(BETWEEN_SECONDS):
            try:
                self._look()
            except Exception:  # the next look may find what this one did not
                logger.exception("looking at the index failed")


def _check(index: LatentIndex, found: "Future[None]") -> None:
    try:
        check_files(index)
    except BaseException as error:  # noqa: BLE001 - raised where it is waited for
        found.set_exception(error)
    else:
        found.set_result(None)
