"""Connections on which no request comes, or what is none."""

import contextlib
import json
import logging
import re
import select
import socket
import time

import psutil
import pytest

SECONDS = 2.0
"""Enough for what is sent at once to arrive on a busy machine, too."""
HEAD = b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n"


@pytest.fixture(scope="module")
def hasty(run_service, make_settings):
    with run_service(make_settings(request_seconds=SECONDS)) as service:
        yield service


@pytest.fixture
def connection(hasty):
    with socket.create_connection(("127.0.0.1", hasty.port), timeout=30) as connection:
        yield connection


def _trickle(connection: socket.socket) -> bytes:
    """Send a header without an end, a few bytes at a time, until the service has enough; what it answers."""
    began, answer = time.monotonic(), b""
    connection.sendall(HEAD + b"X-Long: ")
    connection.settimeout(SECONDS / 20)
    while time.monotonic() < began + 20 * SECONDS:
        try:
            if not (piece := connection.recv(65536)):
                return answer
            answer += piece
        except TimeoutError:
            connection.sendall(b"a")
        except ConnectionResetError:
            return answer
    raise AssertionError("the service waits for ever")


def _problem(answer: bytes, status: int, kind: str) -> None:
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(f"HTTP/1.1 {status} ".encode())
    assert b"content-type: application/problem+json" in head.lower()
    found = json.loads(body)
    assert (found["status"], found["type"]) == (status, f"urn:vqscope:problem:{kind}")
    assert f"x-request-id: {found['request_id']}".encode() in head.lower()


def test_a_head_that_trickles_in_is_cut_off(connection):
    _problem(_trickle(connection), 408, "head-too-slow")


def _answered(connection: socket.socket) -> None:
    """Read the answer of a request that is well, to its end."""
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += connection.recv(65536)
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 ")
    length = int(re.search(rb"content-length: (\d+)", head.lower())[1])
    while len(body) < length:
        body += connection.recv(65536)


def _ends(connection: socket.socket) -> bool:
    """Whether the service closes it, well or not, long before the test gives up."""
    with contextlib.suppress(ConnectionResetError):
        while connection.recv(65536):
            pass
    return True


def test_so_is_that_of_a_second_request(connection):
    connection.sendall(HEAD + b"\r\n")
    _answered(connection)
    _problem(_trickle(connection), 408, "head-too-slow")


def test_a_connection_without_a_request_is_closed(connection):
    assert connection.recv(1) == b""


@pytest.mark.parametrize("sent", [1, 5], ids=["not all of it", "all of it, late"])
def test_who_is_answered_before_its_body_came_does_not_hold_the_connection(connection, sent):
    connection.sendall(b"POST /nothing-here HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\n")
    assert connection.recv(12).startswith(b"HTTP/1.1 404")
    connection.sendall(b"abcde"[:sent])
    assert _ends(connection)


def test_nor_does_who_reads_no_answer(hasty):
    """The connection is closed, but what nobody reads would keep it."""
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(("127.0.0.1", hasty.port))
        ours = connection.getsockname()
        connection.sendall(b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        connection.recv(1, socket.MSG_PEEK)
        deadline = time.monotonic() + 20 * SECONDS
        while any(one.raddr == ours for one in psutil.Process().net_connections() if one.raddr):
            assert time.monotonic() < deadline
            select.select([], [], [], SECONDS / 10)


def test_a_request_in_time_is_answered_however_many_follow(connection):
    began = time.monotonic()
    while time.monotonic() < began + 2 * SECONDS:  # longer in all than a head may take
        connection.sendall(HEAD + b"\r\n")
        _answered(connection)


@pytest.mark.parametrize(
    ("sent", "status", "kind"),
    [
        (b"\x16\x03\x01\x02\x00\x01\n\r\n\r\n", 400, "no-http"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400, "no-http"),
        (HEAD + b"X-Long: " + bytes([97]) * 20_000, 431, "head-too-large"),
        (HEAD + b"Transfer-Encoding: gzip\r\n\r\n", 501, "not-implemented"),
    ],
)
def test_what_is_no_http_is_a_problem(hasty, connection, sent, status, kind):
    counted = f'vqscope_problems_total{{kind="{kind}"}} '
    connection.sendall(sent)
    _problem(connection.makefile("rb").read(), status, kind)
    assert counted in hasty.client.get("/metrics").text


def test_a_wish_for_a_websocket_is_answered_as_any_request(hasty):
    wish = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Key": "a",
        "Sec-WebSocket-Version": "13",
    }
    answer = hasty.client.get("/health/live", headers=wish)
    assert (answer.status_code, answer.json()) == (200, {"status": "live"})


BROKEN = "HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize("at_once", [False, True], ids=["after the head", "with the head"])
@pytest.mark.parametrize(
    "line", ["POST /nothing-here", "POST /v1/encode", "HEAD /health/live", "GET /health/live"]
)
def test_a_broken_chunk_leaves_no_traceback(connection, caplog, line, at_once):
    """Of a request that is answered already, too: nothing can be taken back."""
    with caplog.at_level(logging.WARNING):
        if at_once:
            connection.sendall(f"{line} {BROKEN}ZZ\r\n".encode())
        else:
            connection.sendall(f"{line} {BROKEN}".encode())
            if "encode" not in line:
                assert connection.recv(9, socket.MSG_PEEK) == b"HTTP/1.1 "
            connection.sendall(b"ZZ\r\n")
        answer = connection.makefile("rb").read()
    assert answer.count(b"HTTP/1.1 ") == 1
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR or record.exc_info]
