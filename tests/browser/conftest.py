"""The real service and the real dashboard as processes, and a Chromium that looks at them.

Every test ends with the question whether the browser's console stayed clean and whether all requests
stayed on this machine.
"""

import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import numpy as np
import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    BrowserType,
    ConsoleMessage,
    Page,
    Request,
    ViewportSize,
    expect,
    sync_playwright,
)

from model.inference import load_model
from model.latent.features import Features
from model.latent.index import open_index
from model.latent.map_fitting import fit_map
from model.latent.pca import PCASettings
from tests.browser.chromium import CHROMIUM, TEST_SWITCHES

WAIT = 60.0
WINDOW = ViewportSize(width=1280, height=720)
expect.set_options(timeout=1000 * WAIT)  # a busy machine may take longer than Playwright's five seconds


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


@dataclass
class Service:
    """The API as a process that can be ended and started again at the same address."""

    arguments: tuple[str, ...]
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        command = [sys.executable, "-m", "backend", *self.arguments, "--port", str(self.port)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        assert self.process.stdout is not None
        lines = []
        for line in self.process.stdout:  # it says when it is ready
            lines.append(line)
            if b"ready at" in line:
                return
        raise AssertionError(f"the service ended before it was ready:\n{b''.join(lines).decode()}")

    def stop(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            self.process.communicate(timeout=WAIT)
            self.process = None


@pytest.fixture(scope="session")
def service(tiny_model_dir: Path, tiny_index_dir: Path, sample_dir: Path) -> Iterator[Service]:
    served = Service(
        ("--model", str(tiny_model_dir), "--index", str(tiny_index_dir), "--data-dir", str(sample_dir))
    )
    served.start()
    yield served
    served.stop()


@pytest.fixture(scope="session")
def api(service: Service) -> Iterator[httpx.Client]:
    """The service, asked without the dashboard: what pages show is compared with it."""
    with httpx.Client(base_url=service.url, timeout=WAIT, trust_env=False) as client:
        yield client


@contextmanager
def _dashboard(api: str) -> Iterator[str]:
    command = [sys.executable, "-m", "dashboard", "--api", api, "--port", "0"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    url = process.stderr.readline().split()[1]
    yield url
    process.send_signal(signal.SIGTERM)
    rest = process.communicate(timeout=WAIT)[1]
    assert process.returncode == 0, rest
    assert "Traceback" not in rest, rest


@pytest.fixture(scope="session")
def dashboard_url(service: Service) -> Iterator[str]:
    with _dashboard(service.url) as url:
        yield url


@pytest.fixture(scope="session")
def start_dashboard() -> Callable[[str], AbstractContextManager[str]]:
    """Starts a dashboard of the service at this address; gives its own address."""
    return _dashboard


@pytest.fixture(scope="session")
def start_pair() -> Callable[..., AbstractContextManager[tuple[str, str]]]:
    """Starts a service over another index, and its dashboard; gives the addresses of both."""

    @contextmanager
    def started(*arguments: str) -> Iterator[tuple[str, str]]:
        service = Service(arguments)
        service.start()
        try:
            with _dashboard(service.url) as url:
                yield service.url, url
        finally:
            service.stop()

    return started


# Not for the whole session: while it lives, Playwright runs an event loop in this thread, in which no
# asynchronous test of another folder could run.
@pytest.fixture(scope="module")
def chromium() -> Iterator[BrowserType]:
    if CHROMIUM is None:
        pytest.skip("no Chromium here: install Debian's chromium")
    with sync_playwright() as playwright:
        yield playwright.chromium


@pytest.fixture(scope="module")
def launch(chromium: BrowserType) -> Callable[..., Browser]:
    """Starts a Chromium with these switches; without any, with those of the tests."""
    return lambda *switches: chromium.launch(executable_path=CHROMIUM, args=switches or TEST_SWITCHES)


@pytest.fixture(scope="module")
def browser(launch: Callable[..., Browser]) -> Iterator[Browser]:
    started = launch()
    yield started
    started.close()


@pytest.fixture(scope="session")
def profile_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a browser keeps its cache, from one module to the next: scripts, compiled by its third page."""
    return tmp_path_factory.mktemp("profile")


@pytest.fixture(scope="module")
def profile(chromium: BrowserType, dashboard_url: str, profile_folder: Path) -> Iterator[BrowserContext]:
    """A browser that has been here before."""
    context = chromium.launch_persistent_context(
        profile_folder,
        executable_path=CHROMIUM,
        args=TEST_SWITCHES,
        viewport=WINDOW,
        base_url=dashboard_url,
    )
    context.set_default_timeout(1000 * WAIT)
    yield context
    context.close()


@dataclass
class Watched:
    """What a page did that it should not have done."""

    complaints: list[str] = field(default_factory=list)
    hosts: set[str] = field(default_factory=set)
    expected: tuple[str, ...] = ()
    """Complaints that contain one of these are part of the test."""

    def watch(self, page: Page) -> Page:
        page.on("console", self.console)
        page.on("pageerror", lambda error: self.complain(f"exception: {error}"))
        page.on("request", self.request)
        return page

    def console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.complain(f"{message.type}: {message.text} ({message.location.get('url')})")

    def complain(self, text: str) -> None:
        self.complaints.append(text)

    def request(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme not in {"data", "blob"}:
            self.hosts.add(parts.hostname or request.url)

    def check(self) -> None:
        assert [c for c in self.complaints if not any(e in c for e in self.expected)] == []
        assert self.hosts <= {"127.0.0.1"}


@pytest.fixture
def watched() -> Watched:
    return Watched()


@pytest.fixture
def open_page(watched: Watched, dashboard_url: str) -> Callable[..., Page]:
    """Opens a fresh, watched window of 1280 × 720; paths are relative to the dashboard."""

    def opened(browser: Browser, **options) -> Page:
        context = browser.new_context(viewport=WINDOW, base_url=dashboard_url, **options)
        context.set_default_timeout(1000 * WAIT)
        return watched.watch(context.new_page())

    return opened


@pytest.fixture
def page(profile: BrowserContext, dashboard_url: str, watched: Watched) -> Iterator[Page]:
    """A watched window in which nothing is left of an earlier test but what a browser caches."""
    page = watched.watch(profile.new_page())
    yield page
    forget = {"origin": dashboard_url, "storageTypes": "cookies,local_storage,indexeddb"}
    cleaner = profile.new_page()
    for one in profile.pages:
        if one is not cleaner:
            one.close()
    profile.new_cdp_session(cleaner).send("Storage.clearDataForOrigin", forget)
    cleaner.close()
    watched.check()


@pytest.fixture(scope="module")
def three_maps(
    tiny_model_dir: Path, tiny_index_dir: Path, sample_dir: Path, tmp_path_factory
) -> tuple[str, ...]:
    """What a service is started with whose index also has the maps space (three dimensions) and mirror."""
    folder = tmp_path_factory.mktemp("pairs") / "index"
    shutil.copytree(tiny_index_dir, folder)
    index = open_index(folder, load_model(tiny_model_dir, "cpu"))
    embeddings = np.asarray(index.embeddings)
    for name, features, dimensions in (
        ("space", embeddings, 3),
        ("mirror", -embeddings * abs(embeddings), 2),
    ):
        settings = PCASettings(dimensions=dimensions)
        fit_map(folder / "maps" / name, Features(features), index.blocks, "pca", settings)
    return ("--model", str(tiny_model_dir), "--index", str(folder), "--data-dir", str(sample_dir))


@pytest.fixture(scope="module")
def pair(start_pair, three_maps: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """A service with three maps, and its dashboard."""
    with start_pair(*three_maps) as urls:
        yield urls
