"""Questions in JSON that carry arrays or pictures: bounded before they become objects, and never quoted back."""

from typing import Any, TypeVar

from fastapi import Request
from pydantic import BaseModel, ValidationError

from backend.problems import Problem, invalid

Question = TypeVar("Question", bound=BaseModel)
_OTHER_COMMAS = 16
_PLAIN = frozenset({"body"})


def json_body(shape: type[BaseModel]) -> dict[str, Any]:
    """Content of a request body, for OpenAPI: the routes read it themselves, in a slot and within the limits."""
    schema = shape.model_json_schema()
    parts = schema.pop("$defs", {})
    return {"application/json": {"schema": _inlined(schema, parts)}}


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
    """Refuse a body that is not announced as JSON: the problem 415."""
    if media_type(request) != "application/json":
        raise Problem(415, "unsupported-media-type", "send the question as application/json")


def parse(shape: type[Question], body: bytes, *, values: int) -> Question:
    """Parse a question of at most about ``values`` values.

    Raises:
        Problem: 413 far more values, 422 no such question.
    """
    # Before parsing: a body of millions of tiny values would take many times its bytes as objects.
    if body.count(b",") > values + _OTHER_COMMAS:
        detail = "the question holds more values than the images of one request take; send several requests"
        raise Problem(413, "too-many-images", detail)
    try:
        return shape.model_validate_json(body)
    except ValidationError as error:
        raise invalid(_told(shape, error)) from None


def _told(shape: type[BaseModel], error: ValidationError) -> str:
    """Which fields are wrong: not their values, which may be of a patient, nor keys, which may be anything."""
    wrong = error.errors(include_url=False, include_context=False, include_input=False)
    known = shape.model_fields.keys() | _PLAIN
    named = {str(one["loc"][0]) if one["loc"] else "body" for one in wrong}
    fields = sorted({name if name in known else "a field unknown here" for name in named})
    return f"wrong or missing: {', '.join(fields)}; see /openapi.json for the question"
