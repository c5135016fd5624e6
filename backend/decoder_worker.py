"""The process that decodes uploads: bytes of a picture in, a small array out, over one socket.

Started as ``python -m backend.decoder_worker FD SECONDS MAX_BYTES MAX_PIXELS``, it imports no torch, holds no key
and no index, cannot write files, and may use so much memory and no more. What a hostile file does to it, it does
to nothing else: `backend.decoding` kills it and starts another.
"""

import math
import os
import socket
import struct
import sys
from enum import IntEnum

QUESTION = struct.Struct("<QI")
"""Bytes of the file, side of the square wanted."""
ANSWER = struct.Struct("<BIB")
"""`Verdict`, bytes that follow, and whether they are a colour picture."""
MOST_SAID = 1000
"""Bytes of a sentence."""
HELLO = b"\x01"
_BYTES_PER_PIXEL = 48
"""What reading a picture may take: the decoded values, a 64-bit copy of them, alpha and what lies between."""
_BYTES_OF_CODE = 512 * 1024**2
"""Address space of Python, NumPy and Pillow with their libraries."""


class Verdict(IntEnum):
    """What became of a file; all but GOOD are followed by a sentence."""

    GOOD = 0
    UNSUPPORTED = 1
    TOO_LARGE = 2
    UNREADABLE = 3


def receive(connection: socket.socket, count: int) -> bytearray:
    """Read exactly ``count`` bytes; EOFError if the other side ends before."""
    data = bytearray(count)
    view = memoryview(data)
    while view:
        got = connection.recv_into(view)
        if got == 0:
            raise EOFError("the other side of the decoder's socket is closed")
        view = view[got:]
    return data


def _serve(connection: socket.socket, seconds: float, max_bytes: int, max_pixels: int) -> None:
    from backend.pictures import fit
    from model.data.reading import ImageTooLarge, UnreadableImage, UnsupportedImage, decode_image

    _confine(max_bytes, max_pixels)
    connection.sendall(HELLO)
    while True:
        try:
            length, size = QUESTION.unpack(receive(connection, QUESTION.size))
            data = bytes(receive(connection, length))
        except (EOFError, ConnectionError):
            return
        _allow(seconds)
        try:
            picture = fit(decode_image(data, max_pixels=max_pixels, max_bytes=max_bytes), size)
        except UnsupportedImage as error:
            _refuse(connection, Verdict.UNSUPPORTED, error)
        except ImageTooLarge as error:
            _refuse(connection, Verdict.TOO_LARGE, error)
        except UnreadableImage as error:
            _refuse(connection, Verdict.UNREADABLE, error)
        else:
            head = ANSWER.pack(Verdict.GOOD, picture.nbytes, picture.ndim == 3)
            connection.sendall(head + picture.tobytes())


def _refuse(connection: socket.socket, verdict: Verdict, error: Exception) -> None:
    said = str(error).encode()[:MOST_SAID]
    connection.sendall(ANSWER.pack(verdict, len(said), False) + said)


def _confine(max_bytes: int, max_pixels: int) -> None:
    """Bound what this process can take from the machine, for good."""
    if sys.platform == "win32":
        return
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core file would hold the picture
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    if sys.platform == "linux":  # elsewhere an address space cannot be bounded, or not below what it is
        most = _BYTES_OF_CODE + 3 * max_bytes + _BYTES_PER_PIXEL * max_pixels
        resource.setrlimit(resource.RLIMIT_AS, (most, most))


def _allow(seconds: float) -> None:
    """Grant processor time for the next file: should the service be gone, nobody else would end a long one."""
    if sys.platform == "win32":
        return
    import resource

    used = sum(os.times()[:2])
    resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(used + seconds) + 1, resource.RLIM_INFINITY))


if __name__ == "__main__":
    _fd, _seconds, _max_bytes, _max_pixels = sys.argv[1:]
    with socket.socket(fileno=int(_fd)) as _connection:
        _serve(_connection, float(_seconds), int(_max_bytes), int(_max_pixels))
