"""Questions in JSON: bounded before they become objects, read beside the event loop, and never quoted back."""

from collections.abc import Awaitable, Callable, Iterator
from functools import cache
from typing import Any, TypeVar

from fastapi import Request
from pydantic import BaseModel, ValidationError
from starlette.concurrency import run_in_threadpool

from backend.problems import Problem, invalid, listed

Question = TypeVar("Question", bound=BaseModel)
SHORT_BYTES = 256 * 1024
"""Most bytes of a question that carries neither arrays nor pictures."""
SHORT_VALUES = 8192
"""Most values of one, and names of its fields: a polygon of 2,000 corners has 4,000."""
_OTHER_COMMAS = 16


def json_body(shape: type[BaseModel]) -> dict[str, Any]:
    """Content of a request body, for OpenAPI: the routes read it themselves, in a slot and within the limits."""
    schema = shape.model_json_schema()
    parts = schema.pop("$defs", {})
    return {"application/json": {"schema": _inlined(schema, parts)}}


def question_body(shape: type[BaseModel]) -> dict[str, Any]:
    """The body of a route that reads it with `short_question`, for OpenAPI."""
    return {"requestBody": {"required": True, "content": json_body(shape)}}


def _inlined(schema: Any, parts: dict[str, Any]) -> Any:  # noqa: ANN401 - JSON
    """Put definitions where they are referred to: inside an OpenAPI document ``#/$defs`` is not there."""
    if isinstance(schema, list):
        return [_inlined(one, parts) for one in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _inlined(parts[schema["$ref"].removeprefix("#/$defs/")], parts)
    return {key: _inlined(value, parts) for key, value in schema.items()}


def media_type(request: Request) -> str:
    """Media type of a request's body, without parameters, in small letters."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def demand_json(request: Request) -> None:
    """Refuse a body that is not announced as JSON, as those are that a page of another origin sends unasked: 415."""
    if media_type(request) != "application/json":
        raise Problem(415, "unsupported-media-type", "send the question as application/json")


def short_question(shape: type[Question]) -> Callable[[Request], Awaitable[Question]]:
    """A dependency that reads a body as a question without arrays or pictures.

    FastAPI itself would take any body whole, parse it on the event loop and report each of its faults.
    """

    async def read(request: Request) -> Question:
        demand_json(request)
        return await run_in_threadpool(_parse_short, shape, await _short_body(request))

    return read


async def _short_body(request: Request) -> bytes:
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > SHORT_BYTES:
        raise _too_long(f"{SHORT_BYTES:,} bytes")
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > SHORT_BYTES:
            raise _too_long(f"{SHORT_BYTES:,} bytes")
    return bytes(body)


def _parse_short(shape: type[Question], body: bytes) -> Question:
    if body.count(b",") > SHORT_VALUES:
        raise _too_long(f"{SHORT_VALUES:,} values")
    return _validated(shape, body)


def _too_long(most: str) -> Problem:
    detail = f"the question is longer than {most}; ask for less at once"
    return Problem(413, "body-too-large", detail, {"Connection": "close"})


def parse(shape: type[Question], body: bytes, *, values: int) -> Question:
    """Parse a question of at most about ``values`` values.

    Raises:
        Problem: 413 far more values, 422 no such question.
    """
    # Before parsing: a body of millions of tiny values would take many times its bytes as objects.
    if body.count(b",") > values + _OTHER_COMMAS:
        detail = "the question holds more values than the images of one request take; send several requests"
        raise Problem(413, "too-many-images", detail)
    return _validated(shape, body)


def _validated(shape: type[Question], body: bytes) -> Question:
    try:
        return shape.model_validate_json(body)
    except ValidationError as error:
        raise invalid(_told(shape, error)) from None


def _told(shape: type[BaseModel], error: ValidationError) -> str:
    """What is wrong where: not the values, which may be of a patient, nor keys, which may be anything."""
    wrong = error.errors(include_url=False, include_context=False, include_input=False)
    known = _names(shape)
    places = [[str(part) for part in one["loc"] if isinstance(part, int) or part in known] for one in wrong]
    unnamed = ["a field unknown here" if one["loc"] else "body" for one in wrong]
    told = [
        f"{' '.join(place) or instead}: {one['msg']}"
        for place, instead, one in zip(places, unnamed, wrong, strict=True)
    ]
    return f"{listed(told)}; see /openapi.json for the question"


@cache
def _names(shape: type[BaseModel]) -> frozenset[str]:
    """Names of all fields of a shape and of its parts."""
    return frozenset(_fields(shape.model_json_schema()))


def _fields(schema: Any) -> Iterator[str]:  # noqa: ANN401 - JSON
    if isinstance(schema, list):
        for one in schema:
            yield from _fields(one)
    elif isinstance(schema, dict):
        properties = schema.get("properties", {})
        if isinstance(properties, dict):
            yield from properties
        for one in schema.values():
            yield from _fields(one)
