"""All that reads bytes of strangers, each as a function of the bytes; a `Problem` is the only way out but a result."""

from collections.abc import AsyncIterator, Callable

from backend.data_urls import read_question
from backend.multipart import Part, read_parts
from backend.npy import read_npy
from backend.problems import Problem
from backend.questions import _parse_short, parse
from backend.schemas_decode import DecodeRequest, PathRequest
from backend.schemas_ellipses import EllipsesRequest
from backend.schemas_maps import MapRequest
from backend.schemas_selections import RowsRequest, SelectionRequest
from backend.settings import Limits
from backend.uploads import _read_json
from model.data.reading import decode_image
from model.errors import VQScopeError

LIMITS = Limits(images_per_request=4, pixels=4096, body_bytes=1 << 16)
BOUNDARY = "multipart/form-data; boundary=b"


def multipart(body: bytes, *, step: int = 1 << 16, kind: str = BOUNDARY) -> list[Part]:
    """Parts of a body that comes in pieces of ``step`` bytes."""

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(body), step):
            yield body[start : start + step]

    reading = read_parts(kind, pieces(), max_parts=LIMITS.images_per_request)
    try:
        reading.send(
            None
        )  # it waits for nothing but its pieces: an event loop would cost more than the reading
    except StopIteration as done:
        parts: list[Part] = done.value
        return parts
    raise RuntimeError("the reader waits for something else than its body")


READERS: dict[str, Callable[[bytes], object]] = {
    "npy": lambda body: read_npy(body, LIMITS),
    "images in JSON": lambda body: _read_json(body, LIMITS),
    "data URLs": lambda body: read_question(body, LIMITS.images_per_request),
    "codes in JSON": lambda body: parse(DecodeRequest, body, values=200),
    "a path in JSON": lambda body: parse(PathRequest, body, values=200),
    "a selection": lambda body: _parse_short(SelectionRequest, body),
    "rows of a selection": lambda body: _parse_short(RowsRequest, body),
    "ellipses": lambda body: _parse_short(EllipsesRequest, body),
    "a map to fit": lambda body: _parse_short(MapRequest, body),
    "multipart": multipart,
    "a picture": lambda body: decode_image(body, max_pixels=LIMITS.pixels, max_bytes=LIMITS.body_bytes),
}


def survives(name: str, body: bytes) -> bool:
    """Whether a reader takes these bytes; any other exception than those it may raise passes."""
    try:
        READERS[name](body)
    except (Problem, VQScopeError):
        return False
    return True
