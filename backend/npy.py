"""Images as one array in NumPy's npy format: the header is read by a grammar of its own, bounded, never evaluated."""

import math
import re

import numpy as np
from numpy.typing import NDArray

from backend.problems import Problem, invalid
from backend.settings import Limits

_MAGIC = b"\x93NUMPY"
_LENGTH_BYTES = {1: 2, 2: 4, 3: 4}
"""Of the header's length, by version of the format."""
_MOST_HEADER = 1024
_UINT8 = frozenset({b"|u1", b"<u1", b">u1", b"=u1", b"u1"})
_DESCR = rb"'descr'\s*:\s*'(?P<descr>[^'\\]{1,32})'"
_ORDER = rb"'fortran_order'\s*:\s*(?P<order>True|False)"
_SHAPE = rb"'shape'\s*:\s*\((?P<shape>\s*(?:\d{1,19}\s*,\s*)*(?:\d{1,19}\s*)?)\)"
_FIELDS = tuple(map(re.compile, (_DESCR, _ORDER, _SHAPE)))
_ANY = b"(?:" + b"|".join(re.sub(rb"\?P<\w+>", b"?:", part) for part in (_DESCR, _ORDER, _SHAPE)) + b")"
_HEADER = re.compile(rb"\s*\{\s*" + _ANY + rb"(?:\s*,\s*" + _ANY + rb"){2}\s*,?\s*\}\s*")
_HINT = "send uint8, (N, H, W) grey or (N, H, W, 3) colour"


def read_npy(body: bytes, limits: Limits) -> NDArray[np.uint8]:
    """Images (N, H, W) or (N, H, W, 3) out of an npy body; nothing is copied.

    Raises:
        Problem: 413 too many images, 415 no npy or another type than uint8, 422 anything else that is wrong.
    """
    header, content = _split(body)
    if not _HEADER.fullmatch(header):
        raise _unreadable("its header is none that NumPy writes for a plain array")
    found = [field.search(header) for field in _FIELDS]
    if not all(found):
        raise _unreadable("its header names a field twice")
    descr, order, shape_text = (match[1] for match in found if match)
    if descr not in _UINT8:
        raise Problem(415, "unsupported-image", f"the array is not of type uint8; {_HINT}")
    shape = tuple(int(part) for part in shape_text.split(b",") if part.strip())
    _check(shape, limits)
    if math.prod(shape) != len(content):
        raise _unreadable(
            f"its header promises {math.prod(shape):,} bytes, and {len(content):,} follow; send it whole"
        )
    flat = np.frombuffer(content, np.uint8)
    return flat.reshape(shape, order="F" if order == b"True" else "C")


def _split(body: bytes) -> tuple[bytes, memoryview]:
    """Header and content."""
    if not body.startswith(_MAGIC):
        raise Problem(415, "unsupported-image", f"the body is no npy file; {_HINT}")
    version = body[len(_MAGIC)] if len(body) > len(_MAGIC) else 0
    begin = len(_MAGIC) + 2 + _LENGTH_BYTES.get(version, 0)
    if version not in _LENGTH_BYTES or len(body) < begin:
        raise _unreadable("it is cut short, or of an unknown version")
    length = int.from_bytes(body[len(_MAGIC) + 2 : begin], "little")
    if length > _MOST_HEADER:
        raise _unreadable(f"its header has {length:,} bytes, the limit is {_MOST_HEADER:,}")
    if len(body) < begin + length:
        raise _unreadable("it is cut short")
    return body[begin : begin + length], memoryview(body)[begin + length :]


def _check(shape: tuple[int, ...], limits: Limits) -> None:
    if len(shape) not in (3, 4) or (len(shape) == 4 and shape[3] != 3) or min(shape) == 0:
        raise invalid(f"the array's shape is {shape}; {_HINT}")
    if shape[0] > limits.images_per_request:
        detail = f"more than {limits.images_per_request} images in one request; send several requests"
        raise Problem(413, "too-many-images", detail)
    if shape[1] * shape[2] > limits.pixels:
        detail = (
            f"the images have {shape[1]}×{shape[2]} pixels, the limit is {limits.pixels:,}; send smaller ones"
        )
        raise Problem(422, "image-too-large", detail)


def _unreadable(why: str) -> Problem:
    return Problem(422, "unreadable-image", f"the npy file cannot be read: {why}")
