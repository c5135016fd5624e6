import asyncio
import io

import httpx
import numpy as np
import pyarrow as pa
import pytest
import uvicorn

from dashboard.client import KEPT_IDLE, ApiClient
from dashboard.errors import ApiError, ApiRefused, ApiUnavailable, ApiUnreadable
from dashboard.state import Point


def _stream(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        for batch in table.to_batches(max_chunksize=2):
            writer.write_batch(batch)
    return sink.getvalue()


def _table() -> pa.Table:
    return pa.table(
        {
            "x": np.array([0, 1, 2], np.float32),
            "y": np.array([3, 4, 5], np.float32),
            "dataset": pa.array(["b", "a", "b"]).dictionary_encode(),
            "split": pa.array(["test", "train", "test"]).dictionary_encode(),
            "position": np.array([7, 8, 9], np.int32),
            "label": np.array([0, 1, 2], np.int32),
        }
    )


async def test_points_are_read_and_kept_until_they_change(client_of):
    asked = []

    def answer(request):
        asked.append(request.headers.get("if-none-match"))
        if asked[-1] == '"one"':
            return httpx.Response(304, headers={"etag": '"one"'})
        table = _table().replace_schema_metadata({"index": "0123abcd"})
        return httpx.Response(200, content=_stream(table), headers={"etag": '"one"'})

    client = client_of(answer)
    first, second = await client.points("pca"), await client.points("pca")
    assert asked == [None, '"one"']
    assert second is first
    assert [first.names[i] for i in first.dataset] == ["b", "a", "b"]
    assert first.split.tolist() == [2, 0, 2]
    assert first.position.tolist() == [7, 8, 9]
    assert first.x.dtype == np.float32
    assert first.index == "0123abcd"
    await client.aclose()


async def test_a_map_without_points_is_no_error(client_of):
    client = client_of(lambda _: httpx.Response(200, content=_stream(_table().slice(0, 0))))
    points = await client.points("pca")
    assert len(points.x) == len(points.dataset) == len(points.split) == 0
    await client.aclose()


async def test_a_refusal_carries_the_words_of_the_service(client_of):
    problem = {"title": "Not found", "detail": "no image a/test/1", "status": 404}
    client = client_of(lambda _: httpx.Response(404, json=problem))
    with pytest.raises(ApiRefused, match="no image a/test/1") as caught:
        await client.sample(Point("a", "test", 1))
    assert caught.value.status == 404
    await client.aclose()


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_overload_and_failures_are_passing(client_of, status):
    client = client_of(lambda _: httpx.Response(status, text="not even JSON"))
    with pytest.raises(ApiUnavailable, match="cannot answer now"):
        await client.catalogue()
    await client.aclose()


@pytest.mark.parametrize(
    ("error", "words"),
    [(httpx.ConnectError("refused"), "does not answer"), (httpx.ReadTimeout("late"), "too long")],
)
async def test_no_connection_is_unavailable(client_of, error, words):
    def answer(_request):
        raise error

    client = client_of(answer)
    with pytest.raises(ApiUnavailable, match=words):
        await client.maps()
    assert (await client.health()).state == "away"
    await client.aclose()


async def test_a_kept_connection_that_the_service_closes_is_no_outage(monkeypatch):
    """The service closes what was idle for long; that may be the moment at which it is used again."""
    monkeypatch.setattr("dashboard.client.KEPT_IDLE", 60.0)  # however slow the tests are
    asked = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        served = len(asked)
        while head := (await reader.readuntil(b"\r\n\r\n")).split(b" ")[0]:
            asked.append(head)
            if len(asked) > served + 1:  # one answer for each connection
                break
            writer.write(b'HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n{"items": []}')
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    client = ApiClient(f"http://{host}:{port}")
    assert await client.maps() == ()
    assert await client.maps() == ()
    assert asked == [b"GET"] * 3
    with pytest.raises(ApiUnavailable, match="does not answer"):  # might be done twice
        await client.upload("/v1/place", b"", "multipart/form-data", {})
    assert asked == [b"GET"] * 3 + [b"POST"]
    await client.aclose()
    server.close()
    await server.wait_closed()


def test_connections_are_given_up_before_the_service_closes_them():
    assert uvicorn.Config("").timeout_keep_alive / 2 > KEPT_IDLE


@pytest.mark.parametrize(
    "body", [b"<html>", b"[]", b'{"items": 3}', b'{"model": "m", "index": "i", "items": [{}]}']
)
async def test_an_answer_of_another_shape_is_named(client_of, body):
    client = client_of(lambda _: httpx.Response(200, content=body))
    for call in (client.catalogue, lambda: client.ellipses("pca", kind="mean", level=0.9, sigma=3)):
        with pytest.raises(ApiUnreadable, match="version"):
            await call()
    with pytest.raises(ApiError):
        await client.points("pca")
    await client.aclose()


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        (httpx.Response(200, json={"status": "ready", "model": "m@1", "index": "i"}), "ready"),
        (httpx.Response(503, json={"detail": "loading"}), "starting"),
        (httpx.Response(404), "away"),
        (httpx.Response(200, text="something else listens here"), "away"),
    ],
)
async def test_health(client_of, answer, state):
    client = client_of(lambda _: answer)
    assert (await client.health()).state == state
    await client.aclose()


async def test_names_are_quoted_in_paths(client_of):
    asked = []

    def answer(request):
        asked.append(request.url.raw_path)
        return httpx.Response(200, content=b"png", headers={"etag": '"e"', "x-private": "1"})

    client = client_of(answer)
    picture = await client.picture(Point("a b?#%", "test", 3), "image", version="ab12", etag=None)
    assert asked == [b"/v1/samples/a%20b%3F%23%25/test/3/image?v=ab12"]
    assert picture.headers == {"etag": '"e"'}
    await client.aclose()


async def test_the_level_is_sent_as_asked(client_of):
    asked = []

    def answer(request):
        asked.append(dict(request.url.params))
        return httpx.Response(200, json={"items": [], "groups_beyond": 0})

    client = client_of(answer)
    await client.ellipses("pca", kind="sigma", level=0.997, sigma=2.5)
    assert asked == [{"group_by": "dataset", "kind": "sigma", "level": "0.997", "k": "2.5"}]
    await client.aclose()


async def test_the_key_is_sent_and_a_missing_one_told():
    def service(request):
        if request.headers.get("authorization") == "Bearer the-key":
            return httpx.Response(200, json={"items": []})
        return httpx.Response(401, json={"detail": "send an API key"})

    transport = httpx.MockTransport(service)
    assert await ApiClient("http://service.test", key="the-key", transport=transport).maps() == ()
    with pytest.raises(ApiRefused, match="VQSCOPE_API_KEY"):
        await ApiClient("http://service.test", transport=transport).maps()


async def test_a_name_that_no_address_can_hold_is_refused(client_of):
    def answer(request):
        raise AssertionError(f"the service was asked for {request.url}")

    with pytest.raises(ApiRefused, match="too long") as refused:
        await client_of(answer).points("(" * 30_000)
    assert refused.value.status == 414
