"""The examples of the OpenAPI document: every operation has one, it is answered, and as the document shows."""

import shutil
from typing import Any

import numpy as np
import pytest
from jsonschema import Draft202012Validator
from pydantic import SecretStr

from backend.examples import EXAMPLES, JSON, operations, recorded_answers, succeeded
from model.latent.index import open_index
from tests.backend.api_examples import KEY, ask_all

NAMES_ARE_DATA = {"card", "labels"}
"""Objects with these names hold what a model's or a data set's card has."""


@pytest.fixture(scope="module")
def described(make_settings, run_service, tiny_model_dir, tiny_index_dir, tmp_path_factory):
    """Operations of the document by method and path, the whole document, and answers to all examples."""
    folder = tmp_path_factory.mktemp("examples")
    shutil.copytree(tiny_model_dir, folder / "two")
    index = shutil.copytree(tiny_index_dir, folder / "index")  # one of the examples adds a map to it
    settings = make_settings(index=index).model_copy(update={"runs": folder, "api_keys": (SecretStr(KEY),)})
    with run_service(settings) as running:
        running.client.headers["X-API-Key"] = KEY
        document = running.client.get("/openapi.json").json()
        # Which codes a model of a few steps uses is another on another processor.
        code = int(np.bincount(np.ravel(open_index(tiny_index_dir).codes)).argmax())
        answers = ask_all(running.client, model=tiny_model_dir.name, code=code)
        return dict(operations(document)), document, answers


def test_every_operation_has_an_example_with_all_that_it_demands(described):
    by_name, *_ = described
    assert by_name.keys() == EXAMPLES.keys()
    for name, operation in by_name.items():
        given = EXAMPLES[name]
        assert given.parameters.keys() <= {one["name"] for one in operation.get("parameters", ())}, name
        for parameter in operation.get("parameters", ()):
            assert ("example" in parameter) == (parameter["name"] in given.parameters), name
            assert "example" in parameter or not parameter.get("required"), (name, parameter["name"])
            if "example" in parameter:
                Draft202012Validator(parameter["schema"]).validate(parameter["example"])
        if "requestBody" in operation:
            content = operation["requestBody"]["content"][JSON]
            assert content["example"] == given.body, name
            Draft202012Validator(content["schema"]).validate(given.body)


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_is_answered_as_the_document_says(described, name):
    by_name, document, answers = described
    answer, operation = answers[name], by_name[name]
    assert answer.is_success, answer.text
    content = succeeded(operation)["content"]
    assert str(answer.status_code) in operation["responses"]
    media_type = answer.headers["Content-Type"].partition(";")[0]
    assert media_type in content
    assert (media_type == JSON) == (name in recorded_answers())
    if media_type == JSON:
        schema = content[JSON]["schema"] | {"components": document["components"]}
        shown = content[JSON]["example"]
        Draft202012Validator(schema).validate(answer.json())
        Draft202012Validator(schema).validate(shown)
        _alike(shown, answer.json(), name)


def _alike(shown: Any, real: Any, place: str) -> None:
    """The same names everywhere; values may differ, as another model gave them."""
    if isinstance(shown, dict) and isinstance(real, dict):
        assert shown.keys() == real.keys(), place
        for key in shown.keys() - NAMES_ARE_DATA:
            _alike(shown[key], real[key], f"{place} {key}")
    elif isinstance(shown, list) and isinstance(real, list):
        for first, second in zip(shown, real, strict=False):
            _alike(first, second, place)
