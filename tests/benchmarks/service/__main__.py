"""``python -m tests.benchmarks.service``, or ``make bench-service``: what the service costs beside the bare encoder,
and what it does when asked ten times as much as it can do.

The service runs as a process of its own; the clients run here and take their share of the same processor. The
images are those of the offline sample.
"""

import asyncio
import io
import os
import statistics
import sys
import tempfile
import time
from argparse import Namespace
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import psutil
from numpy.typing import NDArray
from PIL import Image

from backend.settings import Limits
from model.cli import guarded
from model.cli_parser import CommandParser
from model.data.arrays import open_split
from model.data.sample import write_sample
from model.inference import InferenceModel, load_model
from model.latent.index import build_index
from tests.backend.serving import served
from tests.benchmarks.bars import Measured, as_table
from tests.benchmarks.models.machine import describe
from tests.benchmarks.service.hostile import refused
from tests.benchmarks.service.load import Body, Load, saturate
from tests.benchmarks.service.overload import overload

_BATCHES = (16, 32, 64, 128, 256)
_PER_REQUEST = 64
_PER_OVERLOAD = 16
_CLIENTS = 2
"""Of full requests: one in work and one that is ready fill the queue as it is delivered."""
_SINGLE_CLIENTS = 64
_BOUNDARY = "vqscope-bench"


def main(argv: Sequence[str]) -> int:
    """Print a table; 1 if a bar is missed."""
    parser = CommandParser(prog="make bench-service", description=__doc__)
    parser.add_argument("--model", help="run folder or name of a shipped model (default: the shipped one)")
    parser.add_argument("--seconds", type=float, default=15.0, help="time for each load (default: 15)")
    parser.add_argument(
        "--overload-seconds", type=float, default=60.0, help="time at ten times the capacity (default: 60)"
    )
    options = parser.parse_args(argv)
    machine = describe()
    load = os.getloadavg()[0]
    print(f"{machine['processor']}, {machine['cores']} cores, torch {machine['torch']}")
    if load > 0.5:
        print(f"others keep {load:.1f} processors busy on average: these figures mean little")
    rows = []
    for row in _measure(options):
        rows.append(row)
        print(as_table([row])[-1], file=sys.stderr, flush=True)  # the whole takes minutes
    print("\n".join(as_table(rows)))
    return int(any(row.met is False for row in rows))


def _measure(options: Namespace) -> Iterator[Measured]:
    model = load_model(options.model, "cpu")
    with tempfile.TemporaryDirectory() as folder:
        data, index = Path(folder) / "data", Path(folder) / "index"
        write_sample(data)
        files = sorted(data.glob("*.npz"), key=lambda path: path.stat().st_size)
        names = [path.stem for path in files]
        # The service wants an index; encoding does not depend on what is in it.
        build_index(model, data_dir=data, datasets=names[:1], out=index, progress=False)
        images = _images(data, names)
        common = {"model": options.model, "index": index, "data_dir": data}
        patient = {"VQSCOPE_REQUEST_SECONDS": "600"}  # on a busy machine answers come late
        with served(**common, environment=patient) as (process, url):
            yield from _saturated(url, process.pid, model, images, options.seconds)
            yield _idle(url, model, images, options.seconds)
            together = _single_clients(url, images, options.seconds)
        with served(**common, environment={**patient, "VQSCOPE_BATCH_SIZE": "1"}) as (_process, url):
            alone = _single_clients(url, images, options.seconds)
        yield Measured(
            what=f"{_SINGLE_CLIENTS} clients of one image: throughput with batching over that without",
            unit="times",
            values=[together.images_per_second / alone.images_per_second],
            bar=3,
            at_least=True,
            note=f"{together.images_per_second:.0f} and {alone.images_per_second:.0f} images/s",
        )
        with served(**common) as (process, url):  # as it is delivered
            yield from refused(url, process.pid)
            yield from _overloaded(url, process.pid, images, options)


def _saturated(
    url: str, pid: int, model: InferenceModel, images: NDArray[np.uint8], seconds: float
) -> Iterator[Measured]:
    bare, batch, cost = _best_bare(model, images, seconds)
    yield Measured(
        what="bare encoder",
        unit="images/s",
        values=[bare],
        note=f"batches of {batch}, {1000 * cost:.2f} ms of processor an image",
    )
    for name, body, bar in (("npy", _npy, 85), ("PNG", _pngs, 70)):
        bodies = [body(images[start:][:_PER_REQUEST]) for start in (0, 64, 128)]
        asyncio.run(saturate(url, bodies, clients=1, seconds=1))
        spent = _processor_seconds(pid)
        got = asyncio.run(saturate(url, bodies, clients=_CLIENTS, seconds=seconds))
        spent = (_processor_seconds(pid) - spent) / got.images
        yield Measured(
            what=f"POST /v1/encode, {name}, of the bare encoder",
            unit="%",
            values=[100 * got.images_per_second / bare],
            bar=bar,
            at_least=True,
            note=f"{got.images_per_second:.0f} images/s, {1000 * spent:.2f} ms of processor an image",
        )


