"""A real service: uvicorn in a thread, on a free port, over the really trained tiny model."""

import io
import math
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import numpy as np
import pytest
import uvicorn
from fastapi import FastAPI
from PIL import Image

from backend.app import create_app
from backend.batching import Batcher
from backend.http_protocol import protocol
from backend.service import Service
from backend.settings import Limits, Settings
from model.data.arrays import open_split
from model.inference import InferenceModel, load_model
from model.latent.index import LatentIndex, open_index

WAIT = 60.0


@dataclass
class Running:
    """A service that answers over TCP."""

    app: FastAPI
    client: httpx.Client
    port: int
    settled: threading.Event
    """Set once loading has ended, well or not."""

    @property
    def service(self) -> Service:
        return self.app.state.service

    @property
    def batcher(self) -> Batcher:
        return self.service.loaded().batcher


Run = Callable[..., AbstractContextManager[Running]]


@contextmanager
def _run(settings: Settings, *, wait: bool = True, **given) -> Iterator[Running]:
    settled = threading.Event()
    app = create_app(settings, notify=lambda _error: settled.set(), **given)
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            **protocol(settings.limits.request_seconds, app.state.metrics),
            log_level="warning",
            access_log=False,
            timeout_graceful_shutdown=2,
        )
    )
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=WAIT) as client:
                if wait:
                    assert settled.wait(WAIT)
                yield Running(app, client, port, settled)
        finally:
            server.should_exit = True
            thread.join(WAIT)
    assert not thread.is_alive()


@pytest.fixture(scope="session")
def run_service() -> Run:
    return _run


@pytest.fixture(scope="session")
def make_settings(tiny_model_dir: Path, tiny_index_dir: Path, sample_dir: Path) -> Callable[..., Settings]:
    """Settings over the tiny model, of which nothing is asked that tests do not ask; keywords set limits."""

    def make(*, model=tiny_model_dir, index=tiny_index_dir, data_dir=sample_dir, **limits) -> Settings:
        return Settings(
            model=str(model), index=index, data_dir=data_dir, idle_seconds=math.inf, limits=Limits(**limits)
        )

    return make


@pytest.fixture(scope="session")
def running(make_settings: Callable[..., Settings]) -> Iterator[Running]:
    """One service for all tests that do not harm it."""
    with _run(make_settings()) as service:
        yield service


@pytest.fixture(scope="session")
def client(running: Running) -> httpx.Client:
    return running.client


@pytest.fixture(scope="session")
def model(tiny_model_dir: Path) -> InferenceModel:
    """The same model, asked directly."""
    return load_model(tiny_model_dir, "cpu")


@pytest.fixture(scope="session")
def index(tiny_index_dir: Path, model: InferenceModel) -> LatentIndex:
    """The same index, opened directly."""
    return open_index(tiny_index_dir, model)


@pytest.fixture(scope="session")
def grey(sample_dir: Path, index: LatentIndex) -> np.ndarray:
    """Twenty real grey test images."""
    return _images(sample_dir, index, channels=1)


@pytest.fixture(scope="session")
def colour(sample_dir: Path, index: LatentIndex) -> np.ndarray:
    """Twenty real colour test images."""
    return _images(sample_dir, index, channels=3)


def _images(folder: Path, index: LatentIndex, channels: int) -> np.ndarray:
    name = next(info["name"] for info in index.datasets if info["n_channels"] == channels)
    return np.array(open_split(name, "test", data_dir=folder).images[:20])


@pytest.fixture(scope="session")
def png() -> Callable[[np.ndarray], bytes]:
    def encode(image: np.ndarray) -> bytes:
        buffer = io.BytesIO()
        Image.fromarray(image).save(buffer, "PNG")
        return buffer.getvalue()

    return encode


@pytest.fixture(scope="session")
def unpng() -> Callable[[bytes], np.ndarray]:
    def decode(data: bytes) -> np.ndarray:
        with Image.open(io.BytesIO(data), formats=["PNG"]) as image:
            return np.array(image)

    return decode


@pytest.fixture(scope="session")
def problem() -> Callable[[httpx.Response, int, str], str]:
    """Check that an answer is a problem document of a status and kind; give its detail."""

    def check(response: httpx.Response, status: int, kind: str) -> str:
        assert response.status_code == status, response.text
        assert response.headers["content-type"] == "application/problem+json"
        body = response.json()
        assert body.keys() == {"type", "title", "status", "detail", "instance", "request_id"}
        assert body["type"] == f"urn:vqscope:problem:{kind}"
        assert body["status"] == status
        assert body["instance"] == response.request.url.path
        assert body["request_id"] == response.headers["x-request-id"]
        assert "Traceback" not in body["detail"]
        assert "\n" not in body["detail"]
        return body["detail"]

    return check
