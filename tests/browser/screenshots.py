"""``python -m tests.browser.screenshots``, or ``make screenshots``: a picture of every page for the documentation.

Made on the offline sample under the shipped base; the page on training shows a short run of the preset quick.
"""

import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from model.cli import guarded
from model.cli_parser import CommandParser
from model.data.sample import write_sample
from model.inference import load_model
from model.latent.index import build_index
from tests.backend.serving import served
from tests.benchmarks.explorer.opening import dashboard
from tests.browser.chromium import CHROMIUM, SWITCHES
from tests.browser.map_places import DRAWN

_SIZE = {"width": 1280, "height": 720}
_TRAINING = "00:02:00"
_WAIT = 120_000.0
_PICTURES = """() => [...document.querySelectorAll('main:not([hidden]) img')]
  .filter((img) => img.offsetParent && img.getBoundingClientRect().top < innerHeight)
  .every((img) => img.complete && img.naturalWidth)"""
_ATLAS = """() => {
  const sheets = [...document.querySelectorAll('#codebook-atlas img')];
  return sheets.length && sheets.every((img) => img.complete && img.naturalWidth);
}"""
_EXAMPLES = """examples:
  make screenshots
  make screenshots ARGS="--only map --out /tmp/shots"
"""


def main(argv: Sequence[str]) -> int:
    """Write PAGE.png for each page."""
    parser = CommandParser(prog="make screenshots", description=__doc__, epilog=_EXAMPLES)
    parser.add_argument(
        "--out", type=Path, default=Path("docs/screenshots"), help="folder (default: docs/screenshots)"
    )
    parser.add_argument(
        "--only", choices=list(PAGES), action="append", help="only this page; may be repeated"
    )
    options = parser.parse_args(argv)
    if CHROMIUM is None:
        print("vqscope: error: no Chromium here: install Debian's chromium", file=sys.stderr)
        return 2
    options.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        data, index, runs = (Path(folder) / name for name in ("data", "index", "runs"))
        write_sample(data)
        names = sorted(path.stem for path in data.glob("*.npz"))
        build_index(load_model(device="cpu"), data_dir=data, datasets=names, out=index)
        wanted = options.only or list(PAGES)
        if "training" in wanted:
            _train(data, names, runs / "sample")
        environment = {"VQSCOPE_RUNS": str(runs)}
        with (
            served(model=None, index=index, data_dir=data, environment=environment) as (_, api),
            dashboard(api) as (_pid, base, _log),
            sync_playwright() as playwright,
        ):
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*SWITCHES])
            for name in wanted:
                page = browser.new_page(
                    viewport=_SIZE, base_url=base, color_scheme="dark" if "dark" in name else "light"
                )
                page.set_default_timeout(_WAIT)
                PAGES[name](page)
                page.wait_for_function(_PICTURES)
                page.screenshot(path=options.out / f"{name}.png")
                page.close()
                print(f"{options.out / name}.png")
            browser.close()
    return 0


def _train(data: Path, names: Sequence[str], run: Path) -> None:
    command = [sys.executable, "-m", "model.cli", "train", "--preset", "quick", "--data-dir", str(data)]
    command += ["--datasets", ",".join(names), "--run-dir", str(run), "--max-time", _TRAINING]
    subprocess.run(command, check=True)


def _map(page: Page, query: str = "") -> None:
    page.goto(f"/{query}")
    page.wait_for_function(DRAWN, arg="#map-graph")


def _inspected(page: Page) -> None:
    _map(page, "?point=sample_mr/test/1")
    page.wait_for_function("() => document.querySelectorAll('#map-neighbours img').length > 0")


def _selected(page: Page) -> None:
    _map(page, "?colour=label&point=sample_cell/test/1&sel=-20,-5,-5,-5,-5,8,-20,8")
    page.wait_for_function("() => document.querySelectorAll('#map-neighbours img').length > 0")
    page.wait_for_function("() => /of/.test(document.getElementById('selection-count')?.textContent)")


def _reconstructions(page: Page) -> None:
    page.goto("/reconstructions?dataset=sample_fundus")
    page.wait_for_selector(".card img")
    page.wait_for_selector("#recon-hists svg rect, #recon-hists svg path")


def _codebook(page: Page) -> None:
    page.goto("/codebook?code=12")
    page.wait_for_function(_ATLAS)


def _place(page: Page) -> None:
    page.goto("/place")
    page.wait_for_selector("#place-file", state="attached")
    pictures = [
        page.request.get(f"/pictures/{name}/test/2/image").body() for name in ("sample_ct", "sample_ihc")
    ]
    files = [
        {"name": f"scan-{number}.png", "mimeType": "image/png", "buffer": picture}
        for number, picture in enumerate(pictures, 1)
    ]
    page.locator("#place-file").set_input_files(files)
    page.wait_for_function("() => document.querySelectorAll('.place-card').length === 2")
    page.wait_for_function("() => document.querySelectorAll('#place-graph .textpoint').length === 2")
    page.wait_for_selector("#place-graph [data-drawn]")


def _lab(page: Page) -> None:
    page.goto("/lab?point=sample_fundus/test/3&end=sample_fundus/test/8")
    page.wait_for_selector(".lab-step img")
    page.wait_for_function("() => document.getElementById('lab-palette')?.dataset.pages === '2'")
    for edits, cell in enumerate((16, 24, 32), 1):  # along a diagonal
        page.locator("#lab-grid button").nth(cell).click()
        page.locator("#lab-palette [data-code='12']").click()
        page.wait_for_function(
            "(n) => document.querySelectorAll('#lab-grid .edited').length === n", arg=edits
        )


def _training(page: Page) -> None:
    page.goto("/training?run=sample")
    page.wait_for_function(
        "() => document.querySelector('#training-map .js-plotly-plot')?.data?.some((t) => t.x.length > 0)"
    )


def _models(page: Page) -> None:
    page.goto("/models")
    page.wait_for_function("() => document.querySelector('main:not([hidden])')?.textContent.length > 1000")


PAGES: dict[str, Callable[[Page], None]] = {
    "map": _inspected,
    "map-dark": _inspected,
    "selection": _selected,
    "reconstructions": _reconstructions,
    "codebook": _codebook,
    "place": _place,
    "lab": _lab,
    "training": _training,
    "models": _models,
}

if __name__ == "__main__":
    sys.exit(guarded(main))
