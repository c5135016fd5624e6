"""Maps that are fitted on request: one at a time, each in a process of its own, so that all else goes on."""

import json
import logging
import secrets
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from backend.hosts import is_loopback
from backend.problems import Problem, not_found
from backend.settings import Settings

State = Literal["running", "cancelling", "cancelled", "done", "failed"]
_REMEMBERED = 32
_GRACE_SECONDS = 5.0
logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class MapOrder:
    """What is to be fitted, checked."""

    index: Path
    index_version: str
    method: str
    parameters: Mapping[str, Any]
    name: str
    stability: int
    """Fits that are compared, or 0."""


@dataclass(frozen=True, kw_only=True)
class MapJob:
    """A map that is being fitted, or was."""

    id: str
    order: MapOrder
    state: State = "running"
    stage: str = "starting"
    progress: float = 0.0
    """Of the stage, in [0, 1]."""
    error: str | None = None


class MapJobs:
    """The jobs of a service, the latest last; the oldest are forgotten.

    Args:
        made: is called, in another thread, when a new map lies in the index's folder.
    """

    def __init__(self, made: Callable[[], None]) -> None:
        self._made = made
        self._jobs: dict[str, MapJob] = {}
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._watcher: threading.Thread | None = None

    def start(self, order: MapOrder) -> MapJob:
        """Begin to fit.

        Raises:
            Problem: 409 while another map is being fitted.
        """
        with self._lock:
            busy = next((job for job in self._jobs.values() if job.state in ("running", "cancelling")), None)
            if busy is not None:
                raise Problem(409, "busy", f"the map {busy.order.name} is being fitted: /v1/jobs/{busy.id}")
            job = MapJob(id=secrets.token_hex(8), order=order)
            process = subprocess.Popen(
                [sys.executable, "-m", "model.latent.map_job"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                encoding="utf-8",
            )
            self._jobs[job.id] = job
            while len(self._jobs) > _REMEMBERED:
                del self._jobs[next(iter(self._jobs))]
            self._process = process
            self._watcher = threading.Thread(
                target=self._watch, args=(job.id, process), name="vqscope-map-job", daemon=True
            )
            self._watcher.start()
            return job

    def all(self) -> list[MapJob]:
        """All that are remembered, oldest first."""
        with self._lock:
            return list(self._jobs.values())

    def get(self, id: str) -> MapJob:
        """One job.

        Raises:
            Problem: 404 if there is none of that id, or it is forgotten.
        """
        with self._lock:
            if id not in self._jobs:
                raise not_found("there is no such job, or it ended long ago; /v1/jobs lists those there are")
            return self._jobs[id]

    def cancel(self, id: str) -> MapJob:
        """Have a job end and leave nothing; one that has ended stays as it is.

        Raises:
            Problem: 404 if there is none of that id.
        """
        job = self.get(id)
        with self._lock:
            if self._jobs[id].state == "running" and self._process is not None:
                job = self._jobs[id] = replace(self._jobs[id], state="cancelling")
                threading.Thread(target=_end, args=(self._process,), daemon=True).start()
        return job

    def wait(self, timeout: float) -> bool:
        """Wait until what is being fitted has ended, and say whether it has."""
        with self._lock:
            watcher = self._watcher
        if watcher is None:
            return True
        watcher.join(timeout)
        return not watcher.is_alive()

    def close(self) -> None:
        """End what is being fitted."""
        with self._lock:
            process = self._process
        if process is not None:
            _end(process)
        self.wait(_GRACE_SECONDS)

    def _watch(self, id: str, process: "subprocess.Popen[str]") -> None:
        """Follow a process to its end."""
        assert process.stdin is not None
        assert process.stdout is not None
        order = self._jobs[id].order
        asked = {
            "index": str(order.index),
            "version": order.index_version,
            "method": order.method,
            "parameters": dict(order.parameters),
            "name": order.name,
            "stability": order.stability,
        }
        told: dict[str, Any] = {}
        with process:
            try:
                with process.stdin as stream:
                    json.dump(asked, stream)
            except BrokenPipeError:
                logger.warning("the process of a map's fit ended before it began")
            for line in process.stdout:
                told = json.loads(line)
                if "progress" in told:
                    self._change(id, stage=told["stage"], progress=told["progress"])
        if "map" in told:
            try:
                self._made()  # first, as whoever reads that it is done may ask for the map
            finally:
                self._change(id, state="done", stage="done", progress=1.0)
        elif self._jobs[id].state == "cancelling":
            self._change(id, state="cancelled")
        else:
            error = told.get("error", "the process of the fit ended; the log of the service says why")
            self._change(id, state="failed", error=error)

    def _change(self, id: str, **changes: Any) -> None:  # noqa: ANN401 - fields of MapJob
        with self._lock:
            self._jobs[id] = replace(self._jobs[id], **changes)


def may_fit(settings: Settings) -> bool:
    """Whether maps may be fitted over HTTP: as was set, else only where this machine alone can ask."""
    if settings.map_jobs is None:
        return is_loopback(settings.host)
    return settings.map_jobs == "on"


def _end(process: "subprocess.Popen[str]") -> None:
    """Ask a process to end, and kill it if it does not."""
    process.terminate()
    try:
        process.wait(_GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
