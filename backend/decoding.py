"""Uploaded bytes to small arrays, in processes of their own that can be killed."""

import asyncio
import contextlib
import logging
import math
import os
import queue
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from backend.decoder_worker import ANSWER, HELLO, MOST_SAID, QUESTION, Verdict, receive
from backend.problems import Problem, unavailable
from backend.settings import Limits

logger = logging.getLogger(__name__)
_BOOT_SECONDS = 60.0
_PER_TURN = 16
"""Files of one request that are decoded before another one's turn comes."""
_BUDGET = 3
"""Over all files of a request, in units of the longest time over one."""
_SLOW = "image-too-slow"
_BYTES_AT_ONCE = 64 * 1024
_REFUSALS = {
    Verdict.UNSUPPORTED: (415, "unsupported-image"),
    Verdict.TOO_LARGE: (422, "image-too-large"),
    Verdict.UNREADABLE: (422, "unreadable-image"),
}


@dataclass(eq=False)
class _Wanted:
    """What a request asks of the decoders, and what they have spent on it."""

    size: int
    """Side of the pictures, in pixels."""
    go_on: bool
    """After a bad file."""
    stop: threading.Event = field(default_factory=threading.Event)
    """Set once nobody waits for it any more."""
    seconds: float = 0.0
    """Of decoding, without what it waited for its turns."""