def _idle(url: str, model: InferenceModel, images: NDArray[np.uint8], seconds: float) -> Measured:
    single = _median_seconds(lambda: model.encode(images[:1]), 100)
    idle = asyncio.run(saturate(url, [_npy(images[:1])], clients=1, seconds=seconds))
    return Measured(
        what="one idle request, above one image of the bare encoder",
        unit="ms",
        values=[1000 * (taken - single) for taken in idle.seconds],
        bar=5,
        note=f"bare: {1000 * single:.1f} ms",
    )


def _overloaded(url: str, pid: int, images: NDArray[np.uint8], options: Namespace) -> Iterator[Measured]:
    bodies, probe = [_npy(images[start:][:_PER_OVERLOAD]) for start in (0, 64, 128)], _npy(images[:1])
    usual = asyncio.run(saturate(url, [probe], clients=1, seconds=options.seconds / 3))
    full = [_npy(images[:_PER_REQUEST])]
    capacity = asyncio.run(saturate(url, full, clients=_CLIENTS, seconds=options.seconds)).images_per_second
    limits = Limits()
    batch = limits.batch_size / capacity
    seconds = options.overload_seconds
    found = asyncio.run(
        overload(
            url,
            pid,
            bodies,
            probe,
            rate=10 * capacity / _PER_OVERLOAD,
            seconds=seconds,
            normal=statistics.median(usual.seconds),
        )
    )
    told = ", ".join(f"{status}: {n:,}" for status, n in sorted(found.answers.items()))
    yield Measured(
        what=f"{seconds:g} s at ten times the capacity: answers of 5xx or none",
        unit="requests",
        values=[found.failures],
        bar=0,
        note=told,
    )
    yield Measured(
        what="… 95 % of those accepted are answered within",
        unit="s",
        values=[found.p95()],
        bar=2 * limits.queue_length / limits.batch_size * batch,
        note="twice the batches that the queue holds",
    )
    yield Measured(
        what="… most memory in the last two thirds, above that in the first",
        unit="MiB",
        values=[found.growth(seconds / 3) / 2**20],
        bar=50,
    )
    yield Measured(what="… back to normal after", unit="s", values=[found.recovered], bar=2)


def _single_clients(url: str, images: NDArray[np.uint8], seconds: float) -> Load:
    bodies = [_npy(image[None]) for image in images[:64]]
    return asyncio.run(saturate(url, bodies, clients=_SINGLE_CLIENTS, seconds=seconds))


def _images(data: Path, names: Sequence[str]) -> NDArray[np.uint8]:
    """192 colour images of the sample at 28×28."""
    found = [open_split(name, "train", data_dir=data).images for name in names]
    colour = np.concatenate(
        [np.asarray(images) for images in found if images.ndim == 4 and images.shape[1] == 28]
    )
    return np.resize(colour, (192, 28, 28, 3))


def _processor_seconds(pid: int) -> float:
    """What the service and its decoders have used so far; a busy machine changes it little."""
    service = psutil.Process(pid)
    return sum(sum(one.cpu_times()[:2]) for one in (service, *service.children(recursive=True)))


def _best_bare(model: InferenceModel, images: NDArray[np.uint8], seconds: float) -> tuple[float, int, float]:
    """Images a second of the encoder alone, at which batch size, and seconds of processor for an image."""
    rates, costs = {}, {}
    for size in _BATCHES:
        batch = np.resize(images, (size, *images.shape[1:]))
        model.encode(batch)
        done, begun, spent = 0, time.perf_counter(), time.process_time()
        while time.perf_counter() - begun < seconds / 3:
            model.encode(batch)
            done += size
        rates[size] = done / (time.perf_counter() - begun)
        costs[size] = (time.process_time() - spent) / done
    best = max(rates, key=lambda size: rates[size])
    return rates[best], best, costs[best]


def _median_seconds(work: Callable[[], object], times: int) -> float:
    taken = []
    for _ in range(times):
        begun = time.perf_counter()
        work()
        taken.append(time.perf_counter() - begun)
    return statistics.median(taken)


def _npy(images: NDArray[np.uint8]) -> Body:
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, images)
    return Body(buffer.getvalue(), "application/x-npy", len(images))


def _pngs(images: NDArray[np.uint8]) -> Body:
    content = b""
    for number, image in enumerate(images):
        buffer = io.BytesIO()
        Image.fromarray(image).save(buffer, "PNG")
        head = (
            f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="{number}.png"\r\n\r\n'
        )
        content += head.encode() + buffer.getvalue() + b"\r\n"
    return Body(
        content + f"--{_BOUNDARY}--\r\n".encode(), f"multipart/form-data; boundary={_BOUNDARY}", len(images)
    )


if __name__ == "__main__":
    sys.exit(guarded(main))
