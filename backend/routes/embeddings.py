"""Embeddings in the question and answer of OpenAI's API, so that its clients work unchanged."""

import base64
import math
import re
from typing import Any, Literal

import numpy as np
from fastapi import APIRouter, Request
from numpy.typing import NDArray
from starlette.concurrency import run_in_threadpool

from backend import problems
from backend.batching import results
from backend.dependencies import LoadedNow, SettingsNow
from backend.jobs import ENCODE, Encoded
from backend.problems import Problem, invalid
from backend.questions import demand_json, json_body, parse
from backend.schemas_embeddings import EmbeddingItem, EmbeddingRequest, Embeddings, Usage
from backend.uploads import Sent, Upload, decode_uploads, from_base64
from backend.waiting import attend

PROBLEMS = problems.responses(404, 408, 413, 415, 422, 429, 503)
REQUEST_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": json_body(EmbeddingRequest),
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
        asked, files = await run_in_threadpool(_read, body, limits.images_per_request)
        del body
        if asked.model not in (loaded.model.name, loaded.model.version):
            raise problems.not_found(f"the model served is {loaded.model.name!r}; ask for that one")
        slots.grow(len(files) - 1)

        async def work() -> list[Encoded]:
            decoded = await decode_uploads(files, request.app.state.decoders, loaded.model.image_size)
            images = [one.image for one in decoded if isinstance(one, Upload)]  # a bad one has raised
            return await results(loaded.batcher, ENCODE, images)

        found = await attend(request, work(), seconds=limits.request_seconds)
    data = [
        EmbeddingItem(index=i, embedding=_written(one.embedding, asked.encoding_format))
        for i, one in enumerate(found)
    ]
    tokens = len(found) * math.prod(loaded.model.code_grid)
    usage = Usage(prompt_tokens=tokens, total_tokens=tokens)
    return Embeddings(data=data, model=loaded.model.version, usage=usage)


def _read(body: bytes, most: int) -> tuple[EmbeddingRequest, list[Sent]]:
    # An image has one comma in its URL and one before the next.
    asked = parse(EmbeddingRequest, body, values=2 * most)
    urls = [asked.input] if isinstance(asked.input, str) else asked.input
    if len(urls) > most:
        raise Problem(
            413, "too-many-images", f"more than {most} images in one request; send several requests"
        )
    return asked, [_file(number, url) for number, url in enumerate(urls, 1)]


def _file(number: int, url: str) -> Sent:
    start = _DATA_URL.match(url)
    if start is None:
        detail = f"file {number}: give a URL data:image/png;base64,… (or jpeg, tiff); others are not fetched"
        raise invalid(detail)
    return Sent("", from_base64(number, url[start.end() :]))


def _written(embedding: NDArray[np.float32], how: Literal["float", "base64"]) -> list[float] | str:
    if how == "base64":
        return base64.b64encode(embedding.astype("<f4").tobytes()).decode("ascii")
    values: list[float] = embedding.tolist()
    return values
