"""The life of what is served: loading, ready, replaced by another, draining, closed."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, replace

from backend import codebook_work
from backend.batching import Observer
from backend.index_watch import IndexWatch, Repeating
from backend.loading import CLOSING_SECONDS, Loaded, load
from backend.problems import Problem, unavailable
from backend.settings import Settings
from backend.warming import Warming
from model.errors import VQScopeError
from model.inference import InferenceModel, load_model
from model.latent.errors import IndexDamaged, IndexMismatch
from model.latent.index import maps_state, with_present_maps

logger = logging.getLogger(__name__)


@dataclass(eq=False)
class _Served:
    """Something loaded, and how many requests hold on to it."""

    loaded: Loaded
    warming: Warming
    users: int = 0
    replaced: bool = False
    maps: object = None
    """State of the folder of maps when they were last read."""


class Service:
    """Holds what is served, and brings it up and down beside the running server.

    Args:
        settings: what to load.
        notify: called once from the loading thread: with None when ready, else with what went wrong.
        load_model: gives the model; another one only to provoke faults in tests.
        observer: is told how long the model takes.
    """

    def __init__(
        self,
        settings: Settings,
        notify: Callable[[BaseException | None], None] | None = None,
        load_model: Callable[[str | None], InferenceModel] = load_model,
        observer: Observer | None = None,
    ) -> None:
        self.settings = settings
        self._notify = notify or (lambda _error: None)
        self._load_model = load_model
        self._observer = observer
        self._lock = threading.Lock()
        self._served: _Served | None = None
        self._replaced: set[_Served] = set()
        """Those that requests still hold on to."""
        self._failure: BaseException | None = None
        self._closing = threading.Event()
        self._loading = True
        self._draining = False
        self._asked = time.monotonic()
        """When a request last ended, or something was loaded."""
        self._watch = IndexWatch()
        self._looking = threading.Lock()
        self._maps_watch = Repeating(self.look_for_maps, "vqscope-maps")
        self._thread = threading.Thread(target=self._bring_up, name="vqscope-loader", daemon=True)

    def start(self) -> None:
        """Begin to load, in a thread of its own so that the server answers meanwhile."""
        self._thread.start()

    def drain(self) -> None:
        """From now on be not ready, while requests are answered as before."""
        self._draining = True

    def close(self, timeout: float = CLOSING_SECONDS) -> bool:
        """Let the batch in work end, drop the rest; again: only look.

        Args:
            timeout: seconds to wait for the threads, all together.

        Returns:
            Whether all have ended.
        """
        deadline = time.monotonic() + timeout
        self._closing.set()
        self._maps_watch.stop()
        self._thread.join(timeout)
        ended = not self._thread.is_alive()
        with self._lock:
            left = [*self._replaced, *([self._served] if self._served else [])]
        for one in left:
            ended = _close(one, max(0.0, deadline - time.monotonic())) and ended
        return ended

    @property
    def served(self) -> Loaded | None:
        """What is served, if anything is."""
        return self._served.loaded if self._served else None

    def loaded(self) -> Loaded:
        """Return what is served, or raise the problem 503 that says why there is nothing."""
        return self._now().loaded

    @contextmanager
    def hold(self) -> Iterator[Loaded]:
        """What is served, as `loaded`; it stays open until this ends, even if it is replaced meanwhile."""
        with self._lock:
            held = self._now()
            held.users += 1
            loaded = held.loaded
        try:
            yield loaded
        finally:
            with self._lock:
                held.users -= 1
                self._asked = time.monotonic()
                unused = held.replaced and held.users == 0
                if unused:
                    self._replaced.discard(held)
            if unused:
                _close(held, 0)

    def look_for_maps(self) -> None:
        """Serve the maps that lie in the index's folder now: whoever adds one need not reload.

        This reads the storage of the index, which may hang: it is done about once a second in a thread of its own,
        and never by a request.
        """
        with self._looking:
            served = self._served
            state = maps_state(served.loaded.index) if served else None
            if served is None or state is None or state == served.maps:
                return
            served.maps = state
            try:
                index = with_present_maps(served.loaded.index)
            except (IndexDamaged, IndexMismatch) as error:
                logger.warning("the maps stay as they were: %s", error)
                return
            with self._lock:
                served.loaded = replace(served.loaded, index=index)

    def idle(self) -> float:
        """Seconds since a request last wanted what is served; 0 while one does."""
        with self._lock:
            busy = self._replaced or (self._served is not None and self._served.users)
            return 0.0 if busy else time.monotonic() - self._asked

    async def ready(self) -> Loaded:
        """As `loaded`, but also demand that requests are welcome, the model can be asked and the index is there."""
        if self._draining:
            raise unavailable("the service is ending", kind="draining")
        loaded = self.loaded()
        if not loaded.batcher.alive:
            raise unavailable(
                "the model thread has ended; restart the service or reload the model",
                kind="model-gone",
                retry_after=10,
            )
        await self._watch.check(loaded.index)
        return loaded

    def reload(self) -> "Future[Loaded]":
        """Begin to load once more, from the same places; what is loaded then replaces what is served.

        Returns:
            What is served from then on, or why it could not be loaded: then all stays as it was.

        Raises:
            Problem: 409 while something is being loaded.
        """
        found: Future[Loaded] = Future()
        with self._lock:
            if self._loading or self._closing.is_set():
                raise Problem(409, "loading", "something is being loaded already; ask again when it is done")
            self._loading = True
            self._thread = threading.Thread(
                target=self._replace, args=(found,), name="vqscope-loader", daemon=True
            )
            self._thread.start()
        return found

    def _now(self) -> _Served:
        if self._served is not None:
            return self._served
        if isinstance(self._failure, VQScopeError):
            raise unavailable(f"loading failed: {self._failure}", retry_after=10)
        if self._failure is not None:
            raise unavailable("loading failed; the log of the service says why", retry_after=10)
        raise unavailable("the model and the index are being loaded")

    def _bring_up(self) -> None:
        try:
            self._load()
        except BaseException as error:  # kept and told by /health/ready and `notify`
            self._failure = error
            if not isinstance(error, VQScopeError):
                logger.critical("loading failed", exc_info=True)
        self._loading = False
        self._maps_watch.start()
        if self._failure is not None or self._served is not None:
            self._notify(self._failure)

    def _replace(self, found: "Future[Loaded]") -> None:
        try:
            loaded = self._load()
        except BaseException as error:  # noqa: BLE001 - raised where it is waited for
            self._loading = False  # before it is known to have ended, so that it may be asked for again
            found.set_exception(error)
        else:
            self._loading = False
            found.set_result(loaded)

    def _load(self) -> Loaded:
        loaded = load(self.settings, self._load_model, self._observer)
        ahead = codebook_work.ahead(loaded)
        served = _Served(loaded, Warming(ahead, self.idle, seconds=self.settings.idle_seconds))
        with self._lock:
            closing = self._closing.is_set()
            before = self._served
            if not closing:
                self._served = served
                self._asked = time.monotonic()
                if before is not None:
                    before.replaced = True
                    if before.users:
                        self._replaced.add(before)
        if closing:
            _close(served, CLOSING_SECONDS)
            return loaded
        served.warming.start()
        if before is not None and before not in self._replaced:
            _close(before, 0)
        return loaded


def _close(served: _Served, timeout: float) -> bool:
    deadline = time.monotonic() + timeout
    ended = served.warming.close(timeout)
    served.loaded.computed.close()
    return served.loaded.batcher.close(max(0.0, deadline - time.monotonic())) and ended
