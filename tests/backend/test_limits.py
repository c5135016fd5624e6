"""Bodies that are too large or too slow, with true, false and no Content-Length."""

import asyncio
import contextlib
import json
import socket

import httpx
import pytest

from backend.limits import BodyLimit
from backend.problems import Problem

LIMIT = 20_000
HEADERS = {"Content-Type": "multipart/form-data; boundary=b"}
HEAD = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n'


@pytest.fixture(scope="module")
def small(run_service, make_settings):
    with run_service(make_settings(body_bytes=LIMIT)) as service:
        yield service


@pytest.fixture(scope="module")
def hasty(run_service, make_settings):
    """For bodies that never come whole: others may be late here, on a busy machine."""
    with run_service(make_settings(request_seconds=1)) as service:
        yield service


def test_announced_too_large_is_413_before_it_is_sent(small):
    """Nothing of the body is sent: an answer that waited for it would be 408."""
    request = (
        f"POST /v1/encode HTTP/1.1\r\nHost: localhost\r\nContent-Type: {HEADERS['Content-Type']}\r\n"
        f"Content-Length: {10**15}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", small.port), timeout=30) as connection:
        connection.sendall(request.encode())
        answer = connection.makefile("rb").read()  # until the service closes the connection
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 413 ")
    assert b"application/problem+json" in head
    assert json.loads(body)["type"] == "urn:vqscope:problem:body-too-large"


def test_chunked_without_length_is_counted(small, problem):
    def chunks():
        yield HEAD
        for _ in range(LIMIT // 1000):
            yield bytes(1000)
        yield b"\r\n--b--\r\n"

    answer = small.client.post("/v1/encode", content=chunks(), headers=HEADERS)
    assert answer.request.headers["transfer-encoding"] == "chunked"
    assert "20,000" in problem(answer, 413, "body-too-large")


async def test_false_length_is_counted(small, problem):
    """A server in front may pass on more than was announced; ours below would not."""
    transport = httpx.ASGITransport(small.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:

        async def chunks():
            yield HEAD
            for _ in range(LIMIT // 1000):
                yield bytes(1000)

        answer = await client.post(
            "/v1/encode", content=chunks(), headers={**HEADERS, "Content-Length": "100"}
        )
    problem(answer, 413, "body-too-large")


def test_the_limit_itself_is_allowed(small, problem):
    tail = b"\r\n--b--\r\n"
    full = HEAD + bytes(LIMIT - len(HEAD) - len(tail)) + tail
    assert len(full) == LIMIT
    problem(small.client.post("/v1/encode", content=full, headers=HEADERS), 415, "unsupported-image")
    problem(small.client.post("/v1/encode", content=full + b" ", headers=HEADERS), 413, "body-too-large")


READERS = [("/v1/encode", HEADERS["Content-Type"]), ("/v1/selections", "application/json")]
"""A route that takes files, and one that takes a short question."""


@pytest.mark.parametrize(("path", "kind"), READERS)
def test_a_body_that_stops_coming_is_408(hasty, path, kind):
    request = (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\nContent-Length: 1000\r\n\r\n--b"
    )
    with socket.create_connection(("127.0.0.1", hasty.port), timeout=30) as connection:
        connection.sendall(request.encode())
        answer = connection.makefile("rb").read()
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"urn:vqscope:problem:request-timeout" in answer
    assert hasty.batcher._occupied == 0


@pytest.mark.parametrize(("path", "kind"), READERS)
def test_who_leaves_while_sending_is_counted_as_gone(small, path, kind):
    request = (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\nContent-Length: 1000\r\n\r\n--b"
    )
    with socket.create_connection(("127.0.0.1", small.port), timeout=30) as connection:
        connection.sendall(request.encode())
    line = f'vqscope_requests_total{{method="POST",route="{path}",status="499"}} 1.0'
    assert any(line in small.client.get("/metrics").text for _ in range(1000))


async def test_the_wait_after_the_body_is_not_limited():
    """Once the body is there, `receive` waits for the client's leaving: as long as that takes."""
    messages = iter([{"type": "http.request", "body": b"x", "more_body": False}])
    left = asyncio.Event()

    async def receive():
        if message := next(messages, None):
            return message
        await left.wait()
        return {"type": "http.disconnect"}

    async def app(scope, receive, send):
        await receive()
        asyncio.get_running_loop().call_later(0.2, left.set)
        assert (await receive())["type"] == "http.disconnect"

    await BodyLimit(app, body_bytes=10, in_flight=10, seconds=0.05)(
        {"type": "http", "headers": []}, receive, None
    )


async def test_a_slow_trickle_is_cut_off_as_a_whole():
    async def receive():
        await asyncio.sleep(0.02)  # the client's pace, not synchronisation
        return {"type": "http.request", "body": b"x", "more_body": True}

    async def app(scope, receive, send):
        while True:
            await receive()

    with pytest.raises(Problem) as caught:
        await BodyLimit(app, body_bytes=1000, in_flight=1000, seconds=0.2)(
            {"type": "http", "headers": []}, receive, None
        )
    assert caught.value.status == 408


@pytest.fixture
def crowded(run_service, make_settings):
    with run_service(make_settings(body_bytes=6000, body_bytes_in_flight=10_000)) as service:
        yield service


def test_bodies_of_all_requests_are_bounded_together(crowded, problem):
    """One that stands half-sent holds its bytes; the next does not fit beside it, until it is gone."""
    full = HEAD + bytes(5000)
    request = (
        f"POST /v1/encode HTTP/1.1\r\nHost: localhost\r\nContent-Type: {HEADERS['Content-Type']}\r\n"
        "Content-Length: 6000\r\n\r\n"
    )
    body = full + b"\r\n--b--\r\n"
    with socket.create_connection(("127.0.0.1", crowded.port), timeout=30) as connection:
        connection.sendall(request.encode() + full)
        wait_until_held(
            crowded, len(full)
        )  # else the bytes of the next may come first, and this one is refused
        answer = crowded.client.post("/v1/encode", content=body, headers=HEADERS)
        assert "10,000" in problem(answer, 429, "too-many-bytes")
        assert answer.headers["retry-after"] == "1"
        assert crowded.client.get("/v1/samples").status_code == 200
        answer = crowded.client.post(
            "/v1/selections", content=b" " * 5500, headers={"Content-Type": "application/json"}
        )
        problem(answer, 429, "too-many-bytes")
    wait_until_held(crowded, 0)
    problem(crowded.client.post("/v1/encode", content=body, headers=HEADERS), 415, "unsupported-image")


def wait_until_held(service, size):
    """Ask the service for something else until it holds so many bytes of bodies."""
    limit = service.app.middleware_stack
    while not isinstance(limit, BodyLimit):
        limit = limit.app
    for _ in range(10_000):
        if limit.held == size:
            return
        service.client.get("/health/live")
    raise AssertionError(f"it holds {limit.held} bytes, not {size}")


async def test_bytes_are_given_back_however_a_request_ends():
    async def receive():
        return {"type": "http.request", "body": b"x" * 10, "more_body": False}

    async def app(scope, receive, send):
        await receive()
        assert limit.held == 10
        if scope["fail"]:
            raise RuntimeError

    limit = BodyLimit(app, body_bytes=10, in_flight=10, seconds=1)
    for fail in (True, False):
        with contextlib.suppress(RuntimeError):
            await limit({"type": "http", "headers": [], "fail": fail}, receive, None)
        assert limit.held == 0
