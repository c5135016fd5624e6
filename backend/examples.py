"""An example of every operation for the OpenAPI document: a request to copy, and what a service answered to it.

The requests are of the offline sample, which ``make explore`` serves: but for a job's and a run's name they can be
sent as they stand. The answers were recorded by ``make api-examples``; long lists and texts are cut there.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

JSON = "application/json"
JOB = "b52c1f0e9d8a47c6"
"""Stands for the job that the example of ``POST /v1/maps`` began."""
_PICTURE = (
    "iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAAAAADhZOFXAAAAE0lEQVR42mNk4IcARkEog4UsBgCIhAPaea9RKgAAAABJRU5ErkJggg=="
)
_IMAGE = {"dataset": "sample_fundus", "split": "test", "position": 3}
_CORNERS = [[-20.0, -20.0], [20.0, -20.0], [0.0, 20.0]]
_GRID = [[(7 * row + column) % 49 for column in range(7)] for row in range(7)]


@dataclass(frozen=True)
class Example:
    """A request: values of parameters in path and query, and a body of JSON where one is sent."""

    parameters: Mapping[str, Any] = field(default_factory=dict)
    body: Any = None


_PLAIN = Example()
EXAMPLES: Mapping[str, Example] = {
    "GET /": _PLAIN,
    "GET /health/live": _PLAIN,
    "GET /health/ready": _PLAIN,
    "GET /metrics": _PLAIN,
    "GET /v1/models": _PLAIN,
    "GET /v1/datasets": _PLAIN,
    "GET /v1/maps": _PLAIN,
    "POST /v1/maps": Example(body={"method": "pca", "dimensions": 3, "name": "pca-3d"}),
    "GET /v1/jobs": _PLAIN,
    "GET /v1/jobs/{id}": Example({"id": JOB}),
    "DELETE /v1/jobs/{id}": Example({"id": JOB}),
    "GET /v1/maps/{map}/points": Example({"map": "pca", "dataset": "sample_fundus", "split": "test"}),
    "GET /v1/maps/{map}/quality": Example({"map": "pca"}),
    "GET /v1/maps/{map}/ellipses": Example(
        {"map": "pca", "group_by": "label", "dataset": "sample_fundus", "kind": "robust", "level": 0.9}
    ),
    "POST /v1/maps/{map}/ellipses": Example(
        {"map": "pca"}, {"group_by": "dataset", "selection": {"map": "pca", "polygon": _CORNERS}}
    ),
    "GET /v1/maps/{map}/ellipses/overlap": Example({"map": "pca", "group_by": "dataset", "split": "test"}),
    "POST /v1/maps/{map}/ellipses/overlap": Example(
        {"map": "pca"}, {"group_by": "dataset", "selection": {"map": "pca", "polygon": _CORNERS}}
    ),
    "GET /v1/columns": _PLAIN,
    "GET /v1/columns/{name}": Example({"name": "psnr"}),
    "GET /v1/codebook": Example({"sort": "images", "limit": 2}),
    "GET /v1/codebook/{code}": Example({"code": 17}),
    "GET /v1/codebook/{code}/images": Example({"code": 17, "split": "test", "limit": 2}),
    "GET /v1/codebook/{code}/presence": Example({"code": 17}),
    "GET /v1/codebook/{code}/prototype": Example({"code": 17}),
    "GET /v1/codebook/{code}/patches": Example({"code": 17, "k": 2}),
    "GET /v1/codebook/{code}/patches/sheet": Example({"code": 17, "k": 2}),
    "GET /v1/codebook/atlas/{page}": Example({"page": 0, "show": "prototype"}),
    "GET /v1/samples": Example({"dataset": "sample_fundus", "split": "test", "sort": "psnr", "limit": 2}),
    "GET /v1/samples/distributions": Example({"dataset": "sample_fundus", "split": "test", "bins": 10}),
    "GET /v1/samples/{dataset}/{split}/{position}": Example(_IMAGE),
    "GET /v1/samples/{dataset}/{split}/{position}/{kind}": Example({**_IMAGE, "kind": "reconstruction"}),
    "GET /v1/samples/{dataset}/{split}/{position}/cells": Example(_IMAGE),
    "GET /v1/samples/{dataset}/{split}/{position}/outlier": Example(_IMAGE),
    "GET /v1/neighbours/{dataset}/{split}/{position}": Example({**_IMAGE, "k": 10, "metric": "cosine"}),
    "GET /v1/separation/{dataset}": Example({"dataset": "sample_cell"}),
    "GET /v1/outliers/percentiles": _PLAIN,
    "POST /v1/selections": Example(body={"map": "pca", "polygon": _CORNERS, "codes": 2, "limit": 2}),
    "POST /v1/selections/mask": Example(body={"map": "pca", "polygon": _CORNERS}),
    "POST /v1/selections/rows": Example(
        body={
            "map": "pca",
            "polygon": _CORNERS,
            "where": [{"column": "psnr", "max": 40.0}],
            "sort": "psnr",
            "limit": 2,
        }
    ),
    "POST /v1/encode": Example(body={"images": [_PICTURE]}),
    "POST /v1/reconstruct": Example(body={"images": [_PICTURE]}),
    "POST /v1/project": Example({"map": "pca", "k": 10, "outliers": True}, {"images": [_PICTURE]}),
    "POST /v1/outliers": Example({"dataset": "sample_mr"}, {"images": [_PICTURE]}),
    "POST /v1/embeddings": Example(
        body={"input": f"data:image/png;base64,{_PICTURE}", "model": "base", "encoding_format": "base64"}
    ),
    "POST /v1/decode": Example(body={"codes": [_GRID], "channels": 3}),
    "POST /v1/decode/path": Example(body={"start": {"codes": _GRID}, "end": _IMAGE, "steps": 3}),
    "POST /v1/reload": _PLAIN,
    "GET /v1/runs": _PLAIN,
    "GET /v1/runs/{run}": Example({"run": "two"}),
    "GET /v1/runs/{run}/originals": Example({"run": "two"}),
    "GET /v1/runs/{run}/epochs/{epoch}/points": Example({"run": "two", "epoch": 2}),
    "GET /v1/runs/{run}/epochs/{epoch}/reconstructions": Example({"run": "two", "epoch": 2}),
}
"""By method and path, as the document has them."""


@cache
def recorded_answers() -> Mapping[str, Any]:
    """What was answered to the examples, as JSON, by method and path; those answered otherwise are not there."""
    found: dict[str, Any] = json.loads(files("backend").joinpath("example_answers.json").read_text("utf-8"))
    return found


def succeeded(operation: Mapping[str, Any]) -> Mapping[str, Any]:
    """The answer that an operation of the document describes for when all went well."""
    found: Mapping[str, Any] = next(
        answer for status, answer in operation["responses"].items() if status.startswith("2")
    )
    return found


def operations(document: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Each operation of the document with its method and path, such as ``GET /v1/maps``."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def document_examples(document: dict[str, Any]) -> None:
    """Write the examples into the OpenAPI document."""
    answers = recorded_answers()
    for name, operation in operations(document):
        example = EXAMPLES[name]
        for parameter in operation.get("parameters", ()):
            if parameter["name"] in example.parameters:
                value = example.parameters[parameter["name"]]
                parameter["example"] = [value] if parameter["schema"].get("type") == "array" else value
        if example.body is not None:
            operation["requestBody"]["content"][JSON]["example"] = example.body
        if name in answers:
            succeeded(operation)["content"][JSON]["example"] = answers[name]
