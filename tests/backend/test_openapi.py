"""The OpenAPI document: complete, with examples, and true."""

import pytest
from jsonschema import Draft202012Validator

from backend import schemas

PROBLEM = {"$ref": "#/components/schemas/ProblemDocument"}


@pytest.fixture(scope="module")
def document(client):
    return client.get("/openapi.json").json()


def operations(document):
    return [
        (path, method, op) for path, methods in document["paths"].items() for method, op in methods.items()
    ]


def test_every_operation_is_described(document):
    assert {path for path, *_ in operations(document)} == {
        "/",
        "/health/live",
        "/health/ready",
        "/metrics",
        "/v1/models",
        "/v1/datasets",
        "/v1/maps",
        "/v1/maps/{map}/points",
        "/v1/maps/{map}/quality",
        "/v1/maps/{map}/ellipses",
        "/v1/jobs",
        "/v1/jobs/{id}",
        "/v1/maps/{map}/ellipses/overlap",
        "/v1/samples",
        "/v1/samples/distributions",
        "/v1/samples/{dataset}/{split}/{position}",
        "/v1/samples/{dataset}/{split}/{position}/{kind}",
        "/v1/samples/{dataset}/{split}/{position}/cells",
        "/v1/samples/{dataset}/{split}/{position}/outlier",
        "/v1/columns",
        "/v1/columns/{name}",
        "/v1/codebook/{code}/presence",
        "/v1/selections",
        "/v1/selections/rows",
        "/v1/selections/mask",
        "/v1/neighbours/{dataset}/{split}/{position}",
        "/v1/embeddings",
        "/v1/decode",
        "/v1/decode/path",
        "/v1/encode",
        "/v1/reconstruct",
        "/v1/project",
        "/v1/outliers",
        "/v1/outliers/percentiles",
        "/v1/codebook",
        "/v1/codebook/atlas/{page}",
        "/v1/codebook/{code}",
        "/v1/codebook/{code}/images",
        "/v1/codebook/{code}/patches",
        "/v1/codebook/{code}/patches/sheet",
        "/v1/codebook/{code}/prototype",
        "/v1/separation/{dataset}",
        "/v1/reload",
        "/v1/runs",
        "/v1/runs/{run}",
        "/v1/runs/{run}/originals",
        "/v1/runs/{run}/epochs/{epoch}/points",
        "/v1/runs/{run}/epochs/{epoch}/reconstructions",
    }
    for path, method, operation in operations(document):
        assert operation["description"], (path, method)
        assert operation["summary"], (path, method)


def test_every_failure_is_a_problem_document(document):
    assert "HTTPValidationError" not in document["components"]["schemas"]
    for path, method, operation in operations(document):
        for status, response in operation["responses"].items():
            if status.startswith(("4", "5")):
                assert response["content"] == {"application/problem+json": {"schema": PROBLEM}}, (
                    path,
                    method,
                )
        if path.startswith("/v1"):
            assert "503" in operation["responses"], (path, method)
        if operation.get("parameters") or "requestBody" in operation:
            assert "422" in operation["responses"], (path, method)


def test_uploads_are_documented(document):
    for path in ("/v1/encode", "/v1/reconstruct", "/v1/project", "/v1/outliers"):
        operation = document["paths"][path]["post"]
        assert operation["requestBody"]["content"].keys() == {
            "multipart/form-data",
            "application/json",
            "application/x-npy",
            "image/png",
            "image/jpeg",
            "image/tiff",
        }
        assert {"408", "413", "415", "422", "429", "503"} <= operation["responses"].keys()


def test_fields_are_described_or_exemplified(document):
    """Those of answers; a field whose name says it all needs an example at least."""
    plain = {"status", "items", "links", "notice", "version", "warnings", "note", "columns", "card", "name"}
    for name, schema in document["components"]["schemas"].items():
        for field, content in schema["properties"].items():
            documented = content.keys() & {"description", "examples", "$ref"}
            nested = any(part.keys() & {"examples"} for part in content.get("anyOf", []))
            assert documented or nested or field in plain, f"{name}.{field}"


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/health/live",
        "/health/ready",
        "/v1/models",
        "/v1/datasets",
        "/v1/maps",
        "/v1/maps/pca/points?split=val",
        "/v1/maps/pca/quality",
        "/v1/maps/pca/ellipses?group_by=label&split=val&kind=robust",
        "/v1/maps/pca/ellipses/overlap?group_by=label&split=val",
        "/v1/samples",
        "/v1/codebook",
        "/v1/columns",
    ],
)
def test_answers_keep_to_the_schema(client, document, path):
    template = path.partition("?")[0].replace("/pca/", "/{map}/")
    response = document["paths"][template]["get"]["responses"]["200"]
    schema = response["content"]["application/json"]["schema"] | {"components": document["components"]}
    Draft202012Validator(schema).validate(client.get(path).json())


def test_examples_of_fields_fit_their_types():
    """Examples are what a reader copies."""
    for name in ("SampleItem", "Samples", "MapItem", "Neighbour", "EncodeItem"):
        schema = getattr(schemas, name).model_json_schema()
        for field, content in schema["properties"].items():
            for example in content.get("examples", []):
                part = {key: value for key, value in content.items() if key != "examples"}
                Draft202012Validator(part | {"$defs": schema.get("$defs", {})}).validate(example), field
