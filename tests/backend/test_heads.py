"""HEAD at every path that can be got: the answer of GET, without its body, over real HTTP."""

import asyncio

import httpx
import pytest
from fastapi import FastAPI

from backend.heads import Heads

PER_ANSWER = ("date", "x-request-id")


def fields(answer: httpx.Response) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name not in PER_ANSWER}


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/health/live",
        "/health/ready",
        "/openapi.json",
        "/v1/datasets",
        "/v1/maps/pca/points",  # which has an ETag
        "/v1/codebook?limit=3",
        "/v1/codebook/atlas/0",  # a picture
        "/v1/codebook/999999",  # 404
        "/v1/samples?limit=none",  # 422
        "/v1/runs",
    ],
)
def test_head_answers_as_get_without_a_body(client, path):
    got, asked = client.get(path), client.head(path)
    assert asked.status_code == got.status_code
    assert (asked.content, len(got.content) > 0) == (b"", True)
    assert asked.headers["content-length"] == str(len(got.content))
    assert fields(asked) == fields(got)


def test_a_connection_goes_on_after_it(client):
    """What was not sent must not be taken for the beginning of the next answer."""
    for _ in range(3):
        assert client.head("/v1/maps/pca/points").status_code == 200
        assert client.get("/health/live").json()


def test_a_known_answer_is_not_sent_again(client):
    tag = client.head("/v1/maps/pca/points").headers["etag"]
    answer = client.head("/v1/maps/pca/points", headers={"If-None-Match": tag})
    assert (answer.status_code, answer.content) == (304, b"")


@pytest.mark.parametrize(("path", "status"), [("/nothing", 404), ("/v1/encode", 405)])
def test_what_cannot_be_got_has_no_head(client, path, status):
    answer = client.head(path)
    assert (answer.status_code, answer.content) == (status, b"")


def test_the_body_is_dropped_before_the_server_would():
    """Which sends none to any HEAD; what stands between would cut it into pieces."""
    app = FastAPI()
    app.get("/things/{name}")(lambda name: {"name": name})
    sent = []

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "method": "HEAD", "path": "/things/a", "query_string": b"", "headers": []}
    asyncio.run(Heads(app, routes=app.routes)(scope, receive, send))
    start, *bodies = sent
    assert start["status"] == 200
    assert (b"content-length", b"12") in start["headers"]
    assert b"".join(message["body"] for message in bodies) == b""
    assert (scope["method"], scope["route"].path) == ("HEAD", "/things/{name}")


def test_it_is_counted_as_what_it_is(client):
    client.head("/v1/maps/pca/points")
    counted = client.get("/metrics").text
    assert 'vqscope_requests_total{method="HEAD",route="/v1/maps/{map}/points",status="200"}' in counted
