"""``python -m tests.benchmarks.explorer.soak``, or ``make bench-soak``: many browsers that click at random.

Nothing may appear as an error in a browser's console or in the logs, and the memory of service and dashboard must
not grow. The images are those of the offline sample.
"""

import random
import re
import statistics
import sys
import tempfile
import time
from argparse import Namespace
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path

import psutil
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

from model.cli import guarded
from model.cli_parser import CommandParser
from model.data.sample import write_sample
from model.inference import load_model
from model.latent.index import build_index
from tests.backend.serving import served
from tests.benchmarks.bars import Measured, as_table
from tests.benchmarks.explorer.opening import WAIT, dashboard
from tests.browser.chromium import CHROMIUM, SWITCHES

_GROWTH = 50.0
_TROUBLE = re.compile(r"Traceback|\b(ERROR|CRITICAL)\b")

# Anything on the page that can be clicked, or else a place on the map; downloads leave the page and are left out.
_TARGET = """(chance) => {
  const seen = (e) => e.offsetParent && !e.disabled && !e.hasAttribute('download') && !e.closest('.menu');
  const all = [...document.querySelectorAll('main:not([hidden]) :is(button, a[href^="/"], input), nav a')].filter(seen);
  const graph = document.querySelector('main:not([hidden]) .js-plotly-plot');
  const chosen = graph && chance[0] < 0.4 ? graph : all[Math.floor(chance[1] * all.length)];
  if (!chosen) return null;
  chosen.scrollIntoView({ block: 'nearest' });
  const box = chosen.getBoundingClientRect();
  return chosen === graph
    ? [box.x + chance[2] * box.width, box.y + chance[3] * box.height]
    : [box.x + box.width / 2, box.y + box.height / 2];
}"""


def main(argv: Sequence[str]) -> int:
    """Print the table; 1 if a bar is missed."""
    parser = CommandParser(prog="make bench-soak", description=__doc__)
    parser.add_argument(
        "--browsers", type=int, default=10, help="each with a profile of its own (default: 10)"
    )
    parser.add_argument("--seconds", type=float, default=120.0, help="of clicking (default: 120)")
    parser.add_argument("--seed", type=int, default=0, help="of what is clicked (default: 0)")
    options = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        rows = list(_soaked(Path(folder), options))
    print("\n".join(as_table(rows)))
    return int(any(row.met is False for row in rows))


def _soaked(folder: Path, options: Namespace) -> Iterator[Measured]:
    data, index, log = folder / "data", folder / "index", folder / "service.log"
    write_sample(data)
    names = sorted(path.stem for path in data.glob("*.npz"))
    build_index(load_model(device="cpu"), data_dir=data, datasets=names, out=index, progress=False)
    errors: list[str] = []
    with (
        log.open("w") as stream,
        served(model=None, index=index, data_dir=data, stderr=stream) as (service, api),
        dashboard(api) as (pid, base, told),
    ):
        processes = {"service": psutil.Process(service.pid), "dashboard": psutil.Process(pid)}
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*SWITCHES])
            pages = [_opened(browser, base, errors) for _ in range(options.browsers)]
            clicks, memory = _clicked(pages, processes, options)
            browser.close()
        logged = [line for line in (log.read_text() + told()).splitlines() if _TROUBLE.search(line)]
    for line in errors[:20] + logged[:20]:
        print(line, file=sys.stderr)
    note = f"{clicks:,} clicks of {options.browsers} browsers in {options.seconds:g} s"
    yield Measured(what="errors in the consoles", unit="lines", values=[len(errors)], bar=0, note=note)
    yield Measured(what="errors in the logs", unit="lines", values=[len(logged)], bar=0)
    for name, sizes in memory.items():
        yield _growth(name, sizes)


def _opened(browser: Browser, base: str, errors: list[str]) -> Page:
    page = browser.new_context(viewport={"width": 1280, "height": 720}, base_url=base).new_page()
    page.set_default_timeout(1000 * WAIT)
    page.on("console", lambda line: line.type == "error" and errors.append(_told(page, line)))
    page.on("pageerror", lambda error: errors.append(f"{page.url}: {error}"))
    page.goto("/")
    page.wait_for_selector(".legend-row")
    return page


def _told(page: Page, line: ConsoleMessage) -> str:
    """What was told, when, on which page and of which file; of what could not be had, only the file is known."""
    return f"{datetime.now():%H:%M:%S} {page.url}: {line.text} ({line.location['url']})"


def _clicked(
    pages: Sequence[Page], processes: Mapping[str, psutil.Process], options: Namespace
) -> tuple[int, dict[str, list[int]]]:
    """The number of clicks, and the bytes of each process after each round of them."""
    dice = random.Random(options.seed)
    memory: dict[str, list[int]] = {name: [] for name in processes}
    clicks = 0
    begun = time.monotonic()
    while time.monotonic() - begun < options.seconds:
        for page in pages:
            place = page.evaluate(_TARGET, [dice.random() for _ in range(4)])
            if place is None:  # an empty page fills itself
                continue
            page.mouse.click(*place)
            clicks += 1
        for name, process in processes.items():
            memory[name].append(process.memory_info().rss)
    return clicks, memory


def _growth(name: str, sizes: Sequence[int]) -> Measured:
    """Between the second and the last quarter of the time; in the first all is shown for the first time."""
    second, last = sizes[len(sizes) // 4 : len(sizes) // 2], sizes[3 * len(sizes) // 4 :]
    return Measured(
        what=f"memory of the {name}: last quarter above the second",
        unit="MiB",
        values=[(statistics.median(last) - statistics.median(second)) / 2**20],
        bar=_GROWTH,
        note=f"{sizes[0] >> 20} MiB at first, {sizes[-1] >> 20} at last",
    )


if __name__ == "__main__":
    sys.exit(guarded(main))
