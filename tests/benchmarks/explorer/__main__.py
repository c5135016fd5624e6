"""``python -m tests.benchmarks.explorer``, or ``make bench-explorer``: is the explorer quick, in a real Chromium that
draws in software, with the service on the same machine?

The five real data sets under the shipped base (about 36,000 images; the index is built once and kept), and a drawn
index of the size of all of MedMNIST (708,000), without pictures.
"""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path

import numpy as np
from playwright.sync_api import Page

from model import paths
from model.checkpoints import write_atomically
from model.cli import guarded
from model.cli_parser import CommandParser
from model.inference import load_model
from model.latent.features import Features
from model.latent.index import build_index, open_index
from model.latent.map_fitting import fit_map
from model.latent.pca import PCASettings
from tests.backend.serving import served
from tests.benchmarks.bars import Measured, as_table
from tests.benchmarks.explorer import acting
from tests.benchmarks.explorer.opening import Answers, dashboard, opened
from tests.benchmarks.latent.synthetic import SyntheticSettings, synthetic_index
from tests.benchmarks.models import machine

FIVE = ("ham10000", "pneumoniamnist", "retinamnist", "breastmnist", "bloodcells_pbc")
LASSO = 100_000
SPACE = "pca-3d"
_EXAMPLES = """examples:
  make bench-explorer
  make bench-explorer ARGS="--index indexes/five --rounds 1"
  make bench-explorer ARGS="--out /tmp/latent"       where make bench-latent has drawn its index
"""


def main(argv: list[str]) -> int:
    """Print the table; 1 if a bar is missed."""
    parser = CommandParser(prog="python -m tests.benchmarks.explorer", description=__doc__, epilog=_EXAMPLES)
    parser.add_argument(
        "--index", type=Path, help="of the five sets under the shipped base (default: built in --out)"
    )
    parser.add_argument("--data-dir", type=Path, help="of the five sets (default: VQSCOPE_DATA)")
    parser.add_argument(
        "--images", type=int, default=SyntheticSettings().images, help="of the drawn index (default: 707,962)"
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("runs/latent"),
        help="indexes and explorer.json (default: runs/latent)",
    )
    parser.add_argument("--rounds", type=int, default=3, help="of opening the page (default: 3)")
    options = parser.parse_args(argv)
    data_dir = paths.data_dir(options.data_dir)
    rows = []
    five = options.index or _five(options.out, data_dir)
    large = synthetic_index(SyntheticSettings(images=options.images), load_model(device="cpu"), options.out)
    for row in chain(
        _five_sets(five, data_dir, options.rounds), _all_sets(large, options.out, options.rounds)
    ):
        rows.append(row)
        print(as_table([row])[-1], file=sys.stderr, flush=True)
    content = {
        "machine": machine.describe() | {"load": os.getloadavg()[0]},
        "figures": [row.as_json() for row in rows],
    }
    text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
    write_atomically(options.out / "explorer.json", text.encode())
    print("\n".join(as_table(rows)))
    return int(any(row.met is False for row in rows))


def _five(out: Path, data_dir: Path) -> Path:
    folder = out.resolve() / "five"
    if not folder.exists():
        build_index(load_model(device="cpu"), data_dir=data_dir, datasets=FIVE, out=folder)
    return folder


@contextmanager
def _explorer(index: Path, data_dir: Path, answers: Answers) -> Iterator[Page]:
    """A window of a new browser on a new dashboard of a new service, none of which has shown anything."""
    with (
        served(model=None, index=index, data_dir=data_dir) as (_, api),
        dashboard(api) as (_pid, base, _log),
        opened(base, answers) as page,
    ):
        yield page


def _five_sets(index: Path, data_dir: Path, rounds: int) -> Iterator[Measured]:
    answers = Answers()
    opening = []
    for _ in range(rounds - 1):
        with _explorer(index, data_dir, answers) as page:
            opening.append(acting.first_page(page))
    with _explorer(index, data_dir, answers) as page:
        opening.append(acting.first_page(page))
        yield Measured(what="first page, five sets", unit="ms", values=opening, bar=3000)
        hovered = acting.hovered(page, 12)
        yield Measured(what="picture under the mouse", unit="ms", values=hovered, bar=150)
        yield Measured(what="click to full inspector", unit="ms", values=acting.clicked(page, 12), bar=300)
        yield Measured(what="data set on or off", unit="ms", values=acting.switched(page), bar=200)
        yield Measured(what="label on or off", unit="ms", values=acting.labelled(page), bar=200)
        yield Measured(what="other colours", unit="ms", values=acting.coloured(page), bar=1000)
    yield _largest(answers, "five sets")


def _all_sets(index: Path, out: Path, rounds: int) -> Iterator[Measured]:
    answers = Answers()
    opened_index = open_index(index)
    if SPACE not in opened_index.map_names:
        features = Features(np.asarray(opened_index.embeddings))
        fit_map(index / "maps" / SPACE, features, opened_index.blocks, "pca", PCASettings(dimensions=3))
    nothing = out / "no-images"
    nothing.mkdir(exist_ok=True)
    opening = []
    for _ in range(rounds - 1):
        with _explorer(index, nothing, answers) as page:
            opening.append(acting.first_page(page))
    with _explorer(index, nothing, answers) as page:
        opening.append(acting.first_page(page))
        yield Measured(what="first page, 708,000 images", unit="ms", values=opening, bar=6000)
        switched = acting.switched(page)
        yield Measured(what="data set on or off, of 708,000 images", unit="ms", values=switched)
        labelled = acting.labelled(page)
        yield Measured(what="label on or off, of 708,000 images", unit="ms", values=labelled)
        coloured = acting.coloured(page)
        yield Measured(what="other colours, of 708,000 images", unit="ms", values=coloured, bar=1000)
        spent, held = acting.lassoed(page, LASSO)
        yield Measured(
            what="lasso to composition", unit="ms", values=[spent], bar=1000, note=f"{held:,} images"
        )
    with _explorer(index, nothing, answers) as page:
        spent = acting.first_page(page, f"/?map={SPACE}")
        yield Measured(what="first page, 708,000 images in space", unit="ms", values=[spent])
        yield Measured(what="turned and let go, to all points", unit="ms", values=acting.turned(page, 5))
    yield _largest(answers, "708,000 images")


def _largest(answers: Answers, of: str) -> Measured:
    size, output = answers.largest
    return Measured(
        what=f"largest answer to a callback but the points, {of}",
        unit="MB",
        values=[size / 1e6],
        bar=1,
        note=output[:60],
    )


if __name__ == "__main__":
    sys.exit(guarded(main))
