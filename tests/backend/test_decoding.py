"""Decoding of uploads: one at a time, in a thread of its own, given up when nobody waits for it."""

import socket
import threading
import time
import weakref
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import backend.uploads
from model.data.reading import decode_image

WAIT = 60.0
PATH = "/v1/encode"


class Gate:
    """`decode_image` that waits at a gate and keeps count."""

    def __init__(self):
        self.gate = threading.Event()
        self.entered = threading.Semaphore(0)
        self.calls = 0
        self.together = 0
        self.most = 0
        self._lock = threading.Lock()

    def __call__(self, data, **limits):
        with self._lock:
            self.calls += 1
            self.together += 1
            self.most = max(self.most, self.together)
        self.entered.release()
        try:
            assert self.gate.wait(WAIT)
            return decode_image(data, **limits)
        finally:
            with self._lock:
                self.together -= 1


@pytest.fixture
def gate(monkeypatch):
    gate = Gate()
    monkeypatch.setattr(backend.uploads, "decode_image", gate)
    yield gate
    gate.gate.set()


@pytest.fixture
def pool():
    with ThreadPoolExecutor(64) as executor:
        yield executor


def wait_until(condition, service):
    """The service answers all the while."""
    deadline = time.monotonic() + WAIT
    while not condition():
        assert service.client.get("/health/live").status_code == 200
        assert time.monotonic() < deadline


def parts(data, count):
    return [("file", ("a.png", data))] * count


def test_waiting_uploads_do_not_stall_other_routes(run_service, make_settings, gate, pool, grey, png):
    """More uploads than the shared pool has threads (40), none of which can go on."""
    with run_service(make_settings()) as service:
        uploads = [pool.submit(service.client.post, PATH, files=parts(png(grey[0]), 2)) for _ in range(48)]
        assert gate.entered.acquire(timeout=WAIT)
        wait_until(lambda: service.batcher._occupied == 96, service)
        assert service.client.get("/v1/samples").status_code == 200  # runs in the shared pool
        assert gate.calls == 1
        gate.gate.set()
        assert {upload.result(WAIT).status_code for upload in uploads} == {200}
        assert gate.most == 1
        assert gate.calls == 96


def test_time_is_out_while_decoding(run_service, make_settings, gate, pool, grey, png, problem):
    """The rest is not decoded, and those that only waited for their turn are told in time."""
    with run_service(make_settings(request_seconds=0.3)) as service:
        first = pool.submit(service.client.post, PATH, files=parts(png(grey[0]), 3))
        assert gate.entered.acquire(timeout=WAIT)
        second = pool.submit(service.client.post, PATH, files=parts(png(grey[0]), 1))
        for answer in (first, second):
            assert "0.3 s" in problem(answer.result(WAIT), 503, "timeout")
        gate.gate.set()
        assert service.client.post(PATH, files=parts(png(grey[1]), 1)).status_code == 200
        assert gate.calls == 2  # one of the first request, none of the second
        assert service.batcher._occupied == 0


def test_nothing_more_is_decoded_for_a_client_that_left(run_service, make_settings, gate, grey, png):
    part = (
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n'
        + png(grey[0])
        + b"\r\n"
    )
    body = part * 3 + b"--b--\r\n"
    head = (
        "POST /v1/encode HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=b\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    with run_service(make_settings()) as service:
        with socket.create_connection(("127.0.0.1", service.port)) as connection:
            connection.sendall(head.encode() + body)
            assert gate.entered.acquire(timeout=WAIT)
        wait_until(lambda: service.batcher._occupied == 0, service)
        gate.gate.set()
        assert service.client.post(PATH, files=parts(png(grey[1]), 1)).status_code == 200
        assert gate.calls == 2


def test_large_images_are_not_kept(run_service, make_settings, monkeypatch, png):
    """Each is brought to the model's size before the next is decoded."""
    alive = []

    def watched(data, **limits):
        image = decode_image(data, **limits)
        alive[:] = [ref for ref in alive if ref() is not None]
        alive.append(weakref.ref(image))
        most.append(len(alive))
        return image

    most = []
    monkeypatch.setattr(backend.uploads, "decode_image", watched)
    data = png(np.zeros((1000, 1000), np.uint8))
    with run_service(make_settings()) as service:
        assert service.client.post(PATH, files=parts(data, 8)).status_code == 200
    assert most == [1] * 8
