"""A service that is killed, whose disk is full, whose clients leave: what is stated in docs/service.md."""

import io
import resource
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import numpy as np
import psutil
import pytest
from PIL import Image

from tests.backend.serving import served

pytestmark = pytest.mark.integration
WAIT = 120.0


@pytest.fixture
def picture() -> bytes:
    """A PNG of some 1.2 MB, as noise cannot be packed."""
    noise = np.random.default_rng(0).integers(0, 256, (640, 640, 3), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def folders(tiny_model_dir: Path, tiny_index_dir: Path, sample_dir: Path, tmp_path: Path) -> dict[str, Path]:
    """What is served, from an index of the test's own."""
    index = shutil.copytree(tiny_index_dir, tmp_path / "index")
    return {"model": tiny_model_dir, "index": index, "data_dir": sample_dir}


def until(found: Callable[[], bool]) -> None:
    """Ask until it is so; each question takes its time."""
    assert any(found() for _ in range(100_000))


@contextmanager
def dashboard(api: str) -> Iterator[httpx.Client]:
    command = [sys.executable, "-m", "dashboard", "--api", api, "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            url = process.stderr.readline().split()[1]
            with httpx.Client(base_url=url, timeout=WAIT, trust_env=False) as client:
                yield client
            assert process.poll() is None
        finally:
            process.kill()


def test_the_dashboard_outlives_a_service_that_is_killed_under_load(folders, picture):
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]

    def upload() -> None:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=WAIT, trust_env=False) as client:
            while True:
                client.post("/v1/encode", content=picture, headers={"Content-Type": "image/png"})

    with dashboard(f"http://127.0.0.1:{port}") as pages, ThreadPoolExecutor(4) as pool:

        def state() -> str:
            return str(pages.get("/health").json()["api"]["state"])

        with served(**folders, port=port) as (process, url):
            assert state() == "ready"
            uploads = [pool.submit(upload) for _ in range(4)]
            counted = "vqscope_images_total 0.0"
            until(lambda: counted not in httpx.get(f"{url}/metrics", trust_env=False).text)
            decoders = psutil.Process(process.pid).children(recursive=True)
            process.kill()
            assert all(isinstance(one.exception(WAIT), httpx.TransportError) for one in uploads)
            _gone, alive = psutil.wait_procs(decoders, WAIT)
            assert alive == []
        assert state() == "away"
        assert pages.get("/").status_code == 200
        with served(**folders, port=port):
            assert state() == "ready"


def full(process: subprocess.Popen[str]) -> None:
    """No file of this process, or of those it starts, may grow any more: a full disk, without being root."""
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (0, 0))


def test_a_map_for_which_the_disk_has_no_room_fails_alone(folders):
    with (
        served(**folders) as (process, url),
        httpx.Client(base_url=url, timeout=WAIT, trust_env=False) as client,
    ):
        full(process)
        job = client.post("/v1/maps", json={"method": "pca", "dimensions": 3, "name": "wide"}).json()
        until(lambda: client.get(f"/v1/jobs/{job['id']}").json()["state"] != "running")
        ended = client.get(f"/v1/jobs/{job['id']}").json()
        assert ended["state"] == "failed"
        assert ended["error"]
        assert [item["name"] for item in client.get("/v1/maps").json()["items"]] == ["pca"]
        assert [entry.name for entry in (folders["index"] / "maps").iterdir()] == ["pca"]
        assert client.get("/health/ready").status_code == 200


def test_what_cannot_be_kept_in_the_cache_is_answered_all_the_same(folders, tmp_path):
    cache = tmp_path / "cache"
    with (
        served(**folders, environment={"VQSCOPE_CACHE": str(cache)}) as (process, url),
        httpx.Client(base_url=url, timeout=WAIT, trust_env=False) as client,
    ):
        full(process)
        assert client.get("/v1/outliers/percentiles").status_code == 200
        assert client.get("/health/ready").status_code == 200
    assert [
        path for path in (cache / "outliers").rglob("*.*") if path.is_file() and path.stat().st_size
    ] == []


def test_a_client_that_leaves_while_it_sends_holds_nothing(folders, picture):
    """One image and the bytes of one body are all that there is room for: the next upload finds both free."""
    room = str(len(picture) + 1000)
    limits = {
        "VQSCOPE_QUEUE_LENGTH": "1",
        "VQSCOPE_IMAGES_PER_REQUEST": "1",
        "VQSCOPE_BODY_BYTES": room,
        "VQSCOPE_BODY_BYTES_IN_FLIGHT": room,
    }
    head = (
        "POST /v1/encode HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\n"
        f"Content-Length: {len(picture)}\r\n\r\n"
    )
    with (
        served(**folders, environment=limits) as (_process, url),
        httpx.Client(base_url=url, timeout=WAIT, trust_env=False) as client,
    ):

        def send() -> httpx.Response:
            return client.post("/v1/encode", content=picture, headers={"Content-Type": "image/png"})

        host, port = url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=WAIT) as connection:
            connection.sendall(head.encode() + picture[: len(picture) // 2])
            until(lambda: "vqscope_requests_in_work 2.0" in client.get("/metrics").text)
            assert send().status_code == 429
        left = 'vqscope_requests_total{method="POST",route="/v1/encode",status="499"} 1.0'
        until(lambda: left in client.get("/metrics").text)
        assert "vqscope_queue_images 0.0" in client.get("/metrics").text
        assert send().status_code == 200
