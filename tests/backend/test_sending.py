"""What becomes of a client that does not read its answer."""

import asyncio
import contextlib
import socket
import threading
import time

import numpy as np
import pytest
from fastapi import Response
from fastapi.responses import StreamingResponse

from backend.dependencies import LoadedNow
from backend.sending import PIECE, Sending
from backend.tables import npy_file

SIZE = 64 * 1024 * 1024
"""More than the buffers of the system take."""
START = {"type": "http.response.start", "status": 200, "headers": []}
WAIT = 60.0


@pytest.fixture(scope="module")
def hasty(run_service, make_settings):
    with run_service(make_settings(request_seconds=0.5)) as service:
        yield service


@contextlib.contextmanager
def not_reading(service, path):
    """A client whose system takes little of the answer."""
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.settimeout(WAIT)
        connection.connect(("127.0.0.1", service.port))
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        yield connection


def rest(connection):
    """Bytes that still come; the connection ends or is reset."""
    count = 0
    with contextlib.suppress(ConnectionResetError):
        while piece := connection.recv(1 << 20):
            count += len(piece)
    return count


def wait_until_unused(service):
    """Ask the service for something else until no request holds what is served."""
    deadline = time.monotonic() + WAIT
    while service.service._served.users:
        service.client.get("/health/live")
        if time.monotonic() > deadline:
            return False
    return True


@pytest.mark.parametrize("whole", [False, True])
def test_its_request_ends_and_its_connection_is_cut(hasty, whole):
    begun = threading.Event()

    def long(_loaded: LoadedNow) -> Response:
        begun.set()
        pieces = (bytes(PIECE) for _ in range(SIZE // PIECE))
        return Response(bytes(SIZE)) if whole else StreamingResponse(pieces)

    hasty.app.get(f"/long/{whole}")(long)
    with not_reading(hasty, f"/long/{whole}") as connection:
        assert begun.wait(WAIT)
        # Before a look at the connection: it is not the client that lets go.
        assert wait_until_unused(hasty)
        assert rest(connection) < SIZE


async def sent(*messages, stuck_at=None, seconds=5):
    """What the server was given, and whether it was told to cut the connection."""
    given = []

    class Transport(asyncio.Transport):
        cut = False

        def abort(self):
            self.cut = True

    class Server:
        transport = Transport()

        async def send(self, message):
            if len(given) == stuck_at:
                await asyncio.Event().wait()
            given.append(message)

    async def app(scope, receive, send):
        for message in messages:
            await send(message)

    server = Server()
    await asyncio.wait_for(Sending(app, seconds=seconds)({"type": "http"}, None, server.send), WAIT)
    return given, server.transport.cut


def body(size, more=False):
    return {"type": "http.response.body", "body": bytes(size), "more_body": more}


async def test_long_bodies_come_in_pieces():
    given, cut = await sent(START, body(2 * PIECE + 1))
    assert [len(one["body"]) for one in given[1:]] == [PIECE, PIECE, 1, 0]
    assert [one["more_body"] for one in given[1:]] == [True, True, True, False]
    assert not cut


async def test_short_ones_and_parts_of_streams_end_as_they_did():
    messages = (START, body(PIECE, more=True), body(PIECE + 1, more=True), body(3))
    given, _ = await sent(*messages)
    assert [(len(one["body"]), one["more_body"]) for one in given[1:]] == [
        (PIECE, True),
        (PIECE, True),
        (1, True),
        (3, False),
    ]


async def test_nothing_is_said_after_the_cut():
    given, cut = await sent(START, body(3 * PIECE, more=True), body(9), stuck_at=2, seconds=0.05)
    assert len(given) == 2
    assert cut


def test_arrays_come_in_pieces_of_bytes():
    """However wide their rows are."""
    wide = np.zeros((50, 4 * PIECE // 10), np.uint8)
    sizes = [len(piece) for piece in npy_file(wide, np.arange(50))]
    assert max(sizes) <= PIECE
    assert sum(sizes[1:]) == wide.nbytes
