"""HTTP/1.1 as uvicorn speaks it, but a head has to come in time, and what is no HTTP gets a problem document."""

import asyncio
from http import HTTPStatus
from uuid import uuid4

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from backend.problems import MEDIA_TYPE, ProblemDocument


class PunctualProtocol(H11Protocol):
    """uvicorn's protocol over h11 for one connection."""

    head_seconds: float
    """From the connection, or from the first byte after another request, to the end of a request's head."""

    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin: the head of the first request is awaited."""
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what the client sent: bytes of a head do not put its end off, however many there are."""
        super().data_received(data)
        if self.conn.their_state is not h11.IDLE:
            self._stop_waiting()
        elif self._timer is None and self.conn.trailing_data[0]:
            self._await_head()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP, where nothing is answered yet; an answer that has begun cannot be taken back."""
        self._refuse(HTTPStatus.BAD_REQUEST, "no-http", f"{msg.removesuffix('.')}: what came is no HTTP/1.1")

    def _await_head(self) -> None:
        self._timer = self.loop.call_later(self.head_seconds, self._too_late)

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _too_late(self) -> None:
        if self.conn.trailing_data[0]:
            self._refuse(
                HTTPStatus.REQUEST_TIMEOUT,
                "head-too-slow",
                f"the head of the request took longer than {self.head_seconds:g} s",
            )
        else:
            self.transport.close()  # nobody asked for anything

    def _refuse(self, status: HTTPStatus, kind: str, detail: str) -> None:
        self._stop_waiting()
        if self.transport.is_closing():
            return
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            body = ProblemDocument(
                type=f"urn:vqscope:problem:{kind}",
                title=status.phrase,
                status=status,
                detail=detail,
                instance="",  # what could be read of it may be anything
                request_id=uuid4().hex,
            )
            content = body.model_dump_json().encode()
            headers = [
                ("Content-Type", MEDIA_TYPE),
                ("Content-Length", str(len(content))),
                ("X-Request-ID", body.request_id),
                ("Connection", "close"),
            ]
            for event in (
                h11.Response(status_code=status, headers=headers, reason=status.phrase),
                h11.Data(data=content),
                h11.EndOfMessage(),
            ):
                self.transport.write(self.conn.send(event) or b"")
        self.transport.close()


def punctual(head_seconds: float) -> type[PunctualProtocol]:
    """The protocol with its limit, as uvicorn takes it."""
    return type("PunctualProtocol", (PunctualProtocol,), {"head_seconds": head_seconds})
