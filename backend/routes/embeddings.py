"""Embeddings in the question and answer of OpenAI's API, so that its clients work unchanged."""

import asyncio
import base64
import binascii
import math
import re
from typing import Any, Literal

import numpy as np
from fastapi import APIRouter, Request
from numpy.typing import NDArray

from backend import problems
from backend.batching import results
from backend.dependencies import LoadedNow, SettingsNow
from backend.jobs import ENCODE, Encoded
from backend.multipart import Part
from backend.problems import Problem, invalid
from backend.questions import demand_json, parse
from backend.schemas_embeddings import EmbeddingItem, EmbeddingRequest, Embeddings, Usage
from backend.uploads import decode_files
from backend.waiting import attend

PROBLEMS = problems.responses(404, 408, 413, 415, 422, 429, 503)
REQUEST_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": EmbeddingRequest.model_json_schema()}},
    }
}
"""For OpenAPI: the body is read here, in a slot of the queue and within the limits, not by FastAPI."""
_DATA_URL = re.compile(r"data:image/(?:png|jpeg|tiff);base64,", re.IGNORECASE)
router = APIRouter(prefix="/v1", tags=["uploads"])


@router.post("/embeddings", responses=PROBLEMS, openapi_extra=REQUEST_BODY)
async def embeddings(request: Request, loaded: LoadedNow, settings: SettingsNow) -> Embeddings:
    """Embeddings of images, in the shapes of OpenAI's API; images come as data URLs, other URLs are refused."""
    limits = settings.limits
    demand_json(request)
    with loaded.batcher.slots() as slots:
        body = await request.body()
        loop = asyncio.get_running_loop()
        decoder = request.app.state.decoder
        asked, files = await loop.run_in_executor(decoder, _read, body, limits.images_per_request)
        del body
        if asked.model not in (loaded.model.name, loaded.model.version):
            raise problems.not_found(f"the model served is {loaded.model.name!r}; ask for that one")
        slots.grow(len(files) - 1)

        async def work() -> list[Encoded]:
            uploads = await decode_files(files, decoder, limits, loaded.model.image_size)
            return await results(loaded.batcher, ENCODE, [upload.image for upload in uploads])

        found = await attend(request, work(), seconds=limits.request_seconds)
    data = [
        EmbeddingItem(index=i, embedding=_written(one.embedding, asked.encoding_format))
        for i, one in enumerate(found)
    ]
    tokens = len(found) * math.prod(loaded.model.code_grid)
    usage = Usage(prompt_tokens=tokens, total_tokens=tokens)
    return Embeddings(data=data, model=loaded.model.version, usage=usage)


def _read(body: bytes, most: int) -> tuple[EmbeddingRequest, list[Part]]:
    # An image has one comma in its URL and one before the next.
    asked = parse(EmbeddingRequest, body, values=2 * most)
    urls = [asked.input] if isinstance(asked.input, str) else asked.input
    if len(urls) > most:
        raise Problem(
            413, "too-many-images", f"more than {most} images in one request; send several requests"
        )
    return asked, [_file(number, url) for number, url in enumerate(urls, 1)]


def _file(number: int, url: str) -> Part:
    start = _DATA_URL.match(url)
    if start is None:
        detail = f"file {number}: give a URL data:image/png;base64,… (or jpeg, tiff); others are not fetched"
        raise invalid(detail)
    try:
        data = base64.b64decode(url[start.end() :], validate=True)
    except (binascii.Error, ValueError) as error:
        raise invalid(f"file {number}: the base64 of its data URL is broken") from error
    return Part(name="file", filename="", data=bytearray(data))


def _written(embedding: NDArray[np.float32], how: Literal["float", "base64"]) -> list[float] | str:
    if how == "base64":
        return base64.b64encode(embedding.astype("<f4").tobytes()).decode("ascii")
    values: list[float] = embedding.tolist()
    return values
