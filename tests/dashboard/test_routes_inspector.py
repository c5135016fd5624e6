"""The inspector's parts where the service does not give them; what they are like else, tests/browser sees."""

import asyncio
import re
from base64 import b64encode

import httpx
import pytest
from fastapi import FastAPI

from dashboard.answers import Catalogue
from dashboard.answers_map import Agreement, Neighbours
from dashboard.components.inspector_more import neighbour_strip
from dashboard.components.markup import markup
from dashboard.routes_inspector import LARGEST_INLINE, PARTS, add_inspector_routes


def _page(client) -> httpx.AsyncClient:
    server = FastAPI()
    add_inspector_routes(server, client)
    return httpx.AsyncClient(transport=httpx.ASGITransport(server), base_url="http://dashboard.test")


def _refuse(request):
    if request.url.path == "/v1/datasets":
        return httpx.Response(200, json={"model": "m", "index": "i", "items": []})
    return httpx.Response(404, json={"title": "Not found", "detail": "there is <none> of that number"})


def _away(request):
    raise httpx.ConnectError("no connection", request=request)


@pytest.mark.parametrize("part", [*PARTS, "cells/1/2"])
async def test_a_service_that_is_away(client_of, part):
    """The page asks again once it is back."""
    async with _page(client_of(_away)) as page:
        found = (await page.get(f"/inspector/a%20b/test/3/{part}")).json()
    assert 'role="alert"' in found["markup"]
    assert found.get("failed", part == "cells/1/2") is True


async def test_an_image_that_is_not_there(client_of):
    async with _page(client_of(_refuse)) as page:
        parts = {part: (await page.get(f"/inspector/small/test/99/{part}")).json() for part in PARTS}
    assert "No such image" in parts["image"]["markup"]
    assert parts["image"]["sample"] is None
    assert parts["neighbours"] == {"markup": ""}
    assert "there is &lt;none&gt; of that number." in parts["standing"]["markup"]
    assert not any(found.get("failed") for found in parts.values())


async def test_only_test_images_are_judged(client_of):
    async with _page(client_of(_refuse)) as page:
        found = (await page.get("/inspector/small/train/0/standing")).json()
    assert "Only test images are judged" in found["markup"]


def _described(name: str, *, edge: int = 28, available: bool = True) -> dict[str, object]:
    return {
        "name": name,
        "title": name,
        "modality": "",
        "labels": {"0": "none"},
        "n_indexed": {"test": 10},
        "image_size": edge,
        "warnings": [],
        "available": available,
    }


async def test_neighbours_come_with_their_pictures_but_large_ones_and_those_that_cannot_be_had(client_of):
    """Those of a large edge are not even asked for; one that does not come holds nothing up."""
    pictures = {"0": b"little", "1": bytes(LARGEST_INLINE + 1)}
    shared = {"n": 6, "count": 1, "share": 0.5, "expected": 0.1}

    async def answer(request):
        kind, *rest = request.url.path.removeprefix("/v1/").split("/")
        if kind == "datasets":
            body = {
                "model": "m",
                "index": "ab",
                "items": [
                    _described("small"),
                    _described("large", edge=224),
                    _described("away", available=False),
                ],
            }
        elif kind == "neighbours":
            names = [("small", 0), ("small", 1), ("small", 2), ("small", 3), ("large", 0), ("away", 0)]
            items = [
                {
                    "dataset": name,
                    "split": "test",
                    "position": i,
                    "label": 0,
                    "label_name": "none",
                    "distance": 0.5,
                }
                for name, i in names
            ]
            agreements = dict.fromkeys(("same_dataset", "same_label", "same_label_within"), shared)
            body = {"index": "ab", "items": items, **agreements}
        elif kind == "samples" and rest[2] == "3":
            await asyncio.Event().wait()  # for ever
        elif kind == "samples" and rest[2] in pictures:
            assert rest[0] == "small"
            assert request.url.params["v"] == "ab"
            return httpx.Response(200, content=pictures[rest[2]], headers={"content-type": "image/png"})
        else:
            return httpx.Response(404, json={"title": "Not found"})
        return httpx.Response(200, json=body)

    async with _page(client_of(answer)) as page:
        markup = (await page.get("/inspector/small/test/9/neighbours")).json()["markup"]
    addresses = re.findall(r'src="([^"]*)"', markup)
    assert addresses == [
        f"data:image/png;base64,{b64encode(b'little').decode()}",
        "/pictures/small/test/1/image?v=ab",
        "/pictures/small/test/2/image?v=ab",
        "/pictures/small/test/3/image?v=ab",
        "/pictures/large/test/0/image?v=ab",
    ]
    assert "no picture" in markup


@pytest.mark.parametrize(
    "path", ["small/test/-1/image", "small/nowhere/0/image", "small/test/0/other", "small/test/1e3/image"]
)
async def test_an_address_that_names_nothing(client_of, path):
    def asked(request):
        raise AssertionError(f"asked for {request.url}")

    async with _page(client_of(asked)) as page:
        assert "No such image" in (await page.get(f"/inspector/{path}")).json()["markup"]
        for cell in ("x/0", "0/-1", "12345/0"):
            assert (await page.get(f"/inspector/small/test/0/cells/{cell}")).json() == {"markup": ""}


@pytest.mark.parametrize(
    ("multi_label", "words"),
    [(False, "1 of 2 have the same label"), (True, "1 of 2 have a label in common, or likewise none")],
)
def test_what_it_means_that_labels_agree(multi_label, words):
    shared = Agreement(n=2, count=1, share=0.5, expected=0.1)
    for within in (Agreement(1, 1, 1.0, 0.4), Agreement(0, 0, 0.0, 0.4)):
        found = Neighbours("ab", (), same_dataset=shared, same_label=shared, same_label_within=within)
        strip = markup(neighbour_strip(found, Catalogue("m", "ab", ()), {}, multi_label=multi_label))
        assert words in strip
        assert ("1 of 1 within it have" in strip) is (within.n > 0)
