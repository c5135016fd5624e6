"""A dashboard in a process of its own, and a Chromium that has just been started."""

import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx
from playwright.sync_api import Page, Response, sync_playwright

from tests.browser.chromium import CHROMIUM, SWITCHES

WAIT = 120.0


@contextmanager
def dashboard(api: str) -> Iterator[tuple[int, str, Callable[[], str]]]:
    """``python -m dashboard`` over a service; gives its process ID, its address, and what it has logged so far."""
    command = [sys.executable, "-m", "dashboard", "--api", api, "--port", "0"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    try:
        base = process.stderr.readline().split()[1]
        # The address is told before it answers.
        httpx.get(base, timeout=WAIT, trust_env=False).raise_for_status()
        lines: list[str] = []
        reader = threading.Thread(target=lines.extend, args=(process.stderr,), daemon=True)
        reader.start()
        yield process.pid, base, lambda: "".join(lines)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=WAIT)


@dataclass
class Answers:
    """How large the answers to a page's callbacks were."""

    sizes: list[tuple[int, str]] = field(default_factory=list)
    """Bytes, and the outputs."""

    def note(self, response: Response) -> None:
        """Remember an answer, if it is one to a callback that does not carry the points."""
        request = response.request
        if "/_dash-update-component" not in request.url or response.status != 200:
            return
        output = (request.post_data_json or {}).get("output", "")
        if "map-graph.figure" not in output:
            # From the header: to read the body here would wait for the browser, which waits for this to return.
            self.sizes.append((int(response.headers["content-length"]), output))

    @property
    def largest(self) -> tuple[int, str]:
        """Of them all."""
        return max(self.sizes, default=(0, ""))


@contextmanager
def opened(base: str, answers: Answers) -> Iterator[Page]:
    """An empty window of a Chromium that was started for it: nothing is cached."""
    if CHROMIUM is None:
        raise RuntimeError("no Chromium here: install Debian's chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*SWITCHES])
        page = browser.new_page(viewport={"width": 1280, "height": 720}, base_url=base)
        page.set_default_timeout(1000 * WAIT)
        page.on("response", answers.note)
        yield page
        browser.close()
