"""``python -m tests.benchmarks.latent.alone WHAT FOLDER``: does one thing to an index in a process of its own, whose
memory is then its alone, and prints how long it took and what it held at most, as JSON.
"""

import json
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from statistics import median
from typing import Any

from tests.benchmarks.bars import Measured

MIB = 1 << 20


def opening(folder: Path) -> None:
    """Open the index."""
    from model.latent.index import open_index

    open_index(folder)


def pca(folder: Path) -> None:
    """Fit a PCA map to the training split, place all images on it and store it."""
    from model.latent.features import Features
    from model.latent.index import open_index
    from model.latent.map_fitting import fit_map

    index = open_index(folder)
    with tempfile.TemporaryDirectory() as out:
        fit_map(Path(out) / "pca", Features(index.embeddings), index.blocks, "pca")


def outliers(folder: Path) -> None:
    """Fit the references of the outlier detector."""
    from model.latent.index import open_index
    from model.latent.outlier_fitting import fit_outliers

    fit_outliers(open_index(folder))


def search(folder: Path) -> None:
    """Build the approximate search, and measure its recall."""
    from model.latent.ann import build_search
    from model.latent.index import open_index

    build_search(open_index(folder), afresh=True, progress=False)


def building(folder: Path, model: str | None = None) -> None:
    """Build an index of the data set in a folder."""
    from model.inference import load_model
    from model.latent.index_building import build_index

    with tempfile.TemporaryDirectory() as out:
        network = load_model(model, "cpu")
        names = [path.stem for path in folder.glob("*.npz")]
        build_index(network, data_dir=folder, datasets=names, out=Path(out) / "index", progress=False)


THINGS: dict[str, Callable[..., None]] = {
    "opening": opening,
    "pca": pca,
    "outliers": outliers,
    "search": search,
    "building": building,
}


def measured_alone(
    what: str,
    name: str,
    folder: Path,
    *,
    seconds: float | None = None,
    mib: float | None = None,
    rounds: int = 3,
) -> list[Measured]:
    """Time and memory of a thing, each round in a new process; with their bars."""
    found = [in_a_process(name, folder) for _ in range(rounds)]
    return [
        Measured(
            what=what,
            unit="s",
            values=[one["seconds"] for one in found],
            bar=seconds,
            cpu=median(one["cpu"] for one in found),
        ),
        Measured(
            what=f"{what}: memory",
            unit="MiB",
            values=[one["mib"] for one in found],
            bar=mib,
            note="resident at most, above the process with its libraries; mapped files count",
        ),
    ]


def in_a_process(name: str, folder: Path, *more: str | None) -> dict[str, Any]:
    """Seconds, processor seconds, and MiB of a thing."""
    command = [sys.executable, "-m", "tests.benchmarks.latent.alone", name, str(folder)]
    command += [one for one in more if one is not None]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE)
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


@contextmanager
def _watched() -> Iterator[list[int]]:
    """The most private memory that this process held meanwhile, in bytes, as the one item of what it gives.

    Private is what no file backs: pages of mapped files the system takes back whenever it wants them. Linux keeps no
    peak of it, so it is looked at every few milliseconds.
    """
    most, over = [_private()], threading.Event()

    def watch() -> None:
        while not over.wait(0.005):
            most[0] = max(most[0], _private())

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield most
    finally:
        over.set()
        watcher.join()


def _private() -> int:
    """Bytes, on Linux; elsewhere `_peak`."""
    status = Path("/proc/self/status")
    if not status.exists():
        return _peak()
    return 1024 * next(int(line.split()[1]) for line in status.open() if line.startswith("RssAnon"))


def _resident() -> int:
    """Bytes that this process holds now; from here on `_peak` counts anew, where the system lets it."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return _peak()
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def _peak() -> int:
    """Bytes that this process held at most.

    Linux's getrusage also counts what the process that started this one held.
    """
    status = Path("/proc/self/status")
    if status.exists():
        return 1024 * next(int(line.split()[1]) for line in status.open() if line.startswith("VmHWM"))
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def main(argv: list[str]) -> int:
    """Print seconds and MiB."""
    # What any process of ours has imported by then.
    for module in ("model.latent.index", "model.latent.outlier_fitting", "pyarrow.parquet", "torch"):
        import_module(module)
    thing, folder = THINGS[argv[0]], Path(argv[1])
    before, start, busy = _resident(), time.perf_counter(), time.process_time()
    with _watched() as private:
        thing(folder, *argv[2:])
    seconds, cpu = time.perf_counter() - start, time.process_time() - busy
    found = {"mib": (_peak() - before) / MIB, "private": private[0] / MIB}
    print(json.dumps({"seconds": seconds, "cpu": cpu, **found}))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
