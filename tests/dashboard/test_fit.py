import json

import httpx
import pytest

from dashboard.client_maps import Job, Parameter, busy_job, cancel, fit, methods
from dashboard.components.fit_form import job_state, parameter_fields
from dashboard.errors import ApiRefused
from dashboard.pages.map_panel import map_options, map_title, second_options

JOB = {"id": "ab", "state": "running", "map": "near", "stage": "t-SNE", "progress": 0.4, "error": None}
NUMBER = {"type": "int", "default": 15, "choices": [], "help": "how many", "low": 2, "high": 500}


def _text(component):
    return str(component.to_plotly_json()) if hasattr(component, "to_plotly_json") else str(component)


async def test_a_map_is_ordered_watched_and_cancelled(client_of):
    seen = []

    def answer(request):
        seen.append((request.method, request.url.path, request.content))
        if request.url.path == "/v1/jobs":
            done = JOB | {"id": "old", "state": "done"}
            return httpx.Response(200, json={"items": [done, JOB]})
        state = {"DELETE": "cancelling"}.get(request.method, "running")
        return httpx.Response(202, json=JOB | {"state": state})

    client = client_of(answer)
    begun = await fit(client, "tsne", 3, {"perplexity": 5}, None)
    assert begun.busy
    busy = await busy_job(client)
    assert busy is not None
    assert busy.id == "ab"
    assert (await cancel(client, "ab")).state == "cancelling"
    assert [(method, path) for method, path, _ in seen] == [
        ("POST", "/v1/maps"),
        ("GET", "/v1/jobs"),
        ("DELETE", "/v1/jobs/ab"),
    ]
    body = {"method": "tsne", "dimensions": 3, "parameters": {"perplexity": 5}, "name": None}
    assert json.loads(seen[0][2]) == body


async def test_a_refusal_is_told_in_the_words_of_the_service(client_of):
    def answer(_request):
        return httpx.Response(409, json={"detail": "the index has a map near already"})

    with pytest.raises(ApiRefused, match="near already"):
        await fit(client_of(answer), "umap", 2, {}, "near")


async def test_methods_come_with_their_bounds(client_of):
    items = [{"name": "umap", "parameters": [{"name": "n_neighbors", **NUMBER}]}]
    (found,) = await methods(client_of(lambda _: httpx.Response(200, json={"methods": items})))
    assert (found.name, found.parameters[0].low, found.parameters[0].high) == ("umap", 2, 500)


def test_fields_are_bounded_and_dimensions_are_not_among_them():
    word = {"type": "str", "default": "cosine", "choices": ["cosine", "euclidean"], "help": "distance"}
    listed = [
        {"name": "dimensions", **NUMBER},
        {"name": "n_neighbors", **NUMBER},
        {"name": "metric", **word, "low": None, "high": None},
    ]
    number, choice = parameter_fields("umap", [Parameter.of(item) for item in listed])
    assert (number.min, number.max, number.value, number.allowDecimal) == (2, 500, 15, False)
    assert number.description == "how many (2 to 500)"
    assert [option["value"] for option in choice.data] == ["cosine", "euclidean"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({}, "t-SNE, 40 %"),
        ({"state": "cancelling"}, "being cancelled"),
        ({"state": "cancelled"}, "was cancelled; nothing is left of it"),
        (
            {"state": "failed", "error": "umap-learn is not installed"},
            "Near was not fitted: umap-learn is not",
        ),
        ({"state": "done"}, "in the choice of maps"),
    ],
)
def test_each_state_of_a_fit_is_told(change, words):
    assert words in "".join(_text(part) for part in job_state(Job.of(JOB | change)))


def test_maps_are_named_for_readers(info):
    assert [map_title(name) for name in ("pca", "umap-3d", "mine")] == ["PCA", "UMAP 3-D", "mine"]
    solid = type(info)(name="own", dimensions=3, fitted_on="train", axis_labels=("1", "2", "3"))
    names = map_options([info, solid])
    assert [name["label"] for name in names] == ["PCA", "own (3-D)"]
    assert [name["value"] for name in second_options(names, "pca")] == ["", "own"]
