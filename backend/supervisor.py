"""Several processes that live and end together, with no orphan whatever happens to their supervisor.

Each child runs in a session of its own, so that Ctrl-C in a terminal reaches the supervisor alone, which then
ends the children in good order. Each child holds the reading end of a pipe (its leash) whose writing end only
the supervisor has: when the supervisor goes, even by SIGKILL, the operating system closes that end and the
child ends itself. Unlike PR_SET_PDEATHSIG this needs no code between fork and exec, leaves no gap at the
start, and is the same on every system.
"""

import os
import runpy
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, SimpleQueue
from types import FrameType
from typing import IO, Self

_POLL_S = 0.1
_SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]


class StopRequested(Exception):
    """A signal asked the supervisor to end."""

    def __init__(self, signum: int) -> None:
        super().__init__(f"signal {signum}")
        self.signum = signum


class ChildEnded(Exception):
    """A child ended by itself."""

    def __init__(self, child: "Child") -> None:
        super().__init__(f"{child.name} ended (exit code {child.process.returncode})")
        self.child = child


class NotReady(Exception):
    """Children did not answer in time; ``names`` says which."""

    def __init__(self, names: list[str], seconds: float) -> None:
        super().__init__(f"{' and '.join(names)} did not answer within {seconds:.0f} s")
        self.names = names


@dataclass(frozen=True)
class Child:
    """A process that runs, or ran."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path | None
    watcher: threading.Thread = field(repr=False)

    def last_lines(self, count: int = 15) -> list[str]:
        """The end of the child's log; empty where it writes to the terminal."""
        if self.log is None:
            return []
        return self.log.read_text(errors="replace").splitlines()[-count:]


