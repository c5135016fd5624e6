"""The route that uploads pass through, and what is read from the service's answers."""

import json
from dataclasses import replace

import httpx
import pytest
from fastapi import FastAPI

from dashboard.answers import Catalogue, Ellipse
from dashboard.answers_place import Placed
from dashboard.components.placed import cards
from dashboard.figures.place_figure import place_figure
from dashboard.pages.place import left_out
from dashboard.routes_place import MAX_BYTES, add_place_route

HEADERS = {"X-VQScope": "place", "Content-Type": "multipart/form-data; boundary=b"}
STANDING = {"value": 0.2, "more_unusual_than": 0.97, "interval": [0.95, 0.98]}
VERDICT = {
    "most_like": "small",
    "overall": {"words": "more unusual than 97 % of 5 images", "measures": {"knn_distance": STANDING}},
}
MADE = {"image": "aQ==", "reconstruction": "cg==", "error_map": "ZQ==", "psnr": None, "ssim": 1.0, "mae": 0.0}
NEAR = {"dataset": "small", "split": "train", "position": 3, "label_name": "none", "distance": 0.1}
PLACE = {"x": 0.5, "y": -1.0, "inside": ["small"], "neighbours": [NEAR | {"x": 0.4, "y": -0.9}]}
BAD = {"filename": "bad.png", "problem": {"detail": "it is no image"}}


def answers(name: str) -> dict:
    """As the service gives them for one good and one bad file."""
    good = {"reconstruct": MADE, "project": PLACE, "outliers": VERDICT}[name]
    return {"model": "m", "index": "i", "map": "pca", "items": [{"filename": "a.png", **good}, BAD]}


def page_of(client) -> httpx.AsyncClient:
    server = FastAPI()
    add_place_route(server, client)
    return httpx.AsyncClient(transport=httpx.ASGITransport(server), base_url="http://dashboard.test")


async def test_files_pass_through_as_they_are(client_of):
    asked = {}

    def answer(request):
        asked[request.url.path] = (request.content, request.headers["content-type"], request.url.params)
        return httpx.Response(200, json=answers(request.url.path.rpartition("/")[2]))

    async with page_of(client_of(answer)) as page:
        found = await page.post("/place?map=pca", content=b"the form", headers=HEADERS)
    assert found.json() == {name: answers(name) for name in ("reconstruct", "project", "outliers")}
    assert found.headers["cache-control"] == "no-store"
    assert set(asked) == {"/v1/reconstruct", "/v1/project", "/v1/outliers"}
    for content, kind, params in asked.values():
        assert (content, kind) == (b"the form", HEADERS["Content-Type"])
        assert params["partial"] == "true"


@pytest.mark.parametrize(("status", "words"), [(503, "in a moment"), (404, "no held-out images")])
async def test_without_verdicts_the_rest_is_shown(client_of, status, words):
    def answer(request):
        name = request.url.path.rpartition("/")[2]
        if name == "outliers":
            return httpx.Response(status, json={"detail": "there are no held-out images"})
        return httpx.Response(200, json=answers(name))

    async with page_of(client_of(answer)) as page:
        found = (await page.post("/place", content=b"x", headers=HEADERS)).json()
    placed = Placed.of(found["reconstruct"], found["project"], found["outliers"])
    assert words in placed.no_verdict
    assert [image.verdict for image in placed.images] == [None]


@pytest.mark.parametrize(
    ("headers", "size", "status"),
    [
        ({"Content-Type": HEADERS["Content-Type"]}, 1, 403),
        (HEADERS | {"Content-Type": "application/json"}, 1, 415),
        (HEADERS | {"Content-Type": b"multipart/form-data; boundary=\xff"}, 1, 415),
        (HEADERS, MAX_BYTES + 1, 413),
    ],
)
async def test_what_the_page_does_not_send_never_reaches_the_service(client_of, headers, size, status):
    def answer(request):
        raise AssertionError("the service was asked")

    async with page_of(client_of(answer)) as page:
        found = await page.post("/place", content=bytes(size), headers=headers)
    assert found.status_code == status
    assert found.headers["content-type"] == "application/problem+json"


