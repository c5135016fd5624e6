"""Embeddings in the question and answer of OpenAI's API, so that its clients work unchanged."""

import base64
import math
from typing import Any, Literal

import numpy as np
from fastapi import APIRouter, Request
from numpy.typing import NDArray
from starlette.concurrency import run_in_threadpool

from backend import problems
from backend.batching import results
from backend.data_urls import read_question
from backend.dependencies import LoadedNow, SettingsNow
from backend.jobs import ENCODE, Encoded
from backend.questions import demand_json, json_body
from backend.schemas_embeddings import EmbeddingItem, EmbeddingRequest, Embeddings, Usage
from backend.uploads import Upload, decode_uploads
from backend.waiting import attend

PROBLEMS = problems.responses(404, 408, 413, 415, 422, 429, 503)
REQUEST_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": json_body(EmbeddingRequest),
    }
}
"""For OpenAPI: the body is read here, in a slot of the queue and within the limits, not by FastAPI."""
router = APIRouter(prefix="/v1", tags=["uploads"])


@router.post("/embeddings", responses=PROBLEMS, openapi_extra=REQUEST_BODY)
async def embeddings(request: Request, loaded: LoadedNow, settings: SettingsNow) -> Embeddings:
    """Embeddings of images, in the shapes of OpenAI's API; images come as data URLs, other URLs are refused."""
    limits = settings.limits
    demand_json(request)
    with loaded.batcher.slots() as slots:
        body = await request.body()
        asked, files = await run_in_threadpool(read_question, body, limits.images_per_request)
        del body
        if asked.model not in (loaded.model.name, loaded.model.version):
            raise problems.not_found(f"the model served is {loaded.model.name!r}; ask for that one")
        slots.grow(len(files) - 1)

        async def work() -> list[Encoded]:
            decoded = await decode_uploads(files, request.app.state.decoders, loaded.model.image_size)
            files.clear()
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


def _written(embedding: NDArray[np.float32], how: Literal["float", "base64"]) -> list[float] | str:
    if how == "base64":
        return base64.b64encode(embedding.astype("<f4").tobytes()).decode("ascii")
    values: list[float] = embedding.tolist()
    return values
