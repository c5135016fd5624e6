"""Requests of which two servers could think differently where they end."""

import socket

import pytest
from pydantic import SecretStr

HIDDEN = b"GET /v1/models HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.fixture(scope="module", params=[False, True], ids=["open", "keyed"])
def service(request, run_service, make_settings):
    keys = (SecretStr("k" * 30),) if request.param else ()
    settings = make_settings().model_copy(
        update={"api_keys": keys, "cors_origins": frozenset({"https://viewer.example"})}
    )
    with run_service(settings) as service:
        yield service


@pytest.mark.parametrize(
    "head",
    [
        "POST /v1/encode HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\n",
        "POST /v1/encode HTTP/1.1\r\nHost: elsewhere.example\r\n",
        "OPTIONS /v1/encode HTTP/1.1\r\nHost: localhost\r\nOrigin: https://viewer.example\r\n"
        "Access-Control-Request-Method: POST\r\n",
        "GET /health/live HTTP/1.1\r\nHost: localhost\r\n",
    ],
    ids=["post", "other host", "preflight", "get"],
)
def test_a_body_of_two_lengths_is_refused(service, head):
    """Else what follows the shorter one would be taken for the next request by one of the servers."""
    lengths = f"Content-Length: {5 + len(HIDDEN)}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    with socket.create_connection(("127.0.0.1", service.port), timeout=10) as connection:
        connection.sendall((head + lengths).encode() + HIDDEN)
        answer = connection.makefile("rb").read()
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.count(b"HTTP/1.1 ") == 1
    assert b"urn:vqscope:problem:ambiguous-length" in answer
    assert b"x-request-id: " in answer.lower()
