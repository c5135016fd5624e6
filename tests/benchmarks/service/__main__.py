"""``python -m tests.benchmarks.service``, or ``make bench-service``: what the service costs beside the bare encoder.

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
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import psutil
from numpy.typing import NDArray
from PIL import Image

from model.cli import guarded
from model.cli_parser import CommandParser
from model.data.arrays import open_split
from model.data.sample import write_sample
from model.inference import InferenceModel, load_model
from model.latent.index import build_index
from tests.backend.serving import served
from tests.benchmarks.models.machine import describe
from tests.benchmarks.service.load import Body, Load, saturate

_BATCHES = (16, 32, 64, 128, 256)
_PER_REQUEST = 64
_CLIENTS = 4
_SINGLE_CLIENTS = 64
_BOUNDARY = "vqscope-bench"


def main(argv: Sequence[str]) -> int:
    """Measure and print a table."""
    parser = CommandParser(prog="make bench-service", description=__doc__)
    parser.add_argument("--model", help="run folder or name of a shipped model (default: the shipped one)")
    parser.add_argument("--seconds", type=float, default=15.0, help="time for each load (default: 15)")
    options = parser.parse_args(argv)
    machine = describe()
    load = os.getloadavg()[0]
    print(f"{machine['processor']}, {machine['cores']} cores, torch {machine['torch']}")
    if load > 0.5:
        print(f"others keep {load:.1f} processors busy on average: these figures mean little")
    model = load_model(options.model, "cpu")
    with tempfile.TemporaryDirectory() as folder:
        data, index = Path(folder) / "data", Path(folder) / "index"
        write_sample(data)
        files = sorted(data.glob("*.npz"), key=lambda path: path.stat().st_size)
        names = [path.stem for path in files]
        # The service wants an index; encoding does not depend on what is in it.
        build_index(model, data_dir=data, datasets=names[:1], out=index, progress=False)
        images = _images(data, names)
        bare, batch, cost = _best_bare(model, images, options.seconds)
        single = _median_seconds(lambda: model.encode(images[:1]), 100)
        _row(
            "bare encoder",
            f"{bare:,.0f} images/s at batches of {batch}; {1000 * cost:.2f} ms of processor an image",
        )
        common = {"model": options.model, "index": index, "data_dir": data}
        patient = {"VQSCOPE_REQUEST_SECONDS": "600"}  # on a busy machine answers come late
        with served(**common, environment=patient) as (process, url):
            for name, body in (("npy", _npy), ("PNG", _pngs)):
                bodies = [body(images[start:][:_PER_REQUEST]) for start in (0, 64, 128)]
                asyncio.run(saturate(url, bodies, clients=1, seconds=1))
                spent = _processor_seconds(process.pid)
                got = asyncio.run(saturate(url, bodies, clients=_CLIENTS, seconds=options.seconds))
                spent = (_processor_seconds(process.pid) - spent) / got.images
                rate = got.images_per_second
                _row(
                    f"POST /v1/encode, {name}",
                    f"{rate:,.0f} images/s, {rate / bare:.0%} of bare; {1000 * spent:.2f} ms of processor an image, "
                    f"of which the bare encoder takes {cost / spent:.0%}",
                )
            idle = asyncio.run(saturate(url, [_npy(images[:1])], clients=1, seconds=options.seconds))
            extra = 1000 * (statistics.median(idle.seconds) - single)
            _row("one idle request", f"bare {1000 * single:.1f} ms + {extra:.1f} ms, median")
            together = _single_clients(url, images, options.seconds)
        with served(**common, environment={**patient, "VQSCOPE_BATCH_SIZE": "1"}) as (_process, url):
            alone = _single_clients(url, images, options.seconds)
    ratio = together.images_per_second / alone.images_per_second
    _row(f"{_SINGLE_CLIENTS} clients, batching on", f"{together.images_per_second:,.0f} images/s")
    _row(
        f"{_SINGLE_CLIENTS} clients, batching off",
        f"{alone.images_per_second:,.0f} images/s: {ratio:.1f} times less",
    )
    return 0


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


def _row(name: str, figures: str) -> None:
    print(f"{name:28}{figures}", flush=True)


if __name__ == "__main__":
    sys.exit(guarded(main))
