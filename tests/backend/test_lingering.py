"""What becomes of a client that is refused while it sends."""

import asyncio
import contextlib
import socket

import pytest

from backend.lingering import Lingering

SIZE = 8_000_000
PART = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\nx\r\n'


@pytest.fixture(scope="module")
def small(run_service, make_settings):
    with run_service(make_settings(body_bytes=20_000, images_per_request=2)) as service:
        yield service


@pytest.mark.parametrize(
    ("host", "length", "begin", "problem"),
    [
        ("localhost", SIZE, b"", "body-too-large"),
        ("localhost", 19_000, 3 * PART, "too-many-images"),
        ("elsewhere", SIZE, b"", "misdirected-request"),
    ],
)
def test_it_still_reads_its_refusal(small, host, length, begin, problem):
    """A connection closed on unread bytes is reset, which may throw away the answer before the client sees it."""
    request = (
        f"POST /v1/encode HTTP/1.1\r\nHost: {host}\r\nContent-Type: multipart/form-data; boundary=b\r\n"
        f"Content-Length: {length}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", small.port), timeout=30) as connection:
        connection.sendall(request.encode() + begin)
        answer = connection.makefile("rb")
        assert answer.readline()[:10] == b"HTTP/1.1 4"  # it is sent before what follows
        connection.sendall(bytes(length - len(begin)))
        assert f"urn:vqscope:problem:{problem}".encode() in answer.read()


@pytest.mark.parametrize(
    ("version", "connection"), [("1.0", ""), ("1.0", "keep-alive"), ("1.1", "close"), ("1.1", "TE, Close")]
)
def test_so_does_one_whose_own_request_closes_the_connection(small, version, connection):
    """As proxies do unless told otherwise; the refusal itself says nothing of the connection."""
    request = (
        f"POST /v1/decode HTTP/{version}\r\nHost: localhost\r\nContent-Type: text/plain\r\n"
        f"Content-Length: {SIZE}\r\nConnection: {connection}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", small.port), timeout=30) as connected:
        connected.sendall(request.encode())
        answer = connected.makefile("rb")
        assert answer.readline()[9:12] == b"415"
        connected.sendall(bytes(SIZE))
        assert b"urn:vqscope:problem:unsupported-media-type" in answer.read()


PIECE = {"type": "http.request", "body": b"too much", "more_body": True}
END = {"type": "http.request", "body": b"", "more_body": False}
GONE = {"type": "http.disconnect"}
NO = {"type": "http.response.body", "body": b"no"}
BEGUN = {**NO, "more_body": True}
REST = {"type": "http.response.body"}


def scope(version="1.1", connection=b"keep-alive"):
    return {"type": "http", "http_version": version, "headers": [(b"connection", connection)]}


async def answered(*messages, asked=None, connection=b"close", endless=False, fails=False):
    """What was sent in answer, and how many of a client's messages were read."""
    start = {"type": "http.response.start", "status": 413, "headers": [(b"connection", connection)]}
    given = [*messages]
    sent = []

    async def receive():
        if not given and endless:
            await asyncio.sleep(0.01)  # the client's pace, not synchronisation
            return PIECE
        if not given:
            await asyncio.Event().wait()
        return given.pop(0)

    async def send(message):
        sent.append(message)

    async def app(scope, receive, send):
        await receive()
        await send(start)
        await send(NO)
        if fails:
            raise RuntimeError

    with pytest.raises(RuntimeError) if fails else contextlib.nullcontext():
        await asyncio.wait_for(Lingering(app)(asked or scope(), receive, send), 5)
    assert sent.pop(0) == start
    return sent, len(messages) - len(given)


async def test_it_is_read_no_longer_than_it_sends(monkeypatch):
    """Each way in which the reading ends; the end of the answer waits for it."""
    monkeypatch.setattr("backend.lingering.LINGER", 0.3)
    monkeypatch.setattr("backend.lingering.QUIET", 0.1)
    assert await answered(PIECE, PIECE, END, PIECE) == ([BEGUN, REST], 3)
    assert await answered(PIECE, GONE, PIECE) == ([BEGUN, REST], 2)
    assert await answered(PIECE) == ([BEGUN, REST], 1)  # quiet
    assert await answered(PIECE, endless=True) == ([BEGUN, REST], 1)  # longer than anyone is waited for
    assert await answered(PIECE, END, fails=True) == ([BEGUN, REST], 2)


async def test_others_are_answered_at_once():
    """Who has sent all, or keeps the connection."""
    assert await answered(END, PIECE) == ([NO], 1)
    assert await answered(PIECE, PIECE, connection=b"keep-alive") == ([NO], 1)


async def test_the_request_may_close_the_connection_too(monkeypatch):
    monkeypatch.setattr("backend.lingering.QUIET", 0.1)
    for asked in (scope("1.0"), scope("1.1", b"close"), scope("1.1", b"TE, Close")):
        assert await answered(PIECE, PIECE, END, asked=asked, connection=b"") == ([BEGUN, REST], 3)
        assert await answered(END, PIECE, asked=asked, connection=b"") == ([NO], 1)
