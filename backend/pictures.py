"""Arrays as PNG, and a bounded memory of those already made."""

import io
import threading
from collections import OrderedDict
from collections.abc import Hashable

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from model.data.sizing import fit as fit

Picture = NDArray[np.uint8]


def png(picture: Picture, *, comment: str | None = None) -> bytes:
    """Encode (H, W) as a grey, (H, W, 3) as a colour PNG, without loss; a comment stays with the file."""
    text = PngInfo()
    if comment is not None:
        text.add_text("Comment", comment)
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(picture)).save(buffer, format="PNG", pnginfo=text)
    return buffer.getvalue()


class PictureCache:
    """The PNGs used last, up to a number of bytes. Safe for several threads."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._pictures: OrderedDict[Hashable, bytes] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable) -> bytes | None:
        """Return the PNG and mark it as used, or None."""
        with self._lock:
            if key in self._pictures:
                self._pictures.move_to_end(key)
            return self._pictures.get(key)

    def put(self, key: Hashable, picture: bytes) -> None:
        """Keep a PNG; the ones unused for longest make room."""
        with self._lock:
            self._bytes += len(picture) - len(self._pictures.pop(key, b""))
            self._pictures[key] = picture
            while self._bytes > self._max_bytes:
                self._bytes -= len(self._pictures.popitem(last=False)[1])
