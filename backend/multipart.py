"""The files of a multipart body, kept in memory.

Starlette's own parser writes files to the disk from a size on, where images of patients must not lie, and takes
a body that was cut short for a whole one.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from backend.problems import Problem, invalid


@dataclass
class Part:
    """A part of the body."""

    name: str = ""
    filename: str | None = None
    """None for a field that is no file."""
    data: bytearray = field(default_factory=bytearray)


async def read_parts(content_type: str, body: AsyncIterator[bytes], *, max_parts: int) -> list[Part]:
    """Read all parts of a body, whose size is bounded where its bytes come from.

    Raises:
        Problem: 413 more parts than ``max_parts``, 422 a body that is broken or cut short.
    """
    boundary = parse_options_header(content_type)[1].get(b"boundary")
    if not boundary:
        raise invalid("the Content-Type names no boundary of the multipart body")
    collector = _Collector(max_parts)
    try:
        parser = MultipartParser(
            boundary,
            {
                "on_part_begin": collector.begin,
                "on_part_data": collector.take,
                "on_header_field": collector.take_field,
                "on_header_value": collector.take_value,
                "on_header_end": collector.end_header,
                "on_end": collector.end,
            },
        )
        async for chunk in body:
            parser.write(chunk)
    except FormParserError as error:
        raise invalid("the multipart body is broken") from error
    if not collector.complete:
        raise invalid("the multipart body is empty or cut short")
    return collector.parts


class _Collector:
    """Takes what the parser finds."""

    def __init__(self, max_parts: int) -> None:
        self.parts: list[Part] = []
        self.complete = False
        self._max_parts = max_parts
        self._field = bytearray()
        self._value = bytearray()

    def begin(self) -> None:
        if len(self.parts) == self._max_parts:
            detail = f"more than {self._max_parts} images in one request; send several requests"
            raise Problem(413, "too-many-images", detail, {"Connection": "close"})
        self.parts.append(Part())

    def take(self, data: bytes, start: int, end: int) -> None:
        self.parts[-1].data += data[start:end]

    def take_field(self, data: bytes, start: int, end: int) -> None:
        self._field += data[start:end]

    def take_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def end_header(self) -> None:
        if self._field.lower() == b"content-disposition":
            options = parse_options_header(bytes(self._value))[1]
            part = self.parts[-1]
            part.name = _text(options.get(b"name", b""))
            part.filename = _text(options[b"filename"]) if b"filename" in options else None
        self._field.clear()
        self._value.clear()

    def end(self) -> None:
        self.complete = True


def _text(data: bytes) -> str:
    return data.decode("utf-8", errors="replace")
