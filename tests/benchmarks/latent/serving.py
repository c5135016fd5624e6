"""What a real service answers over HTTP, and how soon."""

import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPConnection
from json import dumps, loads
from pathlib import Path
from statistics import fmean
from typing import Any
from urllib.parse import urlencode, urlsplit

import numpy as np
import psutil
import pyarrow as pa
from numpy.typing import NDArray

from model.latent.index import LatentIndex
from tests.benchmarks.bars import Measured

ARROW = "application/vnd.apache.arrow.stream"
WAIT = 120.0
_SELECTED = 100_000
_CODES = 20
"""As many as the dashboard asks for with each selection."""
_QUERIES = 20


@dataclass(frozen=True)
class Served:
    """A service in a process of its own, and a connection that is kept.

    Not httpx: it takes 2 ms of this machine's processors for each request, a fifth of what some may take.
    """

    connection: HTTPConnection
    process: psutil.Process

    def ask(
        self,
        rounds: int,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        json: object = None,
        headers: Mapping[str, str] | None = None,
    ) -> "Asked":
        """Ask the same several times."""
        address = f"{path}?{urlencode(params)}" if params else path
        body = None if json is None else dumps(json)
        sent = {**(headers or {}), **({} if json is None else {"Content-Type": "application/json"})}
        spent, busy, content = [], self._busy(), b""
        for _ in range(rounds):
            start = time.perf_counter()
            self.connection.request(method, address, body, sent)
            answer = self.connection.getresponse()
            content = answer.read()
            spent.append(1000 * (time.perf_counter() - start))
            if answer.status != HTTPStatus.OK:
                raise RuntimeError(f"{path} answered {answer.status}: {content.decode()[:500]}")
        return Asked(spent, (self._busy() - busy) / rounds, content)

    def _busy(self) -> float:
        times = self.process.cpu_times()
        return 1000 * float(times.user + times.system)


@dataclass(frozen=True)
class Asked:
    """How long answers took."""

    spent: list[float]
    """Milliseconds of each, from request to whole answer."""
    cpu: float
    """Milliseconds of processors that the service took for one, on average."""
    content: bytes
    """Of the last answer."""

    def json(self) -> Any:
        """The last answer."""
        return loads(self.content)


@contextmanager
def service(index: Path) -> Iterator[Served]:
    """``vqscope serve`` over an index; it has no images."""
    with tempfile.TemporaryDirectory() as data:
        command = [sys.executable, "-m", "model.cli", "serve", "--index", str(index)]
        command += ["--data-dir", data, "--port", "0"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        try:
            assert process.stdout is not None
            for line in process.stdout:
                if found := re.search(r"ready at (\S+)", line):
                    break
            else:
                raise RuntimeError(f"vqscope serve ended with {process.wait()} instead of serving {index}")
            at = urlsplit(found[1])
            with closing(HTTPConnection(at.hostname or "", at.port, timeout=WAIT)) as connection:
                yield Served(connection, psutil.Process(process.pid))
        finally:
            process.terminate()
            process.wait(WAIT)
            process.stdout.close()


def measured_over_http(served: Served, index: LatentIndex, rounds: int = 5) -> Iterator[Measured]:
    """Points, ellipses, selection and exact neighbours."""
    yield _points(served, index, rounds)
    yield _ellipses(served, index, rounds)
    yield _selection(served, index, rounds)
    yield from _neighbours(served, index)


def _points(served: Served, index: LatentIndex, rounds: int) -> Measured:
    asked = served.ask(rounds, "GET", "/v1/maps/pca/points", headers={"Accept": ARROW})
    rows = pa.ipc.open_stream(asked.content).read_all().num_rows
    assert rows == index.n
    return Measured(
        what=f"{rows:,} points of a map as Arrow",
        unit="ms",
        values=asked.spent,
        cpu=asked.cpu,
        bar=1000,
        note=f"{len(asked.content) / 1e6:.1f} MB",
    )


def _ellipses(served: Served, index: LatentIndex, rounds: int) -> Measured:
    asked = served.ask(rounds, "GET", "/v1/maps/pca/ellipses")
    n = len(asked.json()["items"])
    return Measured(
        what=f"prediction ellipses of {n} data sets",
        unit="ms",
        values=asked.spent,
        cpu=asked.cpu,
        bar=100,
        note=f"first: {asked.spent[0]:.0f} ms",
    )


def _selection(served: Served, index: LatentIndex, rounds: int) -> Measured:
    polygon = round_about(np.asarray(index.map("pca").coordinates), _SELECTED)
    body = {"map": "pca", "polygon": polygon, "codes": _CODES}
    asked = served.ask(rounds, "POST", "/v1/selections", json=body)
    return Measured(
        what=f"selection of {asked.json()['n']:,} points by a polygon of 64 corners",
        unit="ms",
        values=asked.spent,
        cpu=asked.cpu,
        bar=200,
        note=f"with composition, figures and codes; first: {asked.spent[0]:.0f} ms",
    )


def _neighbours(served: Served, index: LatentIndex) -> Iterator[Measured]:
    size = f"{index.n:,} × {index.embeddings.shape[1]}"
    exact, truth = ask_neighbours(served, index, search="exact")
    yield Measured(
        what=f"exact neighbours among {size}",
        unit="ms",
        values=exact.spent,
        cpu=exact.cpu,
        bar=150,
        note=f"{_QUERIES} images",
    )
    asked, found = ask_neighbours(served, index, search="approximate")
    yield Measured(
        what=f"approximate neighbours among {size}",
        unit="ms",
        values=asked.spent,
        cpu=asked.cpu,
        bar=10,
        note=f"{_QUERIES} images",
    )
    yield Measured(
        what="approximate neighbours: recall@10",
        unit="",
        values=[found[0]["recall"]],
        bar=0.99,
        at_least=True,
        note=f"as the answer says it; of these {_QUERIES} images: {_recall(found, truth):.3f}",
    )


def _recall(found: Sequence[dict[str, Any]], truth: Sequence[dict[str, Any]]) -> float:
    pairs = zip(found, truth, strict=True)
    return fmean(
        item["distance"] <= exact["items"][-1]["distance"] for one, exact in pairs for item in one["items"]
    )


def ask_neighbours(served: Served, index: LatentIndex, **query: Any) -> tuple[Asked, list[dict[str, Any]]]:
    """Neighbours of some images, each asked once, after one that is not counted."""
    rows = np.random.default_rng(1).integers(index.n, size=_QUERIES + 1).tolist()
    found = [served.ask(1, "GET", _neighbours_of(index, row), params=query) for row in rows][1:]
    whole = Asked([one.spent[0] for one in found], fmean(one.cpu for one in found), found[-1].content)
    return whole, [one.json() for one in found]


def _neighbours_of(index: LatentIndex, row: int) -> str:
    block = next(b for b in index.blocks if b.start <= row < b.stop)
    return f"/v1/neighbours/{block.dataset}/{block.split}/{row - block.start}"


def round_about(points: NDArray[np.floating[Any]], wanted: int, corners: int = 64) -> list[list[float]]:
    """A polygon about the median of points (N, 2) that holds about so many of them."""
    centre = np.median(points, axis=0)
    scale = points.std(axis=0)
    distance = np.linalg.norm((points - centre) / scale, axis=1)
    radius = np.partition(distance, min(wanted, len(points) - 1))[min(wanted, len(points) - 1)]
    angles = np.linspace(0, 2 * np.pi, corners, endpoint=False)
    corner = centre + scale * radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    found: list[list[float]] = corner.tolist()
    return found
