import httpx
import pytest
from fastapi import FastAPI

from dashboard.headers import SecurityHeaders
from dashboard.routes import add_routes


def _page(client) -> httpx.AsyncClient:
    server = FastAPI()
    add_routes(server, client)
    server.add_middleware(SecurityHeaders)
    return httpx.AsyncClient(transport=httpx.ASGITransport(server), base_url="http://dashboard.test")


async def test_a_picture_passes_through_with_its_cache_headers(client_of):
    headers = {
        "etag": '"abc"',
        "cache-control": "public, max-age=31536000, immutable",
        "content-type": "image/png",
    }

    def answer(request):
        assert request.url.params["v"] == "0123abcd"
        if request.headers.get("if-none-match") == '"abc"':
            return httpx.Response(304, headers=headers)
        return httpx.Response(200, content=b"\x89PNG...", headers=headers)

    async with _page(client_of(answer)) as page:
        found = await page.get("/pictures/set/test/3/error?v=0123abcd")
        assert (found.status_code, found.content) == (200, b"\x89PNG...")
        assert {key: found.headers[key] for key in headers} == headers
        assert found.headers["x-content-type-options"] == "nosniff"
        again = await page.get("/pictures/set/test/3/error?v=0123abcd", headers={"If-None-Match": '"abc"'})
        assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/pictures/set/test/3/secret", 404),
        ("/pictures/set/elsewhere/3/image", 404),
        ("/pictures/set/test/-3/image", 404),
        ("/pictures/set/test/3x/image", 404),
        ("/pictures/%2e%2e/test/3/image", 404),
        ("/pictures/a%5Cb/test/3/image", 404),
        ("/pictures/a%0Ab/test/3/image", 404),
        ("/pictures/set/test/3/image?v=../../x", 422),
    ],
)
async def test_what_is_no_picture_never_reaches_the_service(client_of, path, status):
    def answer(request):
        raise AssertionError(f"the service was asked for {request.url}")

    async with _page(client_of(answer)) as page:
        found = await page.get(path)
    assert found.status_code == status
    assert found.headers["content-type"] == "application/problem+json"


async def test_failures_of_the_service_are_told(client_of):
    def away(_request):
        raise httpx.ConnectError("refused")

    async with _page(client_of(away)) as page:
        assert (await page.get("/pictures/set/test/3/image")).status_code == 503
        health = await page.get("/health")
    assert health.status_code == 200
    assert health.json() == {"status": "live", "api": {"state": "away", "model": None, "index": None}}
    async with _page(client_of(lambda _: httpx.Response(404, json={"detail": "no such image"}))) as page:
        missing = await page.get("/pictures/set/test/3/image")
    assert (missing.status_code, missing.json()["detail"]) == (404, "no such image")
