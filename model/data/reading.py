"""Bytes of a PNG, JPEG or TIFF file that nobody vouches for → a checked uint8 array."""

import io
import re
import threading
import warnings

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from model.errors import VQScopeError

_MAGIC = (
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"II*\x00", "TIFF"),
    (b"MM\x00*", "TIFF"),
    (b"II+\x00", "TIFF"),
    (b"MM\x00+", "TIFF"),
)
_MOST_SCANS = 100
"""Of a JPEG; sound ones have about ten. Each costs a pass over all pixels, however few bytes it has."""
_JPEG_MARKER = re.compile(rb"\xff([^\x00\x01\xff\xd0-\xd8])", re.DOTALL)
"""Of those that begin a segment or end the file; what lies before is coded data, or filling that readers skip."""
_JPEG_SCAN, _JPEG_END = 0xDA, 0xD9
_ORIENTATION_TAG = 0x0112
_PHOTOMETRIC_TAG = 262
_WHITE_IS_ZERO = 0
# What brings a picture stored in EXIF orientation 2 to 8 upright (EXIF 2.32, tag Orientation).
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# warnings.catch_warnings changes the whole process: two decoding threads would restore each other's filters.
_ONE_DECODER = threading.Lock()


class UnreadableImage(VQScopeError):
    """A file of a supported kind that is damaged or cut short."""


class ImageTooLarge(VQScopeError):
    """A file of too many bytes or an image of too many pixels."""


class UnsupportedImage(VQScopeError):
    """A file that is no PNG, JPEG or TIFF, or one whose pixels have no 8-bit meaning."""


def decode_image(data: bytes, *, max_pixels: int, max_bytes: int) -> NDArray[np.uint8]:
    """Decode the first frame of a PNG, JPEG or TIFF to uint8: (H,W) for grey, (H,W,3) for colour.

    Bytes, pixels and a JPEG's scans are counted before anything is decoded. An EXIF rotation is applied; transparency
    is laid over black; 16-bit grey is scaled from its full range 0…65535; a palette of greys gives a grey image.
    Thread-safe (one decodes at a time). Raises UnsupportedImage, ImageTooLarge or UnreadableImage.
    """
    if len(data) > max_bytes:
        raise ImageTooLarge(
            f"the file has {len(data):,} bytes, the limit is {max_bytes:,}; send a smaller one"
        )
    kind = next((kind for magic, kind in _MAGIC if data.startswith(magic)), None)
    if kind is None:
        raise UnsupportedImage("the file is no PNG, JPEG or TIFF image; convert it to one of these")
    if kind == "JPEG" and _scans(data) > _MOST_SCANS:
        raise UnreadableImage(f"the JPEG image has more than {_MOST_SCANS} scans; save it anew")
    with _ONE_DECODER, warnings.catch_warnings():
        # Pillow warns of odd metadata and of large images; the size is checked below, and strictly.
        warnings.simplefilter("ignore")
        try:
            with Image.open(io.BytesIO(data), formats=[kind]) as image:
                width, height = image.size
                if width * height <= max_pixels:
                    return _to_array(image)
        except VQScopeError:
            raise
        except Image.DecompressionBombError as error:
            raise ImageTooLarge(
                f"the {kind} image has more pixels than the limit of {max_pixels:,}; send a smaller one"
            ) from error
        except MemoryError as error:
            raise ImageTooLarge(
                f"reading the {kind} image takes more memory than is granted; send a smaller one"
            ) from error
        except UnidentifiedImageError as error:  # its own words name an object in memory
            raise UnreadableImage(
                f"the {kind} image is damaged (no image is found in it); save it anew"
            ) from error
        except Exception as error:
            reason = " ".join(str(error).split())[:200] or type(error).__name__
            raise UnreadableImage(f"the {kind} image is damaged ({reason}); save it anew") from error
    raise ImageTooLarge(
        f"the {kind} image has {width}×{height} pixels, the limit is {max_pixels:,}; send a smaller one"
    )


def _scans(jpeg: bytes) -> int:
    """How many scans a JPEG has, counted up to one more than it may have, without decoding any."""
    count = position = 0
    while count <= _MOST_SCANS and (marker := _JPEG_MARKER.search(jpeg, position)):
        position = marker.end()
        kind = marker[1][0]
        length = int.from_bytes(jpeg[position : position + 2], "big")
        if kind == _JPEG_END or length < 2:  # so short a segment is an error, which decoding tells
            break
        count += kind == _JPEG_SCAN
        position += length
    return count


def _to_array(image: Image.Image) -> NDArray[np.uint8]:
    inverted = image.format == "TIFF" and image.getexif().get(_PHOTOMETRIC_TAG) == _WHITE_IS_ZERO
    image.load()
    # Asked for after loading, since Pillow turns a TIFF upright by itself and then drops the tag.
    array = _pixels(image, white_is_zero=inverted)
    turn = _UPRIGHT.get(_orientation(image))
    if turn is not None:
        array = np.asarray(Image.fromarray(array).transpose(turn))
    return np.ascontiguousarray(array)


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(_ORIENTATION_TAG, 1))
    except Exception:  # noqa: BLE001 - broken EXIF beside sound pixels: show them as they lie
        return 1


def _pixels(image: Image.Image, *, white_is_zero: bool) -> NDArray[np.uint8]:
    """Pixels as uint8, grey where the image is grey."""
    mode = image.mode
    if mode.startswith("I;16") or mode == "I":
        values = np.asarray(image)
        if isinstance(
            transparent := image.info.get("transparency"), int
        ):  # of a PNG: one grey that is not there
            values = np.where(values == transparent, 0, values)
        return _from_16_bits(values, white_is_zero=white_is_zero and mode != "I")
    if mode in ("1", "L") and "transparency" not in image.info:
        return np.asarray(image.convert("L"))
    if mode in ("1", "L", "LA", "La"):
        return _over_black(np.asarray(image.convert("LA")))[..., 0]
    if mode in ("P", "PA"):
        transparent = mode == "PA" or "transparency" in image.info
        colour = (
            _over_black(np.asarray(image.convert("RGBA")))
            if transparent
            else np.asarray(image.convert("RGB"))
        )
        grey = (colour[..., 0] == colour[..., 1]).all() and (colour[..., 1] == colour[..., 2]).all()
        return colour[..., 0] if grey else colour
    if mode in ("RGBA", "RGBa") or (mode == "RGB" and "transparency" in image.info):
        return _over_black(np.asarray(image.convert("RGBA")))
    if mode in ("RGB", "RGBX", "CMYK", "YCbCr"):
        return np.asarray(image.convert("RGB"))
    raise UnsupportedImage(
        f"the image has pixels of the kind {mode}; save it as 8-bit or 16-bit grey, or as RGB"
    )


def _from_16_bits(values: NDArray[np.generic], *, white_is_zero: bool) -> NDArray[np.uint8]:
    wide = values.astype(np.int64)
    if wide.min(initial=0) < 0 or wide.max(initial=0) > 0xFFFF:
        raise UnsupportedImage("the image has grey values outside 0…65535; save it as 16-bit grey")
    if white_is_zero:
        wide = 0xFFFF - wide
    return ((wide + 128) // 257).astype(np.uint8)  # 65535 = 255 × 257: the nearest of 256 levels


def _over_black(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(H,W,C+1) whose last channel is the alpha → (H,W,C)."""
    wide = pixels.astype(np.uint16)
    return ((wide[..., :-1] * wide[..., -1:] + 127) // 255).astype(np.uint8)