class Decoders:
    """A few worker processes, each with a thread that waits for it.

    What waits here is bounded by the queue of the model, whose slots are taken before a body is read. A worker
    that takes too long over a file, or dies of it, is replaced.

    Args:
        limits: of bytes, pixels and time, and how many workers.
        timed: gives a context around the files of a turn, to measure them.
    """

    def __init__(
        self, limits: Limits, timed: Callable[[], AbstractContextManager[None]] = contextlib.nullcontext
    ) -> None:
        self._timed = timed
        self._most_seconds = _BUDGET * limits.decode_seconds
        self._workers = [_Worker(limits) for _ in range(limits.decoders)]
        self._idle: queue.SimpleQueue[_Worker] = queue.SimpleQueue()
        for worker in self._workers:
            self._idle.put(worker)
        self._threads = ThreadPoolExecutor(limits.decoders, "vqscope-decoder")

    def start(self) -> None:
        """Start a worker ahead of the first upload; should it fail, that upload tells."""
        self._threads.submit(self._decode, [], _Wanted(1, go_on=False))

    async def decode(
        self, files: Sequence[bytes | bytearray], size: int, *, go_on: bool = False
    ) -> list[NDArray[np.uint8] | Problem]:
        """Decode files, in order, each to a picture (size, size) or (size, size, 3).

        Requests take turns, which end in time. Once a file took too long, or all together did, the rest is refused
        unread, so that a few requests of slow files do not hold up all others. Cancelled, this leaves the rest undone.

        Args:
            files: PNG, JPEG or TIFF, as they came.
            size: side of the pictures, in pixels.
            go_on: after a bad file; else what follows it may be missing.

        Raises:
            Problem: 503 if no worker can be started.
        """
        found: list[NDArray[np.uint8] | Problem] = []
        wanted = _Wanted(size, go_on)
        loop = asyncio.get_running_loop()
        try:
            while len(found) < len(files):
                turn = files[len(found) : len(found) + _PER_TURN]
                found += await loop.run_in_executor(self._threads, self._decode, turn, wanted)
                problems = [one for one in found if isinstance(one, Problem)]
                if problems and not go_on:
                    break
                if wanted.seconds > self._most_seconds or any(one.kind == _SLOW for one in problems):
                    found += [_unread() for _ in files[len(found) :]]
        finally:
            wanted.stop.set()
        return found

    def close(self) -> None:
        """End the workers and drop what waits."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        for worker in self._workers:
            worker.close()

    def _decode(
        self, files: Sequence[bytes | bytearray], wanted: _Wanted
    ) -> list[NDArray[np.uint8] | Problem]:
        worker = self._idle.get()  # never waits: there are as many as threads
        try:
            worker.start()
            begun = time.monotonic()
            with self._timed():
                found = worker.decode(files, wanted)
            wanted.seconds += time.monotonic() - begun
            return found
        finally:
            self._idle.put(worker)


class _Worker:
    """One process, started when it is first needed; used by one thread at a time."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: socket.socket | None = None
        self._lock = threading.Lock()
        self._closed = False

    def start(self) -> socket.socket:
        """Start the process unless it runs; its socket."""
        if self._connection is None:
            self._connection = self._begin()
        return self._connection

    def decode(
        self, files: Sequence[bytes | bytearray], wanted: _Wanted
    ) -> list[NDArray[np.uint8] | Problem]:
        """Decode the first files, at least one: as many as the time of a turn is enough for."""
        end = time.monotonic() + self._limits.decode_seconds
        found: list[NDArray[np.uint8] | Problem] = []
        suspect = False
        """Whether a decoder ended over the next file before."""
        while len(found) < len(files) and not wanted.stop.is_set():
            if found and time.monotonic() > end:
                break
            try:
                for answer in self._ask(self.start(), _at_once(files[len(found) :]), wanted.size):
                    found.append(answer)
                    suspect = False
                    if wanted.stop.is_set():
                        self._end()  # what else it was given is not worth its time
                        return found
            except TimeoutError:
                self._end()
                detail = f"decoding it takes more than {self._limits.decode_seconds:g} s; send a smaller one"
                found.append(Problem(422, _SLOW, detail))
                break
            except (EOFError, OSError):
                # Of this file, or of something outside, such as a machine out of memory: a second try tells.
                self._end()
                logger.warning("a decoder ended over a file, attempt %d of 2", 1 + suspect)
                if suspect:
                    detail = "the decoder broke off over it; save it anew"
                    found.append(Problem(422, "unreadable-image", detail))
                suspect = not suspect
            if not wanted.go_on and any(isinstance(one, Problem) for one in found):
                break
        return found

    def close(self) -> None:
        """End the process now."""
        with self._lock:
            self._closed = True
        self._end()

    def _ask(
        self, connection: socket.socket, files: Sequence[bytes | bytearray], size: int
    ) -> Iterator[NDArray[np.uint8] | Problem]:
        """Answers to files that are sent at once, each from when it is there; the next has its time from then."""
        connection.settimeout(self._limits.decode_seconds)
        connection.sendall(b"".join(QUESTION.pack(len(data), size) + data for data in files))
        for _ in files:
            yield self._answer(connection, size)

    def _answer(self, connection: socket.socket, size: int) -> NDArray[np.uint8] | Problem:
        deadline = time.monotonic() + self._limits.decode_seconds
        verdict, length, colour = ANSWER.unpack(_receive(connection, ANSWER.size, deadline))
        shape = (size, size, 3) if colour else (size, size)
        # What a hostile file may have taken over is not believed either.
        if verdict in _REFUSALS and length <= MOST_SAID:
            said = _receive(connection, length, deadline).decode(errors="replace")
            return Problem(*_REFUSALS[verdict], said)
        if verdict != Verdict.GOOD or length != math.prod(shape):
            raise ConnectionError("a decoder answered what it cannot")
        return np.frombuffer(_receive(connection, length, deadline), np.uint8).reshape(shape)

    def _begin(self) -> socket.socket:
        limits = self._limits
        ours, theirs = socket.socketpair()
        numbers = (theirs.fileno(), limits.decode_seconds, limits.body_bytes, limits.pixels)
        command = [sys.executable, "-m", "backend.decoder_worker", *map(str, numbers)]
        try:
            with theirs, self._lock:
                if self._closed:
                    raise unavailable("the service is ending")
                self._process = subprocess.Popen(  # noqa: S603 - our own module
                    command,
                    pass_fds=[theirs.fileno()],
                    env=_environment(),
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,  # libraries tell what they read in a file
                    start_new_session=True,  # Ctrl-C is for the service, which ends this one
                )
            _receive(ours, len(HELLO), time.monotonic() + _BOOT_SECONDS)
        except (OSError, EOFError) as error:
            ours.close()
            self._end()
            if not self._closed:
                logger.error("no decoder can be started: %s", error or type(error).__name__)
            raise unavailable(
                "uploads cannot be decoded now: no decoder starts", kind="no-decoder"
            ) from error
        except BaseException:
            ours.close()
            raise
        return ours

    def _end(self) -> None:
        with self._lock:
            process, connection = self._process, self._connection
            self._process = self._connection = None
        if connection is not None:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)  # wakes the thread that may wait for it
            connection.close()
        if process is not None:
            process.kill()
            process.wait()


def _unread() -> Problem:
    return Problem(422, _SLOW, "not decoded, as others of the request took too long; send it in another one")


def _at_once(files: Sequence[bytes | bytearray]) -> Sequence[bytes | bytearray]:
    """The first files that together fit a socket's buffer, at least one.

    Every switch between processes costs a busy machine more than decoding a small file does. More could make both
    sides wait for each other, each with its buffer full.
    """
    count = total = 0
    for data in files:
        total += len(data)
        if count and total > _BYTES_AT_ONCE:
            break
        count += 1
    return files[:count]


def _receive(connection: socket.socket, count: int, deadline: float) -> bytearray:
    connection.settimeout(max(1e-3, deadline - time.monotonic()))
    return receive(connection, count)


def _environment() -> dict[str, str]:
    """That of the service, without its settings, keys among them; modules are found where it finds them."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("VQSCOPE_")}
    return {**kept, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "OPENBLAS_NUM_THREADS": "1"}
