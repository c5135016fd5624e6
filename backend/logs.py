"""The log of the service on standard error, as text or as one JSON object a line."""

import asyncio
import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any, Literal

from backend.observation import current

LogFormat = Literal["text", "json"]


def configure(form: LogFormat) -> None:
    """Send the log of the whole process to standard error.

    Args:
        form: ``text``: warnings and errors, for people; ``json``: also a line for each request.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines() if form == "json" else Text())
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    logging.getLogger("uvicorn.error").addFilter(_is_no_cancellation)
    # Its warnings quote bytes of the body, which is answered with a problem anyway.
    logging.getLogger("python_multipart").setLevel(logging.ERROR)
    logging.getLogger("vqscope").setLevel(logging.INFO if form == "json" else logging.WARNING)


def _is_no_cancellation(record: logging.LogRecord) -> bool:
    """False for the traceback of a request that the end of the service cut off: how many these were is logged too."""
    return not (record.exc_info and isinstance(record.exc_info[1], asyncio.CancelledError))


class Text(logging.Formatter):
    """A line for people, with the ID of the request where there is one."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's own name
        """Format all but the traceback."""
        line = super().formatMessage(record)
        request = current().request_id
        return f"{line} [request {request}]" if request else line


class JsonLines(logging.Formatter):
    """One JSON object a line: time (UTC), level, logger, message, request_id, and the record's ``fields``."""

    def format(self, record: logging.LogRecord) -> str:
        """Format a record, its traceback in one of the fields."""
        told: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if request := current().request_id:
            told["request_id"] = request
        told |= getattr(record, "fields", {})
        if record.exc_info:
            told["exception"] = self.formatException(record.exc_info)
        return json.dumps({name: value for name, value in told.items() if value is not None})
