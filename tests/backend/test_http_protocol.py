"""Connections on which no request comes, or what is none."""

import json
import logging
import socket
import time

import pytest

SECONDS = 1.0
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


def test_so_is_that_of_a_second_request(connection):
    connection.sendall(HEAD + b"\r\n")
    answer = connection.recv(65536)
    assert answer.startswith(b"HTTP/1.1 200 ")
    _problem(_trickle(connection), 408, "head-too-slow")


def test_a_connection_without_a_request_is_closed(connection):
    assert connection.recv(1) == b""


def test_a_request_in_time_is_answered_however_many_follow(connection):
    connection.settimeout(SECONDS / 4)
    answers = connection.makefile("rb")
    for _ in range(6):  # longer in all than a head may take
        connection.sendall(HEAD + b"\r\n")
        assert answers.readline().startswith(b"HTTP/1.1 200 ")
        length = 0
        while line := answers.readline().strip():
            name, _, value = line.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
        answers.read(length)
        with pytest.raises(TimeoutError):
            connection.recv(1)
        answers = connection.makefile("rb")


@pytest.mark.parametrize(
    "sent", [b"\x16\x03\x01\x02\x00\x01\n\r\n\r\n", b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"]
)
def test_what_is_no_http_is_a_problem(connection, sent):
    connection.sendall(sent)
    _problem(connection.makefile("rb").read(), 400, "no-http")


@pytest.mark.parametrize("path", ["/nothing-here", "/v1/encode"])
def test_a_broken_chunk_leaves_no_traceback(connection, caplog, path):
    """Of a request that is answered already, too: nothing can be taken back."""
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\nTransfer-Encoding: chunked\r\n\r\n"
    with caplog.at_level(logging.WARNING):
        connection.sendall(head.encode())
        if path == "/nothing-here":
            assert connection.recv(12, socket.MSG_PEEK).startswith(b"HTTP/1.1 404")
        connection.sendall(b"ZZ\r\n")
        answer = connection.makefile("rb").read()
    assert answer.count(b"HTTP/1.1 ") == 1
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR or record.exc_info]
