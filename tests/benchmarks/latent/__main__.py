"""``python -m tests.benchmarks.latent``, or ``make bench-latent``: is the latent index fast and small at the size of
all of MedMNIST's twelve sets, 708,000 images?

An index of that size is drawn (once; it is kept in the folder), and what a page waits for is asked of a real service
over HTTP; what is fitted, in processes of their own. Then an index is built, beside the bare encoder.
"""

import json
import os
import sys
from argparse import Namespace
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from model.checkpoints import write_atomically
from model.cli import guarded
from model.cli_parser import CommandParser
from model.inference import load_model
from model.latent.index import open_index
from tests.benchmarks.bars import Measured, as_table
from tests.benchmarks.latent.alone import measured_alone
from tests.benchmarks.latent.building import draw_dataset, memory, throughput
from tests.benchmarks.latent.serving import measured_over_http, service
from tests.benchmarks.latent.synthetic import SyntheticSettings, synthetic_index
from tests.benchmarks.models import machine

_THROUGHPUT_IMAGES = 20_000
_EXAMPLES = """examples:
  make bench-latent
  make bench-latent ARGS="--dim 768"               as long as the embeddings of the shipped base
  make bench-latent ARGS="--images 20000 --out /tmp/latent"
"""


def main(argv: list[str]) -> int:
    """Print the table; 1 if a bar is missed."""
    drawn = SyntheticSettings()
    parser = CommandParser(prog="python -m tests.benchmarks.latent", description=__doc__, epilog=_EXAMPLES)
    parser.add_argument("--images", type=int, default=drawn.images, help=f"default: {drawn.images}")
    parser.add_argument("--dim", type=int, default=drawn.dim, help=f"of embeddings (default: {drawn.dim})")
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("runs/latent"),
        help="indexes and results.json (default: runs/latent)",
    )
    parser.add_argument("--rounds", type=int, default=5, help="of which the median counts (default: 5)")
    parser.add_argument(
        "--build-images",
        type=int,
        default=100_000,
        help="of the data set whose building must take no more memory than one of 1,000 (default: 100,000, which take "
        "minutes)",
    )
    parser.add_argument(
        "--build-model", help="for that: a run folder or shipped model (default: the shipped base)"
    )
    options = parser.parse_args(argv)
    folder = synthetic_index(
        SyntheticSettings(images=options.images, dim=options.dim), load_model(device="cpu"), options.out
    )
    rows = []
    for row in chain(_measure(folder, options.rounds), _measure_building(options)):
        rows.append(row)
        print(as_table([row])[-1], file=sys.stderr, flush=True)  # the whole takes minutes
    content = {
        "machine": machine.describe() | {"load": os.getloadavg()[0]},
        "images": options.images,
        "dim": options.dim,
        "figures": [row.as_json() for row in rows],
    }
    text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
    write_atomically(options.out / f"results-{options.images}x{options.dim}.json", text.encode())
    print("\n".join(as_table(rows)))
    return int(any(row.met is False for row in rows))


def _measure(folder: Path, rounds: int) -> Iterator[Measured]:
    index = open_index(folder)
    yield from measured_alone("opening the index", "opening", folder, seconds=1, mib=190.7, rounds=rounds)
    if not (folder / "search").exists():
        yield from measured_alone("preparing approximate search", "search", folder, rounds=1)
    with service(folder) as served:
        yield from measured_over_http(served, index, rounds)
    yield from measured_alone("fitting and storing the PCA map", "pca", folder, seconds=30, mib=2048)
    yield from measured_alone("fitting the outlier references", "outliers", folder)


def _measure_building(options: Namespace) -> Iterator[Measured]:
    # The map and its quality take some seconds, whatever the size: a thousand images would say little of more.
    some = draw_dataset(options.out / f"drawn-{_THROUGHPUT_IMAGES}", _THROUGHPUT_IMAGES)
    yield throughput(load_model(device="cpu"), some, min(options.rounds, 3))
    sizes = (1000, options.build_images)
    small, large = (draw_dataset(options.out / f"drawn-{size}", size) for size in sizes)
    yield from memory(small, large, options.build_model, sizes)


if __name__ == "__main__":
    sys.exit(guarded(main))
