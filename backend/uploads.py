"""Uploaded images: multipart bytes, kept in memory, to checked arrays of the model's size."""

import asyncio
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any

from fastapi import Request

from backend.jobs import Picture
from backend.multipart import Part, read_parts
from backend.pictures import fit
from backend.problems import Problem, invalid
from backend.settings import Limits
from model.data.reading import ImageTooLarge, UnreadableImage, UnsupportedImage, decode_image

FIELD = "file"
REQUEST_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "One or several images in fields named `file`.",
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": [FIELD],
                    "properties": {
                        FIELD: {
                            "type": "array",
                            "minItems": 1,
                            "items": {"type": "string", "format": "binary"},
                            "description": "PNG, JPEG or TIFF.",
                        }
                    },
                },
                "encoding": {FIELD: {"contentType": "image/png, image/jpeg, image/tiff"}},
            }
        },
    }
}
"""For OpenAPI: the body is read here, within the limits, not by FastAPI's `File`, which spools to disk."""


@dataclass(frozen=True)
class Upload:
    """An image as it goes to the model: (S, S) or (S, S, 3)."""

    filename: str
    image: Picture


async def read_files(request: Request, limits: Limits) -> list[Part]:
    """Read the files of a request; they are not looked at yet.

    Raises:
        Problem: 408 or 429 from the body's limits, 413 too large or too many, 415 no multipart body, 422 none.
    """
    kind = request.headers.get("content-type", "")
    if kind.partition(";")[0].strip().lower() != "multipart/form-data":
        detail = f"send images as multipart/form-data in fields named {FIELD!r}, not as {kind or 'nothing'}"
        raise Problem(415, "unsupported-media-type", detail)
    parts = await read_parts(kind, request.stream(), max_parts=limits.images_per_request)
    if any(part.name != FIELD or part.filename is None for part in parts):
        raise invalid(f"every part of the body must be a file, with a file name, in a field named {FIELD!r}")
    if not parts:
        raise invalid(f"the body has no file in a field named {FIELD!r}")
    return parts


async def decode_files(files: list[Part], decoder: Executor, limits: Limits, size: int) -> list[Upload]:
    """Decode files one by one, each to the model's size at once; ``files`` is emptied on the way.

    Each waits for its turn in ``decoder``, so that requests take turns and none holds a thread of the pool
    that other routes need. Cancelled, it leaves the rest undone.

    Raises:
        Problem: 415 no supported image, 422 damaged or too large.
    """
    loop = asyncio.get_running_loop()
    uploads = []
    for number in range(1, len(files) + 1):
        part = files.pop(0)
        image = await loop.run_in_executor(decoder, _decode, number, part, limits, size)
        uploads.append(Upload(part.filename or "", image))
    return uploads


def _decode(number: int, part: Part, limits: Limits, size: int) -> Picture:
    try:
        image = decode_image(bytes(part.data), max_pixels=limits.pixels, max_bytes=limits.body_bytes)
    except UnsupportedImage as error:
        raise Problem(415, "unsupported-image", f"file {number}: {error}") from error
    except ImageTooLarge as error:
        raise Problem(422, "image-too-large", f"file {number}: {error}") from error
    except UnreadableImage as error:
        raise Problem(422, "unreadable-image", f"file {number}: {error}") from error
    return fit(image, size)
