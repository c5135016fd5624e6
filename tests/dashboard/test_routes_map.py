import io
from dataclasses import replace

import httpx
import numpy as np
import pytest
from fastapi import FastAPI

from dashboard.routes_map import add_map_routes

SELECTED = "map=pca&on=a&sel=0,0,1,0,1,1"


def _page(client) -> httpx.AsyncClient:
    server = FastAPI()
    add_map_routes(server, client)
    return httpx.AsyncClient(transport=httpx.ASGITransport(server), base_url="http://dashboard.test")


async def test_a_column_passes_through_with_its_cache_headers(client_of):
    def answer(request):
        assert request.url.path in {"/v1/columns/psnr", "/v1/codebook/17/presence"}
        headers = {"etag": '"abc"', "cache-control": "private, no-cache", "content-type": "application/x-npy"}
        if request.headers.get("if-none-match") == '"abc"':
            return httpx.Response(304, headers=headers)
        return httpx.Response(200, content=b"\x93NUMPY", headers=headers)

    async with _page(client_of(answer)) as page:
        for path in ("/columns/psnr?v=1", "/presence/17"):
            found = await page.get(path)
            assert (found.status_code, found.content) == (200, b"\x93NUMPY")
            assert found.headers["etag"] == '"abc"'
            again = await page.get(path, headers={"If-None-Match": '"abc"'})
            assert (again.status_code, again.content) == (304, b"")


async def test_a_selection_is_a_file(client_of):
    def answer(request):
        assert request.url.path == "/v1/selections/rows"
        assert request.url.params["format"] == "csv"
        assert request.read() == (b'{"map":"pca","polygon":[[0.0,0.0],[1.0,0.0],[1.0,1.0]],"datasets":["a"]}')
        return httpx.Response(200, content=b"dataset\na\n")

    async with _page(client_of(answer)) as page:
        found = await page.get(f"/exports/csv?{SELECTED}")
    assert (found.status_code, found.text) == (200, "dataset\na\n")
    assert found.headers["content-disposition"] == 'attachment; filename="selection.csv"'


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/columns/a%2Fb", 404),
        ("/columns/..", 404),
        ("/columns/1", 404),
        ("/presence/x", 404),
        ("/presence/-1", 404),
        (f"/exports/exe?{SELECTED}", 404),
        ("/exports/csv", 422),
        ("/exports/csv?on=a&sel=1,2", 422),
        ("/exports/csv?on=&sel=0,0,1,0,1,1", 422),
    ],
)
async def test_what_makes_no_sense_never_reaches_the_service(client_of, path, status):
    def answer(request):
        raise AssertionError(f"the service was asked for {request.url}")

    async with _page(client_of(answer)) as page:
        assert (await page.get(path)).status_code == status


async def test_a_refusal_is_passed_on(client_of):
    body = {"detail": "this index has no map 'x'"}
    async with _page(client_of(lambda _: httpx.Response(404, json=body))) as page:
        for path in (f"/exports/csv?{SELECTED}", "/columns/psnr"):
            found = await page.get(path)
            assert (found.status_code, found.json()["detail"]) == (404, body["detail"])
    async with _page(client_of(lambda _: httpx.Response(503, json={}))) as page:
        assert (await page.get(f"/exports/npy?{SELECTED}")).status_code == 404
        assert (await page.get(f"/exports/codes?{SELECTED}")).status_code == 503


async def test_which_images_a_selection_holds(client_of):
    def answer(request):
        assert (request.method, request.url.path) == ("POST", "/v1/selections/mask")
        assert request.read() == b'{"map":"pca","polygon":[[0.0,0.0],[1.0,0.0],[1.0,1.0]],"datasets":[]}'
        return httpx.Response(200, content=b"a mask", headers={"content-type": "application/x-npy"})

    async with _page(client_of(answer)) as page:
        found = await page.get("/inside?map=pca&sel=0,0,1,0,1,1")
        assert (found.status_code, found.content) == (200, b"a mask")
        assert (await page.get("/inside?map=pca&sel=0,0")).status_code == 422


async def test_preservation_is_that_of_the_map(client_of, points):
    kept = np.linspace(0, 1, len(points.x), dtype=np.float32)
    measured = {"pca": replace(points, preservation=kept), "umap": points}

    class Client:
        async def points(self, name):
            return measured[name]

    async with _page(Client()) as page:
        found = await page.get("/preservation/pca")
        np.testing.assert_array_equal(np.load(io.BytesIO(found.content), allow_pickle=False), kept)
        missing = await page.get("/preservation/umap")
        assert missing.status_code == 404
        assert "not measured" in missing.json()["detail"]


async def test_points_in_space_have_a_column_more(points):
    points = replace(points, z=np.arange(len(points.x), dtype=np.float32))

    class Client:
        async def points(self, name):
            return points

    async with _page(Client()) as page:
        found = await page.get("/points/space")
    assert found.headers["x-vqscope-dimensions"] == "3"
    sent = np.frombuffer(found.content, "<f4").reshape(4, -1)
    for column, expected in zip(sent, (points.x, points.y, points.z), strict=False):
        np.testing.assert_array_equal(column, expected)
    np.testing.assert_array_equal(sent[3].view("<i4"), points.label)


async def test_points_are_columns_of_bytes_in_the_order_of_the_index(client_of, points):
    masks = np.array([-1, 0, 1, 1 << 30, (1 << 31) - 1], np.int32)  # of 31 classes
    points = replace(points, label=np.resize(masks, len(points.x)), index="0123abcd")

    class Client:
        async def points(self, name):
            assert name == "a map"
            return points

    async with _page(Client()) as page:
        found = await page.get("/points/a%20map?v=0123abcd")
        other = await page.get("/points/a%20map?v=4567cdef")
    assert other.status_code == 409  # its rows are other images
    assert "index has just changed" in other.json()["detail"]
    assert (found.status_code, found.headers["content-type"]) == (200, "application/octet-stream")
    assert found.headers["cache-control"] == "no-store"
    assert found.headers["x-vqscope-dimensions"] == "2"
    n = len(points.x)
    assert len(found.content) == 12 * n
    for k, (column, kind) in enumerate(((points.x, "<f4"), (points.y, "<f4"), (points.label, "<i4"))):
        sent = np.frombuffer(found.content, kind, count=n, offset=4 * n * k)
        np.testing.assert_array_equal(sent, column)


@pytest.mark.parametrize("path", ["/points/x", "/preservation/x"])
async def test_a_map_that_cannot_be_had_is_told_with_its_reason(client_of, path):
    body = {"detail": "this index has no map 'x'"}
    async with _page(client_of(lambda _: httpx.Response(404, json=body))) as page:
        found = await page.get(path)
        assert (found.status_code, found.json()["detail"]) == (404, body["detail"])
    async with _page(client_of(lambda _: httpx.Response(503, json={}))) as page:
        found = await page.get(path)
        assert found.status_code == 503
        assert found.json()["detail"]
