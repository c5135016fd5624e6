import json
import math

import httpx
import pytest
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st

from dashboard import client_codebook
from dashboard.answers_cards import ModelCard, Score
from dashboard.answers_codebook import Codebook, CodeDetails
from dashboard.components.code_panel import about, use
from dashboard.components.code_pictures import addresses, prototype
from dashboard.components.model_card import model_card
from dashboard.components.words import odds, probability
from dashboard.errors import ApiUnreadable
from dashboard.pages.codebook import goes_with_options
from dashboard.routes import add_routes
from dashboard.state import CODE_ORDERS, CODE_PICTURES, MAX_CODE_ZOOM, CodebookView

names = st.text(
    st.characters(exclude_characters="/\\", exclude_categories=("Cs", "Cc")), min_size=1, max_size=30
)


@given(
    code=st.none() | st.integers(0, 2**31 - 1),
    order=st.sampled_from(CODE_ORDERS),
    goes_with=st.none() | names | st.builds("{}/{}".format, names, st.integers(0, 99)),
    zoom=st.integers(1, MAX_CODE_ZOOM),
    show=st.sampled_from(CODE_PICTURES),
)
def test_a_link_reproduces_the_view(code, order, goes_with, zoom, show):
    view = CodebookView(code=code, order=order, goes_with=goes_with, zoom=zoom, show=show)
    assert CodebookView.from_query(view.to_query()) == view


@given(st.text(max_size=60))
def test_any_address_can_be_read(query):
    CodebookView.from_query("?code=" + query)
    CodebookView.from_query(query)


def test_the_view_at_first_has_a_short_address():
    assert CodebookView().to_query() == ""
    assert CodebookView(code=17, order="use").to_query() == "?code=17&order=use"
    assert CodebookView.from_query("?code=-3&order=x&zoom=99&with=") == CodebookView()


@pytest.mark.parametrize(
    ("log2", "told"),
    [
        (0, "1.0×"),
        (1.7, "3.2×"),
        (-3, "0.12×"),
        (3.35, "10×"),
        (12, "4,100×"),
        (-9, "< 0.01×"),
        (-0.003, "1.0×"),
        (math.nan, "–"),
    ],
)
def test_odds_have_two_digits(log2, told):
    assert odds(log2) == told


def test_a_small_probability_is_not_nothing():
    assert [probability(p) for p in (0.2, 0.0012, 0.00099, 0.0)] == [
        "= 0.200",
        "= 0.001",
        "< 0.001",
        "< 0.001",
    ]


def test_tiles_are_found_in_their_picture():
    style = prototype(256 + 35).style
    assert (style["--page"], style["--row"], style["--column"]) == ("var(--atlas-prototype-1)", "2", "3")
    assert addresses(257, "ab") == {
        show: [f"/pictures/codebook/{show}/{page}?v=ab" for page in (0, 1)] for show in CODE_PICTURES
    }


def _group(**other):
    group = {
        "dataset": "small", "label": None, "label_name": None, "n": 10, "images": 4, "share": 0.4,
        "share_elsewhere": 0.1, "log2_odds": 2.0, "interval": [1.0, 3.0], "p": 0.001, "q": 0.01,
    }  # fmt: skip
    return group | other


def _details(**other) -> CodeDetails:
    body = {
        "code": 3, "similar": [2, 9], "cells": 6, "images": 5, "share": 0.05, "positions": [[1, 5], [0, 0]],
        "by_dataset": [_group(), _group(dataset="large", log2_odds=-2.0, interval=[-3.0, -1.0])],
        "by_label": [_group(label=1, label_name="some", q=0.4)],
        "companions": [{"code": 9, "images": 2, "lift": 1.25, "log2_odds": 1.0, "interval": [-1.0, 64.0], "q": 0.3}],
    }  # fmt: skip
    return CodeDetails.of(body | other)


def _shown(component) -> str:
    return json.dumps(component, default=lambda part: part.to_plotly_json(), ensure_ascii=False)


def test_what_goes_with_a_code_is_told_in_words(datasets):
    shown = _shown(use(_details(), {d.name: d for d in datasets}))
    assert "4.0× the odds" in shown
    assert "(95 %: 2.0× to 8.0×), q = 0.010" in shown
    assert shown.index("Goes with") < shown.index("Rarer in")
    assert (
        "2 images contain both, 1.25 times as many as by chance within data sets: "
        "at least 0.50× the odds (95 %), q = 0.300" in shown
    )
    everywhere = {"code": 9, "images": 5, "lift": 1.0, "log2_odds": None, "interval": None, "q": 1.0}
    nothing = _shown(use(_details(companions=[everywhere]), {}))
    assert "5 images contain both; nothing to compare" in nothing
    assert "–" not in nothing[nothing.index("Shares images with") :]
    chance = _details(by_dataset=[_group(q=0.06)], by_label=[], companions=[])
    assert "None is told apart from chance" in _shown(use(chance, {}))