class Supervisor:
    """Context manager that starts children and, on leaving, ends every one of them.

    Inside it SIGINT, SIGTERM and SIGHUP no longer interrupt: the waiting methods raise `StopRequested`.
    To be used from the main thread, where Python delivers signals.
    """

    def __init__(self, *, grace: float = 8.0) -> None:
        """Remember how many seconds children get between SIGTERM and SIGKILL."""
        self._grace = grace
        self._children: list[Child] = []
        # Signal numbers and children that ended. Queue.put, unlike SimpleQueue's, is not for signal handlers.
        self._events: SimpleQueue[int | Child] = SimpleQueue()
        self._previous: dict[int, object] = {}

    def __enter__(self) -> Self:
        for signum in _SIGNALS:
            self._previous[signum] = signal.signal(signum, self._on_signal)
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self.stop()
        finally:
            for signum, handler in self._previous.items():
                signal.signal(signum, handler)  # type: ignore[arg-type]  # what signal.signal itself returned

    def start(
        self,
        name: str,
        module: str,
        arguments: Sequence[str],
        *,
        log: Path | None,
        grace: float = 8.0,
        variables: Mapping[str, str] | None = None,
    ) -> Child:
        """Start ``python -m MODULE ARGUMENTS…``.

        Args:
            name: How messages call the child.
            module: Run as ``__main__``; from the installed packages, never from the current folder (-P), in
                which a user may well have a folder called `model`.
            arguments: Its command line.
            log: File for its output and errors, emptied first; ``None``: both go to our standard error.
            grace: Seconds that it has for a clean end when the supervisor is gone; 0: it dies at once.
            variables: Of its environment, beside those of ours.
        """
        command = [sys.executable, "-P", "-m", "backend.supervisor", str(grace), module, *arguments]
        output: IO[bytes] = log.open("wb") if log else os.fdopen(os.dup(sys.stderr.fileno()), "wb")
        with output:
            process = subprocess.Popen(  # noqa: S603 - our own interpreter, no shell
                command,
                stdin=subprocess.PIPE,  # the leash; see the module's docstring
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env={**os.environ, **(variables or {}), "PYTHONUNBUFFERED": "1"},
            )
        watcher = threading.Thread(target=self._watch, args=(len(self._children),), daemon=True)
        child = Child(name, process, log, watcher)
        self._children.append(child)
        watcher.start()
        return child

    def wait_ended(self, child: Child) -> int:
        """Wait until ``child`` ends and return its exit code.

        Raises:
            StopRequested: A signal came first.
            ChildEnded: Another child ended first.
        """
        while True:
            try:
                self._wait(None)
            except ChildEnded as ended:
                if ended.child is not child:
                    raise
                return child.process.wait()

    def wait_ready(self, urls: Mapping[str, str], *, timeout: float) -> None:
        """Wait until every URL answers 200.

        Args:
            urls: Name of the child -> URL on this machine.
            timeout: Seconds.

        Raises:
            StopRequested: A signal came first.
            ChildEnded: A child ended first.
            NotReady: The time is up.
        """
        import httpx  # takes a quarter of a second, which a leashed child need not pay

        waiting = dict(urls)
        deadline = time.monotonic() + timeout
        # trust_env: a proxy of the environment must not be asked about this machine's own ports.
        with httpx.Client(trust_env=False, timeout=5.0) as client:
            while waiting:
                for name, url in list(waiting.items()):
                    try:
                        if client.get(url).status_code == 200:
                            del waiting[name]
                    except httpx.TransportError:
                        pass  # not listening yet
                if waiting and time.monotonic() > deadline:
                    raise NotReady(list(waiting), timeout)
                self._wait(_POLL_S if waiting else 0.0)

    def wait_stop(self) -> int:
        """Wait for a signal and return its number.

        Raises:
            ChildEnded: A child ended first.
        """
        try:
            while True:
                self._wait(None)
        except StopRequested as request:
            return request.signum

    def stop(self) -> None:
        """End all children: SIGTERM, then SIGKILL after the grace period or at a second signal."""
        for child in self._children:
            child.process.terminate()
        deadline = time.monotonic() + self._grace
        while any(child.watcher.is_alive() for child in self._children):
            try:
                event = self._events.get(timeout=max(0.0, deadline - time.monotonic()))
            except Empty:
                break
            if isinstance(event, Child):
                event.watcher.join()
            else:
                break
        for child in self._children:
            child.process.kill()
        for child in self._children:
            child.watcher.join()

    def kill(self, child: Child) -> None:
        """End one child at once: for work that may be cut off anywhere."""
        child.process.kill()
        child.watcher.join()

    def _wait(self, timeout: float | None) -> None:
        """Wait for the next event for at most ``timeout`` seconds and raise what it means."""
        try:
            event = self._events.get(timeout=timeout) if timeout != 0.0 else self._events.get_nowait()
        except Empty:
            return
        if isinstance(event, Child):
            raise ChildEnded(event)
        raise StopRequested(event)

    def _on_signal(self, signum: int, _: FrameType | None) -> None:
        self._events.put(signum)

    def _watch(self, number: int) -> None:
        child = self._children[number]
        child.process.wait()
        _kill_group(child.process.pid)  # whatever it started and left behind
        if child.process.stdin:
            child.process.stdin.close()
        self._events.put(child)


def _kill_group(leader: int) -> None:
    if sys.platform != "win32":
        with suppress(ProcessLookupError):  # the usual case: nothing is left
            os.killpg(leader, signal.SIGKILL)


def run_leashed(grace: float, module: str, arguments: Sequence[str]) -> None:
    """Run ``module`` as ``__main__`` in this process, and end the process when standard input does.

    Args:
        grace: Seconds between SIGTERM and the certain end; 0 leaves out the SIGTERM.
        module: Name of the module or of a package with ``__main__``.
        arguments: Its command line.
    """
    leash = os.dup(0)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)  # the module must not read from the leash
    os.close(nothing)

    def hold() -> None:
        while os.read(leash, 1):
            pass  # nobody writes; only the end counts
        if grace > 0:
            os.kill(os.getpid(), signal.SIGTERM)
            threading.Event().wait(grace)
        if sys.platform != "win32" and os.getpgrp() == os.getpid():
            os.killpg(os.getpid(), signal.SIGKILL)
        os._exit(1)

    threading.Thread(target=hold, name="leash", daemon=True).start()
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    run_leashed(float(sys.argv[1]), sys.argv[2], sys.argv[3:])