async def test_the_words_of_the_service_reach_the_page(client_of):
    problem = {"detail": "more than 64 images in one request"}
    async with page_of(client_of(lambda _: httpx.Response(413, json=problem))) as page:
        found = await page.post("/place", content=b"x", headers=HEADERS)
    assert (found.status_code, found.json()["detail"]) == (413, problem["detail"])


@pytest.mark.parametrize(("content", "status"), [(b"no JSON", 502), (None, 503)])
async def test_only_a_service_that_is_away_is_worth_asking_again(client_of, content, status):
    def answer(request):
        if content is None:
            raise httpx.ConnectError("away")
        return httpx.Response(200, content=content)

    async with page_of(client_of(answer)) as page:
        assert (await page.post("/place", content=b"x", headers=HEADERS)).status_code == status


def test_good_and_bad_files_are_told_apart(datasets, info, points):
    placed = Placed.of(answers("reconstruct"), answers("project"), answers("outliers"))
    assert [(one.filename, one.reason) for one in placed.failed] == [("bad.png", "it is no image")]
    (image,) = placed.images
    assert image.psnr == float("inf")
    assert image.inside == ("small",)
    assert image.verdict is not None
    assert image.verdict.measures["knn_distance"].share == 0.97
    figure = json.loads(place_figure(datasets, info, points, (), placed.images).to_json())
    stars = [trace for trace in figure["data"] if trace["meta"]["role"] == "placed"]
    assert [(trace["x"], trace["y"], trace["text"]) for trace in stars] == [([0.5], [-1.0], ["1"])]
    (near,) = (trace for trace in figure["data"] if trace["meta"]["role"] == "neighbours")
    assert near["customdata"] == ["/?point=small/train/3"]
    # The points themselves are drawn by the browser.
    clouds = [trace for trace in figure["data"] if trace["meta"]["role"] == "points"]
    assert [trace["name"] for trace in clouds] == ["large", "middle", "small"]
    assert all(trace["x"] == [] and trace["meta"]["runs"] for trace in clouds)


def test_an_image_far_from_all_points_is_in_view(datasets, info, points):
    far = PLACE | {"x": 1e3, "y": -2e3}
    placed = Placed.of(
        answers("reconstruct"),
        answers("project") | {"items": [{"filename": "a.png", **far}, BAD]},
        answers("outliers"),
    )
    axes = place_figure(datasets, info, points, (), placed.images).layout
    for axis, value in ((axes.xaxis, 1e3), (axes.yaxis, -2e3)):
        low, high = axis.range
        assert low < value < high


def test_a_map_in_space_is_said_to_be_left_out(info):
    assert left_out([info]) == ""
    assert "UMAP 3-D" in left_out([info, replace(info, name="umap-3d", dimensions=3)])


@pytest.mark.parametrize(
    ("inside", "odd", "words"),
    [
        (["small"], (), "ellipse of small (which holds 90.0 % of its own images)."),
        (["small"], ("large",), "ellipse of small (which holds 90.0 % of its own images)."),
        (["small"], ("small",), "That says little of small: see the warnings below the map."),
        (["small", "large"], (), "small (which holds 90.0 % of its own images), large (which holds 90.0 %"),
        (["gone"], (), "ellipse of gone."),
        ([], (), "outside every data set's 95 % prediction ellipse."),
        ([], ("small", "large"), "That says little of small, large:"),
    ],
)
def test_an_ellipse_is_told_with_what_it_is_worth(datasets, inside, odd, words):
    ellipses = [
        Ellipse(
            group=name,
            n=9,
            outline=((0, 0),),
            observed_coverage=0.9,
            level=0.95,
            warnings=("the points fall into several groups",) if name in odd else (),
        )
        for name in ("small", "large")
    ]
    landed = {**PLACE, "inside": inside}
    placed = Placed.of(
        answers("reconstruct"),
        answers("project") | {"items": [{"filename": "a.png", **landed}, BAD]},
        answers("outliers"),
    )
    catalogue = Catalogue("m", "i", tuple(datasets))
    shown = json.dumps(cards(placed, catalogue, ellipses), default=lambda part: part.to_plotly_json())
    assert words in shown
    assert ("says little" in shown) is bool(set(odd) & set(inside or odd))