def test_a_code_of_every_image_has_no_odds():
    alike = _group(share=1.0, share_elsewhere=1.0, log2_odds=None, interval=None, p=1.0, q=1.0)
    shown = _shown(use(_details(by_dataset=[alike], by_label=[], companions=[]), {}))
    assert "– the odds of the others (95 %: – to –)" in shown
    assert "None is told apart from chance" in shown


def test_the_only_group_is_compared_with_nothing():
    only = _group(share_elsewhere=None, log2_odds=None, interval=None, p=1.0, q=1.0)
    shown = _shown(use(_details(by_dataset=[only], by_label=[], companions=[]), {}))
    assert "There are no others to compare with" in shown
    assert "bar-others" not in shown
    assert "bar-others" in _shown(use(_details(), {}))


def test_a_dead_code_has_nothing_to_tell():
    dead = _details(images=0, cells=0, share=0.0, positions=[[0, 0], [0, 0]], by_dataset=[], by_label=[])
    assert use(dead, {}) == []
    shown = _shown(about(dead))
    assert "A dead code" in shown
    assert "on the map" not in shown
    assert "positions" not in shown


def test_the_filter_offers_what_codes_go_with(datasets):
    line = {
        "code": 0, "rank": 1, "images": 2, "share": 0.2, "dataset": "large",
        "label_of": "small", "label": 1, "label_name": "some",
    }  # fmt: skip
    none = line | {"dataset": None, "label_of": None, "label": None, "label_name": None}
    book = Codebook.of(
        {"index": "a", "codebook_size": 2, "n": 9, "perplexity": 1.5, "dead": [1], "items": [line, none]}
    )
    catalogue = type("Catalogue", (), {"datasets": datasets})()
    values = [item["value"] for group in goes_with_options(catalogue, book) for item in group["items"]]
    assert values == ["all", "large", "small/1"]


async def test_an_answer_of_another_version_is_named(client_of):
    client = client_of(lambda _: httpx.Response(200, json={"index": "a"}))
    with pytest.raises(ApiUnreadable, match="one version"):
        await client_codebook.codebook(client)
    await client.aclose()


async def test_pictures_of_the_codebook_pass_through(client_of):
    asked = []
    headers = {
        "etag": '"abc"',
        "cache-control": "private, max-age=31536000, immutable",
        "content-type": "image/png",
    }

    def answer(request):
        asked.append((request.url.path, dict(request.url.params)))
        return httpx.Response(200, content=b"\x89PNG...", headers=headers)

    server = FastAPI()
    add_routes(server, client_of(answer))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(server), base_url="http://d.test") as page:
        found = await page.get("/pictures/codebook/prototype/1?v=ab12")
        assert {key: found.headers[key] for key in headers} == headers
        await page.get("/pictures/codebook/patch/0?v=ab12")
        await page.get("/pictures/codebook/patches/17?v=ab12")
        for path in ("atlas/0", "patch/-1", "prototype/x", "patches/1e3", "patches/" + "9" * 10):
            refused = await page.get(f"/pictures/codebook/{path}")
            assert refused.status_code == 404, path
        assert (await page.get("/pictures/codebook/patch/1?v=../x")).status_code == 422
    assert asked == [
        ("/v1/codebook/atlas/1", {"v": "ab12"}),
        ("/v1/codebook/atlas/0", {"show": "patch", "v": "ab12"}),
        ("/v1/codebook/17/patches/sheet", {"k": "12", "v": "ab12"}),
    ]


def _model(card) -> ModelCard:
    item = {
        "name": "m", "version": "m@1", "sha256": "ab", "image_size": 28, "code_grid": [7, 7],
        "codebook_size": 512, "bits_per_image": 441.0, "embedding_dim": 768, "embedding_version": "v2", "card": card,
    }  # fmt: skip
    return ModelCard.of(item)


def test_a_card_shows_figures_with_their_intervals(datasets):
    entry = {
        "n": 1998, "comparable": False, "psnr": 34.291, "psnr_interval": [34.165, 34.414], "mae": 0.01523,
        "probes": {"linear": {"accuracy": 0.7723, "accuracy_interval": [0.7534, 0.7901], "auc": None}},
    }  # fmt: skip
    mean = {"psnr": 32.8, "psnr_interval": [32.7, 32.9]}
    model = _model({"figures": {"split": "test", "datasets": {"small": entry}, "mean": mean}})
    assert [score.name for score in model.scores] == ["small", None]
    shown = _shown(model_card(model, {d.name: d for d in datasets}))
    for text in (
        "34.29",
        "34.16 – 34.41",
        "1.52",
        "0.772",
        "0.753 – 0.790",
        "small *",
        "Mean of the data sets",
    ):
        assert text in shown


@pytest.mark.parametrize("card", [{}, {"figures": None, "datasets": None, "training": {}, "caveats": None}])
def test_a_card_may_lack_anything(card):
    model = _model(card)
    assert model.scores == []
    assert "has not been evaluated" in _shown(model_card(model, {}))


def test_a_score_without_figures_is_empty():
    assert Score.of("a", {}).psnr is None
