"""HTTP/1.1 as uvicorn speaks it, but nobody holds a connection by being slow, and what is no HTTP gets a problem."""

import asyncio
import logging
import sys
from http import HTTPStatus
from typing import Any
from uuid import uuid4

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from backend.metrics import UNKNOWN, Metrics
from backend.problems import MEDIA_TYPE, ProblemDocument

HEAD_BYTES = 16 * 1024
"""Of the head of a request, at most."""
_REFUSALS = {
    HTTPStatus.BAD_REQUEST: ("no-http", "what came is no HTTP/1.1"),
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE: (
        "head-too-large",
        f"the head of a request may hold {HEAD_BYTES // 1024} KiB",
    ),
    HTTPStatus.NOT_IMPLEMENTED: ("not-implemented", "a body is sent as it is, or chunked"),
}
"""By what h11 would answer."""
logger = logging.getLogger("vqscope.requests")


class PunctualProtocol(H11Protocol):
    """uvicorn's protocol over h11, for one connection.

    While an application has a request it sees to it that the client is not slow (`intake`, `sending`). Here it is
    seen to that in time a head comes, the rest of a body whose answer has been given, and the end of a connection.
    """

    seconds: float
    """For each of these. Bytes do not put the end off, however many there are."""
    metrics: Metrics

    _waiting: asyncio.TimerHandle | None = None
    _closing: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin: the head of the first request is awaited."""
        super().connection_made(transport)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        for timer in (self._waiting, self._closing):
            if timer is not None:
                timer.cancel()
        self._waiting = self._closing = None
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what the client sent."""
        super().data_received(data)
        self._watch()

    def on_response_complete(self) -> None:
        """Go on after an answer."""
        super().on_response_complete()
        self._watch()

    def timeout_keep_alive_handler(self) -> None:
        """Close a connection on which no further request comes."""
        super().timeout_keep_alive_handler()
        self._watch()

    def send_400_response(self, msg: str) -> None:
        """Refuse what h11 has found wrong; called where its error is handled."""
        hint = getattr(sys.exception(), "error_status_hint", HTTPStatus.BAD_REQUEST)
        status = HTTPStatus(hint) if hint in _REFUSALS else HTTPStatus.BAD_REQUEST
        self._refuse(status, *_REFUSALS[status])

    def _should_upgrade(self) -> bool:
        """Nothing here speaks anything else: a request to change to it is answered as any other (RFC 9110, 7.8)."""
        return False

    def _watch(self) -> None:
        """Begin to wait where something is due from the client, or end it where nothing is any more."""
        if self.transport.is_closing():
            if self._closing is None:  # what is not read keeps a closed connection
                self._closing = self.loop.call_later(self.seconds, self.transport.abort)
        elif not (self.conn.their_state is h11.IDLE or self._rest_is_due()):
            if self._waiting is not None:
                self._waiting.cancel()
                self._waiting = None
        elif self._waiting is None:
            self._waiting = self.loop.call_later(self.seconds, self._too_late)

    def _rest_is_due(self) -> bool:
        """Whether a request is answered of which not all has come."""
        answered = self.cycle is not None and self.cycle.response_complete
        return answered and self.conn.their_state is h11.SEND_BODY

    def _too_late(self) -> None:
        if self._rest_is_due():
            self.transport.abort()
        elif self.conn.trailing_data[0]:
            told = f"the head of the request took longer than {self.seconds:g} s"
            self._refuse(HTTPStatus.REQUEST_TIMEOUT, "head-too-slow", told)
        else:
            self.transport.close()  # nobody asked for anything

    def _refuse(self, status: HTTPStatus, kind: str, detail: str) -> None:
        if self.transport.is_closing():
            return
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.disconnected = True  # its application must not answer any more
            self.cycle.message_event.set()
        # What has begun to be answered cannot be taken back.
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            self._answer(status, kind, detail)
        self.transport.close()
        self._watch()

    def _answer(self, status: HTTPStatus, kind: str, detail: str) -> None:
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
        asked = self.conn.our_state is h11.SEND_RESPONSE
        headless = asked and self.scope["method"] == "HEAD"  # its answers have no body
        for event in (
            h11.Response(status_code=status, headers=headers, reason=status.phrase),
            *([] if headless else [h11.Data(data=content)]),
            h11.EndOfMessage(),
        ):
            self.transport.write(self.conn.send(event) or b"")
        self.metrics.refused(status, kind)
        fields: dict[str, Any] = {
            "request_id": body.request_id,
            "method": UNKNOWN,
            "route": UNKNOWN,
            "status": int(status),
            "problem": kind,
        }
        logger.info("%s %s %d", UNKNOWN, UNKNOWN, status, extra={"fields": fields})


def protocol(seconds: float, metrics: Metrics) -> dict[str, Any]:
    """What uvicorn's settings need to have it.

    Args:
        seconds: how long a client may be slow.
        metrics: what counts the refusals.
    """
    made = type("PunctualProtocol", (PunctualProtocol,), {"seconds": seconds, "metrics": metrics})
    return {"http": made, "h11_max_incomplete_event_size": HEAD_BYTES, "ws": "none"}
