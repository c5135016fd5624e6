"""``vqscope bench``: how many images a running service takes in a second, and how long each waits."""

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from model.cli_parser import CommandParser
from model.errors import VQScopeError

if TYPE_CHECKING:
    from backend.load import Load, Question, Tally

MAX_FILE_BYTES = 32 << 20
MAX_FILES = 1000
_BODIES = 16
"""Different requests that are made ready when noise is sent."""
_EXAMPLES = """\
examples:
  vqscope bench http://127.0.0.1:8000                            noise, 8 clients, 10 seconds
  vqscope bench http://127.0.0.1:8000 --concurrency 64 scans/*.png
  VQSCOPE_API_KEY=... vqscope bench https://scope.hospital.example --images 16 --json figures.json

Only the URL given is asked. The generator takes CPU time of its own: run it on another machine than the service
where that matters. Ctrl-C ends it early, with the figures so far."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Returns:
        0; 1 if a request was answered otherwise than with 200 or 429, or not at all; 130 after Ctrl-C.

    Raises:
        VQScopeError: the service does not answer, or refuses the images.
    """
    given = _parser().parse_intermixed_args(argv)  # options may stand between URL and files

    from backend.load import Load, Tally  # httpx and numpy, for which --help need not wait

    key = os.environ.get("VQSCOPE_API_KEY", "")
    load = Load(f"{given.url}/v1/{given.resource}", given.concurrency, given.seconds, given.timeout, key)
    questions = _questions(given.files, given.images, given.size)
    tally = Tally()
    code = 0
    try:
        asyncio.run(_watched(load, questions, tally))
    except KeyboardInterrupt:
        code = 130
    found = figures(load, questions[0].images, tally)
    print(table(found))
    if given.json:
        given.json.write_text(json.dumps(found, indent=1) + "\n")
    return code or int(tally.failed > tally.answers["429"])


async def _watched(load: "Load", questions: "Sequence[Question]", tally: "Tally") -> None:
    from tqdm import tqdm

    from backend.load import run

    with tqdm(
        total=load.seconds,
        desc="bench",
        disable=not sys.stderr.isatty(),
        bar_format="{desc} {percentage:3.0f}%|{bar}| {elapsed}<{remaining}{postfix}",
    ) as bar:

        async def watch() -> None:
            while True:
                await asyncio.sleep(0.2)
                bar.update(min(tally.seconds, load.seconds) - bar.n)
                rate = tally.images / tally.seconds if tally.seconds else 0.0
                bar.set_postfix_str(f"{rate:.0f} images/s, {tally.failed} failed")

        watching = asyncio.ensure_future(watch())
        try:
            await run(load, questions, tally)
        finally:
            watching.cancel()


def figures(load: "Load", images: int, tally: "Tally") -> dict[str, Any]:
    """What was measured; latencies in milliseconds, of the requests answered with 200."""
    seconds = max(tally.seconds, 1e-9)  # nothing was answered where it is 0
    return {
        "url": load.url,
        "model": tally.model,
        "index": tally.index,
        "concurrency": load.concurrency,
        "images_per_request": images,
        "seconds": round(tally.seconds, 3),
        "requests": tally.requests,
        "images": tally.images,
        "requests_per_second": round(len(tally.latencies) / seconds, 2),
        "images_per_second": round(tally.images / seconds, 2),
        "latency_ms": {f"p{name}": round(1000 * value, 3) for name, value in tally.percentiles().items()},
        "answers": dict(sorted(tally.answers.items())),
    }


def table(found: Mapping[str, Any]) -> str:
    """Figures for people."""
    rates = (found["images_per_second"], found["requests_per_second"])
    latencies = [f"{name} {value:,.1f}" for name, value in found["latency_ms"].items()]
    answers = [f"{name}: {count:,}" for name, count in found["answers"].items()]
    rows = {
        "service": f"{found['url']}  {found['model']}",
        "load": f"{found['concurrency']} clients, {found['images_per_request']} images a request, "
        f"{found['seconds']:.1f} s",
        "throughput": "{:,.1f} images/s, {:,.1f} requests/s".format(*rates),
        "latency, ms": "  ".join(latencies) or "none was answered",
        "answers": "  ".join(answers) or "none",
    }
    return "\n".join(f"{name:<13}{value}" for name, value in rows.items())


def _questions(files: Sequence[Path], images: int, size: int) -> "list[Question]":
    from backend.load import Question

    if len(files) > MAX_FILES:
        raise VQScopeError(f"{len(files)} files are too many to hold ready; give {MAX_FILES} at most")
    pictures = [_read(path) for path in files] or _noise(images * _BODIES, size)
    # Each picture opens a body once, so that all are sent however few go into one request.
    starts = range(0, len(pictures), images)
    return [Question.of([pictures[(start + i) % len(pictures)] for i in range(images)]) for start in starts]


def _read(path: Path) -> bytes:
    with path.open("rb") as stream:
        data = stream.read(MAX_FILE_BYTES + 1)
    if len(data) > MAX_FILE_BYTES:
        raise VQScopeError(f"{path} is larger than {MAX_FILE_BYTES >> 20} MiB")
    return data


def _noise(count: int, size: int) -> list[bytes]:
    import numpy as np
    from PIL import Image

    random = np.random.default_rng(0)
    pictures = []
    for _ in range(count):
        buffer = BytesIO()
        Image.fromarray(random.integers(0, 256, (size, size, 3), np.uint8)).save(buffer, "PNG")
        pictures.append(buffer.getvalue())
    return pictures


def _parser() -> CommandParser:
    parser = CommandParser(
        prog="vqscope bench",
        description="Load a running service with images and measure throughput and latency.",
        epilog=_EXAMPLES,
    )
    add = parser.add_argument
    add("url", type=_url, metavar="URL", help="the service, such as http://127.0.0.1:8000")
    add("files", nargs="*", type=Path, metavar="FILE", help="image files to send (default: coloured noise)")
    add("--resource", choices=("encode", "reconstruct", "project"), default="encode", help="default: encode")
    add("--concurrency", type=_between(1, 1024), default=8, help="clients at once (default: %(default)s)")
    add("--seconds", type=_between(1, 3600), default=10, help="how long (default: %(default)s)")
    add("--images", type=_between(1, 64), default=1, help="images in a request (default: %(default)s)")
    add(
        "--size",
        type=_between(1, 1024),
        default=28,
        help="pixels of the noise's sides (default: %(default)s)",
    )
    add(
        "--timeout",
        type=_between(1, 600),
        default=60,
        help="seconds to wait for an answer (default: %(default)s)",
    )
    add("--json", type=Path, metavar="FILE", help="also write the figures to a file")
    return parser


def _url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no address of a service: give one like http://127.0.0.1:8000"
        )
    return text.rstrip("/")


def _between(least: int, most: int) -> Callable[[str], int]:
    def number(text: str) -> int:
        if not text.isascii() or not text.isdigit() or not least <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"{text!r} is not a number from {least} to {most}")
        return int(text)

    return number
