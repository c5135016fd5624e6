import httpx
import pytest
from fastapi import FastAPI

from dashboard.app import create_app
from dashboard.headers import SecurityHeaders
from dashboard.routes import add_routes
from dashboard.settings import DashboardSettings


def _page(client) -> httpx.AsyncClient:
    server = FastAPI()
    add_routes(server, client)
    server.add_middleware(SecurityHeaders)
    return httpx.AsyncClient(transport=httpx.ASGITransport(server), base_url="http://dashboard.test")


async def test_a_picture_passes_through_with_its_cache_headers(client_of):
    headers = {
        "etag": '"abc"',
        "cache-control": "private, max-age=31536000, immutable",
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


HERE = ("localhost", "LOCALHOST:9000", "127.0.0.1", "127.0.0.1:8050", "[::1]", "[::1]:8050")
ELSEWHERE = (
    "evil.example",
    "evil.example:8050",
    "127.0.0.1.evil.example",
    "localhost.evil.example:8050",
    "192.168.1.7:8050",
    "[2001:db8::1]",
    "[::1].evil.example",
    "127.0.0.1:8050@evil.example",
    "",
)


def _dashboard(bound: str, names: frozenset[str] = frozenset()) -> httpx.AsyncClient:
    app = create_app(DashboardSettings(api_url="http://127.0.0.1:9", host=bound, allowed_hosts=names))
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1:8050")


async def _status_by_host(
    bound: str, hosts: tuple[str, ...], names: frozenset[str] = frozenset()
) -> dict[str, int]:
    async with _dashboard(bound, names) as page:
        return {host: (await page.get("/health", headers={"Host": host})).status_code for host in hosts}


@pytest.mark.parametrize("bound", ["127.0.0.1", "localhost", "::1"])
async def test_another_name_for_this_machine_reads_nothing(bound):
    found = await _status_by_host(bound, (*HERE, *ELSEWHERE))
    assert found == dict.fromkeys(HERE, 200) | dict.fromkeys(ELSEWHERE, 421)


async def test_a_refused_host_gets_no_page_and_is_told_why():
    async with _dashboard("127.0.0.1") as page:
        for path in ("/", "/_dash-layout", "/pictures/a/test/1/image", "/assets/map.js"):
            refused = await page.get(path, headers={"Host": "evil.example"})
            assert refused.status_code == 421, path
            assert refused.headers["content-type"] == "application/problem+json"
            assert refused.headers["x-content-type-options"] == "nosniff"
            assert "localhost" in refused.json()["detail"]


@pytest.mark.parametrize("bound", ["0.0.0.0", "127.0.0.1"])
async def test_names_can_be_told_wherever_it_listens(bound):
    names = frozenset({"Scope.hospital.example", "[2001:db8::1]"})
    ours = ("scope.hospital.example:8050", "[2001:db8::1]", "localhost:8050", "127.0.0.1")
    found = await _status_by_host(bound, (*ours, *ELSEWHERE[:5]), names)
    assert found == dict.fromkeys(ours, 200) | dict.fromkeys(ELSEWHERE[:5], 421)
    assert await _status_by_host(bound, ELSEWHERE[:5], frozenset({"*"})) == dict.fromkeys(ELSEWHERE[:5], 200)


@pytest.mark.parametrize("bound", ["0.0.0.0", "::", ""])
async def test_who_listens_to_all_may_be_called_anything(bound):
    hosts = ("127.0.0.1:8050", "vqscope.hospital.example", "192.168.1.7:8050")
    assert await _status_by_host(bound, hosts) == dict.fromkeys(hosts, 200)


async def test_a_body_of_two_lengths_is_refused_and_its_connection_closed():
    """A proxy in front might take the other one."""
    server = create_app(DashboardSettings(api_url="http://127.0.0.1:9"))
    headers = {"Transfer-Encoding": "chunked", "Content-Length": "4"}
    transport = httpx.ASGITransport(server)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as page:
        found = await page.post("/health", content=b"0\r\n\r\n", headers=headers)
        assert (found.status_code, found.headers["connection"]) == (400, "close")
        assert "Transfer-Encoding" in found.json()["detail"]
        assert (await page.post("/health", content=b"one")).status_code == 405
