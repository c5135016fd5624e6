"""Uploaded images: multipart bytes, kept in memory, to checked arrays of the model's size."""

from dataclasses import dataclass
from typing import Any

from fastapi import Request
from starlette.concurrency import run_in_threadpool

from backend.batching import Slots
from backend.jobs import Picture
from backend.multipart import read_parts
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


async def read_uploads(request: Request, slots: Slots, limits: Limits, size: int) -> list[Upload]:
    """Read, check and decode the images of a request; each takes a slot, of which the first is held already.

    Raises:
        Problem: 413 too many images, 415 no multipart body or no supported image, 422 damaged images or
            none, 429.
    """
    files = await _files(request, limits)
    slots.grow(len(files) - 1)
    return await run_in_threadpool(_decode, files, limits, size)


async def _files(request: Request, limits: Limits) -> list[tuple[str, bytes]]:
    kind = request.headers.get("content-type", "")
    if kind.partition(";")[0].strip().lower() != "multipart/form-data":
        detail = f"send images as multipart/form-data in fields named {FIELD!r}, not as {kind or 'nothing'}"
        raise Problem(415, "unsupported-media-type", detail)
    parts = await read_parts(kind, request.stream(), max_parts=limits.images_per_request)
    if any(part.name != FIELD or part.filename is None for part in parts):
        raise invalid(f"every part of the body must be a file, with a file name, in a field named {FIELD!r}")
    if not parts:
        raise invalid(f"the body has no file in a field named {FIELD!r}")
    return [(part.filename or "", bytes(part.data)) for part in parts]


def _decode(files: list[tuple[str, bytes]], limits: Limits, size: int) -> list[Upload]:
    uploads = []
    for number, (filename, data) in enumerate(files, 1):
        try:
            image = decode_image(data, max_pixels=limits.pixels, max_bytes=limits.body_bytes)
        except UnsupportedImage as error:
            raise Problem(415, "unsupported-image", f"file {number}: {error}") from error
        except ImageTooLarge as error:
            raise Problem(422, "image-too-large", f"file {number}: {error}") from error
        except UnreadableImage as error:
            raise Problem(422, "unreadable-image", f"file {number}: {error}") from error
        uploads.append(Upload(filename, fit(image, size)))
    return uploads
