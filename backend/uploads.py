"""Uploaded images in whatever form they come, kept in memory, to checked arrays of the model's size."""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from fastapi import Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from backend.bulk import NPY
from backend.decoding import Decoders
from backend.multipart import read_parts
from backend.npy import read_npy
from backend.pictures import Picture, fit
from backend.problems import Problem, invalid
from backend.questions import json_body, media_type, parse
from backend.settings import Limits

FIELD = "file"
MULTIPART = "multipart/form-data"
PICTURES = ("image/png", "image/jpeg", "image/tiff")


class Images(BaseModel):
    """Images in JSON."""

    model_config = ConfigDict(
        extra="forbid", strict=True, json_schema_extra={"examples": [{"images": ["iVBORw0KGgo="]}]}
    )

    images: list[str] = Field(min_length=1, description="Files, PNG, JPEG or TIFF, each in base64.")


_BINARY = {"type": "string", "format": "binary"}
REQUEST_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "One or several images. As `multipart/form-data` in fields named `file`; as JSON, in base64; "
        "one alone as the body; or, as `application/x-npy`, an array of uint8, (N, H, W) grey or "
        "(N, H, W, 3) colour, of any size.",
        "content": {
            MULTIPART: {
                "schema": {
                    "type": "object",
                    "required": [FIELD],
                    "properties": {
                        FIELD: {
                            "type": "array",
                            "minItems": 1,
                            "items": _BINARY,
                            "description": "PNG, JPEG or TIFF.",
                        }
                    },
                },
                "encoding": {FIELD: {"contentType": ", ".join(PICTURES)}},
            },
            **json_body(Images),
            NPY: {"schema": _BINARY},
            **{kind: {"schema": _BINARY} for kind in PICTURES},
        },
    }
}
"""For OpenAPI: the body is read here, within the limits, not by FastAPI's `File`, which spools to disk."""


@dataclass(frozen=True)
class Sent:
    """An image as it came: the bytes of a file, pixels (H, W) or (H, W, 3), or why there are none."""

    filename: str
    """Empty where the client gave none."""
    content: bytes | bytearray | Picture | Problem


@dataclass(frozen=True)
class Upload:
    """An image as it goes to the model: (S, S) or (S, S, 3)."""

    filename: str
    image: Picture


@dataclass(frozen=True)
class Refused:
    """An image that cannot be taken, and why."""

    filename: str
    problem: Problem


async def read_uploads(request: Request, limits: Limits) -> list[Sent]:
    """Read the images of a request, at least one; files are not looked at yet.

    Raises:
        Problem: 408 or 429 from the body's limits, 413 too large or too many, 415 another type of body, 422 none.
    """
    kind = media_type(request)
    if kind == MULTIPART:
        return await _read_multipart(request, limits)
    if kind == "application/json":
        return await run_in_threadpool(_read_json, await request.body(), limits)
    if kind == NPY:
        return [Sent("", image) for image in read_npy(await request.body(), limits)]
    if kind in PICTURES:
        return [Sent("", await request.body())]
    detail = (
        f"send images as {MULTIPART} in fields named {FIELD!r}, as application/json, as {NPY}, "
        f"or one as {', '.join(PICTURES)}"
    )
    raise Problem(415, "unsupported-media-type", detail)


async def _read_multipart(request: Request, limits: Limits) -> list[Sent]:
    kind = request.headers["content-type"]
    parts = await read_parts(kind, request.stream(), max_parts=limits.images_per_request)
    if not parts:
        raise invalid(f"the body has no file in a field named {FIELD!r}")
    if any(part.name != FIELD or part.filename is None for part in parts):
        raise invalid(f"every part of the body must be a file, with a file name, in a field named {FIELD!r}")
    return [Sent(part.filename or "", part.data) for part in parts]


def _read_json(body: bytes, limits: Limits) -> list[Sent]:
    most = limits.images_per_request
    asked = parse(Images, body, values=most)
    if len(asked.images) > most:
        raise Problem(
            413, "too-many-images", f"more than {most} images in one request; send several requests"
        )
    return [Sent("", from_base64(text)) for text in asked.images]


def from_base64(text: str) -> bytes | Problem:
    """Bytes of a file, or the problem 422 if they are no base64."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return invalid("its base64 is broken")


async def decode_uploads(
    sent: Sequence[Sent], decoders: Decoders, size: int, *, partial: bool = False
) -> list[Upload | Refused]:
    """Bring images to the model's size, files decoded in processes of their own.

    Args:
        sent: what came; all files, or all pixels.
        decoders: where files are decoded.
        size: side of the squares that the model sees, in pixels.
        partial: give bad images as such, unless there is only one; else the first one's problem is raised.

    Raises:
        Problem: 415 no supported image, 422 damaged, too large or too slow.
    """
    names = [one.filename for one in sent]
    contents = [one.content for one in sent]
    files = [content for content in contents if isinstance(content, bytes | bytearray)]
    pixels = [content for content in contents if isinstance(content, np.ndarray)]
    decoded: Sequence[Picture | Problem]
    if files:
        decoded = await decoders.decode(files, size, go_on=partial)
    elif all(picture.shape[:2] == (size, size) for picture in pixels):
        decoded = pixels  # nothing to do, for which a thread would take as long as for a fifth of an image
    else:
        decoded = await run_in_threadpool(lambda: [fit(picture, size) for picture in pixels])
    # Decoding stops at the first bad file, unless it is to go on: then fewer are found than came.
    rest = iter(decoded)
    found = (one if isinstance(one, Problem) else next(rest) for one in contents)
    outcomes: list[Upload | Refused] = []
    for number, (name, one) in enumerate(zip(names, found, strict=False), 1):
        if not isinstance(one, Problem):
            outcomes.append(Upload(name, one))
            continue
        problem = Problem(one.status, one.kind, f"file {number}: {one.detail}")
        if not partial or len(names) == 1:
            raise problem
        outcomes.append(Refused(name, problem))
    return outcomes
