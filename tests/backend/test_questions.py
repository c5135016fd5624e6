"""Bodies in JSON that ask for too much, or for what there is not: refused in few words, none of them the client's."""

import json
import socket

import pytest

from backend.questions import SHORT_BYTES, SHORT_VALUES

SHORT = (
    "/v1/selections",
    "/v1/selections/rows",
    "/v1/selections/mask",
    "/v1/maps/pca/ellipses",
    "/v1/maps/pca/ellipses/overlap",
    "/v1/maps",
)
"""Routes whose questions carry neither arrays nor pictures."""
OTHERS = ("/v1/encode", "/v1/decode", "/v1/decode/path", "/v1/embeddings")
JSON = {"Content-Type": "application/json"}


def unknown_keys(count, value="0"):
    return ("{" + ",".join(f'"mine{i}":{value}' for i in range(count)) + "}").encode()


def test_these_are_all_that_read_json(client):
    """And each says what may become of a body."""
    paths = client.get("/openapi.json").json()["paths"]
    reading = {
        path.replace("{map}", "pca"): methods["post"]
        for path, methods in paths.items()
        if "application/json" in methods.get("post", {}).get("requestBody", {}).get("content", {})
    }
    assert reading.keys() - {"/v1/reconstruct", "/v1/project", "/v1/outliers"} == {*SHORT, *OTHERS}
    for path, operation in reading.items():
        assert {"408", "413", "415", "422", "429"} <= operation["responses"].keys(), path
        assert operation["requestBody"]["content"]["application/json"]["schema"]["properties"], path


@pytest.mark.parametrize("path", SHORT)
def test_a_large_body_is_refused_before_it_comes(running, path):
    """Far below what an upload may have."""
    request = (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        f"Content-Length: {SHORT_BYTES + 1}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", running.port), timeout=30) as connection:
        connection.sendall(request.encode())
        answer = connection.makefile("rb").read()
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"urn:vqscope:problem:body-too-large" in answer


@pytest.mark.parametrize("path", SHORT)
def test_one_of_no_announced_length_is_counted(client, problem, path):
    pieces = iter([b" " * 1024] * (SHORT_BYTES // 1024) + [b"{}"])
    problem(client.post(path, content=pieces, headers=JSON), 413, "body-too-large")


@pytest.mark.parametrize("path", SHORT)
@pytest.mark.parametrize("body", [b"[" + b"0," * SHORT_VALUES + b"0,0]", unknown_keys(SHORT_VALUES + 2)])
def test_many_values_are_too_many(client, problem, path, body):
    assert f"{SHORT_VALUES:,} values" in problem(
        client.post(path, content=body, headers=JSON), 413, "body-too-large"
    )


@pytest.mark.parametrize("path", SHORT)
@pytest.mark.parametrize(
    "body",
    [
        unknown_keys(SHORT_VALUES),
        unknown_keys(500, '{"mine":["mine"]}'),
        b'{"mine":' * 20_000 + b"0" + b"}" * 20_000,
        b"[" * 200_000,
        b'{"polygon": [' + b'["mine", 0],' * 2000 + b'[0, "mine"]]}',
        b'{"where": [' + b'{"mine": 0},' * 2000 + b"0]}",
        b'{"parameters": {"' + b"mine" * 100 + b'": []}}',
    ],
)
def test_what_is_wrong_is_told_shortly_and_in_our_words(client, problem, path, body):
    answer = client.post(path, content=body, headers=JSON)
    problem(answer, 422, "invalid-request")
    assert "mine" not in answer.text
    assert len(answer.content) < 2000


@pytest.mark.parametrize("path", OTHERS)
def test_so_it_is_where_arrays_and_pictures_are_taken(client, path):
    answer = client.post(path, content=unknown_keys(60), headers=JSON)
    assert answer.status_code == 422
    assert "mine" not in answer.text
    assert len(answer.content) < 2000


def test_a_query_of_many_faults_is_told_shortly(client, problem):
    answer = client.get("/v1/maps/pca/ellipses", params={"edge": ["mine"] * 150})
    assert "and 140 more" in problem(answer, 422, "invalid-request")
    assert "mine" not in answer.text


def test_the_place_of_a_fault_is_told(client, problem):
    body = {"polygon": [[0, 0], [1, 0], [0, "x"]], "limit": 900, "unknown": 1}
    detail = problem(client.post("/v1/selections", json=body), 422, "invalid-request")
    assert "polygon 2 1: " in detail
    assert "limit: " in detail
    assert "a field unknown here: " in detail


@pytest.mark.parametrize("path", SHORT)
def test_only_what_is_said_to_be_json_is_read(client, problem, path):
    """What a page of another origin may send unasked is not."""
    answer = client.post(path, content=b"{}", headers={"Content-Type": "text/plain"})
    problem(answer, 415, "unsupported-media-type")


def test_the_largest_question_is_taken(client):
    """Written as wide as programs write it."""
    body = {
        "polygon": [[-12345.678901234567, 1.2345678901234567e-05]] * 2000,
        "datasets": [],
        "splits": ["train", "val", "test"],
    }
    answer = client.post("/v1/selections", content=json.dumps(body, indent=2), headers=JSON)
    assert answer.status_code == 200, answer.text
