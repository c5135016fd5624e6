"""``python -m tests.benchmarks.explorer.pushing``, or ``make bench-pushing``: which way of telling a page is steadier.

A file changes at random times, as a training run does; a page in a real browser shows it, told by an interval (the
browser asks every two seconds, as the training page does) or by a WebSocket callback of Dash's. Measured is how long
after a change the page shows it, also once the server was stopped and started again, and the processor's time of the
server with ten pages open.
"""

import random
import socket
import subprocess
import sys
import tempfile
import time
from argparse import Namespace
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil
from playwright.sync_api import Page, sync_playwright

from model.cli import guarded
from model.cli_parser import CommandParser
from tests.benchmarks.bars import Measured, as_table
from tests.browser.chromium import CHROMIUM, SWITCHES

WAYS = ("interval", "websocket")
_WAIT = 60.0
_AWAY = 3.0
_SEEN = """() => {
  window.seen = {};
  const note = () => {
    const text = document.getElementById('shown')?.textContent;
    if (text) window.seen[text] ??= Date.now();
  };
  new MutationObserver(note).observe(document, { subtree: true, childList: true, characterData: true });
  addEventListener('DOMContentLoaded', note);
}"""


def main(argv: Sequence[str]) -> int:
    """Print the table."""
    parser = CommandParser(prog="make bench-pushing", description=__doc__)
    parser.add_argument("--changes", type=int, default=40, help="of the file (default: 40)")
    parser.add_argument("--pages", type=int, default=10, help="open at once (default: 10)")
    parser.add_argument("--restarts", type=int, default=5, help="of the server (default: 5)")
    parser.add_argument("--seed", type=int, default=0, help="of the times of the changes (default: 0)")
    options = parser.parse_args(argv)
    rows = []
    for way in WAYS:
        with tempfile.TemporaryDirectory() as folder:
            rows += list(_measured(way, Path(folder) / "run", options))
    print("\n".join(as_table(rows)))
    return 0


def _measured(way: str, file: Path, options: Namespace) -> Iterator[Measured]:
    dice = random.Random(options.seed)
    file.write_text("0")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*SWITCHES])
        with _serving(way, file, port) as server:
            pages = [browser.new_page() for _ in range(options.pages)]
            for page in pages:
                page.add_init_script(f"({_SEEN})()")
                page.goto(f"http://127.0.0.1:{port}/")
                _shown(page, "0")
            begun, busy = time.monotonic(), server.cpu_times()
            delays = []
            for number in range(1, options.changes + 1):
                time.sleep(dice.expovariate(1))
                delays.append(_told(pages[0], file, f"{number}"))
            now = server.cpu_times()
            took = (now.user + now.system - busy.user - busy.system) / (time.monotonic() - begun)
        back = []
        for number in range(options.restarts):
            time.sleep(_AWAY)
            with _serving(way, file, port):
                back.append(_told(pages[0], file, f"again {number}"))
        browser.close()
    ranked = sorted(delays)
    late = [ranked[round(0.95 * (len(ranked) - 1))]]
    yield Measured(what=f"{way}: change to page", unit="s", values=delays)
    yield Measured(what=f"{way}: 95th percentile of that", unit="s", values=late)
    yield Measured(what=f"{way}: the same after the server was away for {_AWAY:g} s", unit="s", values=back)
    yield Measured(
        what=f"{way}: processor of the server, {options.pages} pages", unit="%", values=[100 * took]
    )


def _told(page: Page, file: Path, text: str) -> float:
    """Seconds from a change of the file until the page shows it; infinite if it does not within a minute."""
    changed = time.time()
    fresh = file.with_suffix(".new")
    fresh.write_text(text)
    fresh.replace(file)
    try:
        return _shown(page, text) - changed
    except TimeoutError:
        return float("inf")


def _shown(page: Page, text: str) -> float:
    """When the page first showed a text, in seconds since the epoch."""
    deadline = time.monotonic() + _WAIT
    while time.monotonic() < deadline:
        seen = page.evaluate("(text) => (window.seen || {})[text] || 0", text)
        if seen:
            return float(seen) / 1000
        page.wait_for_timeout(20)
    raise TimeoutError


@contextmanager
def _serving(way: str, file: Path, port: int) -> Iterator[psutil.Process]:
    command = [sys.executable, "-m", "tests.benchmarks.explorer.pushing_app", way, str(file), str(port)]
    process = subprocess.Popen(command)
    try:
        deadline = time.monotonic() + _WAIT
        while time.monotonic() < deadline:
            try:
                httpx.get(f"http://127.0.0.1:{port}/", timeout=_WAIT, trust_env=False)
                break
            except httpx.ConnectError:
                time.sleep(0.05)
        yield psutil.Process(process.pid)
    finally:
        process.kill()
        process.wait()


if __name__ == "__main__":
    sys.exit(guarded(main))
