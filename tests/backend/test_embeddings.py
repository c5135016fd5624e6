"""Embeddings in OpenAI's shapes: asked with OpenAI's own client, over HTTP."""

import base64

import httpx
import numpy as np
import openai
import pytest


def url(data: bytes, kind: str = "image/png") -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


@pytest.fixture
def asking(running):
    with openai.OpenAI(
        base_url=f"http://127.0.0.1:{running.port}/v1",
        api_key="none",
        max_retries=0,
        http_client=httpx.Client(trust_env=False),
    ) as client:
        yield client


@pytest.fixture(params=["grey", "colour"])
def pictures(request, png):
    return [png(image) for image in request.getfixturevalue(request.param)[:3]]


def test_the_openai_client_works_unchanged(asking, client, model, pictures):
    files = [("file", (f"{i}.png", data)) for i, data in enumerate(pictures)]
    encoded = client.post("/v1/encode", files=files).json()["items"]
    expected = np.float32([item["embedding"] for item in encoded])
    urls = [url(data) for data in pictures]
    for name in (model.name, model.version):
        for given in ({}, {"encoding_format": "float"}):  # by itself this client asks for base64
            answer = asking.embeddings.create(input=urls, model=name, **given)
            assert [item.index for item in answer.data] == [0, 1, 2]
            got = np.float32([item.embedding for item in answer.data])
            np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-6)
            assert answer.model == model.version
            assert answer.usage.prompt_tokens == answer.usage.total_tokens == 3 * np.prod(model.code_grid)
    one = asking.embeddings.create(input=urls[1], model=model.name)
    np.testing.assert_allclose(one.data[0].embedding, expected[1], rtol=1e-5, atol=1e-6)


def test_base64_is_little_endian_float32(client, model, pictures):
    def ask(how):
        body = {"input": url(pictures[0]), "model": model.name, "encoding_format": how}
        return client.post("/v1/embeddings", json=body).json()["data"][0]["embedding"]

    raw = np.frombuffer(base64.b64decode(ask("base64"), validate=True), "<f4")
    np.testing.assert_allclose(raw, ask("float"), rtol=1e-5, atol=1e-6)


def test_the_openai_client_can_read_a_problem(asking, model):
    with pytest.raises(openai.UnprocessableEntityError) as caught:
        asking.embeddings.create(input="http://127.0.0.1/scan.png", model=model.name)
    assert "not fetched" in caught.value.body["detail"]
    with pytest.raises(openai.NotFoundError) as missing:
        asking.embeddings.create(input=url(b"x"), model="another")
    assert model.name in missing.value.body["detail"]


@pytest.mark.parametrize(
    "wrong",
    [
        "file:///etc/passwd",
        "https://example.org/a.png",
        "data:text/plain;base64,AAAA",
        "data:image/png;base64,?",
    ],
)
def test_no_other_url_is_taken(client, model, wrong, problem):
    answer = client.post("/v1/embeddings", json={"input": [wrong], "model": model.name})
    assert wrong not in problem(answer, 422, "invalid-request")


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'{"input": []}', b'{"input": 3, "model": "x"}', b"[" * 100_000, b"\xff"]
)
def test_a_broken_question_is_422(client, body, problem):
    problem(
        client.post("/v1/embeddings", content=body, headers={"Content-Type": "application/json"}),
        422,
        "invalid-request",
    )


def test_bad_images(running, model, pictures, problem):
    def ask(*urls):
        return running.client.post("/v1/embeddings", json={"input": list(urls), "model": model.name})

    problem(ask(url(b"no picture")), 415, "unsupported-image")
    assert "file 2" in problem(ask(url(pictures[0]), url(pictures[0][:60])), 422, "unreadable-image")
    problem(running.client.post("/v1/embeddings", content=b"x"), 415, "unsupported-media-type")
    assert running.batcher._occupied == 0


def test_limits(run_service, make_settings, model, grey, png, problem):
    with run_service(make_settings(images_per_request=3, pixels=1000, body_bytes=20_000)) as service:

        def ask(given):
            return service.client.post("/v1/embeddings", json={"input": given, "model": model.name})

        small = url(png(grey[0]))
        assert ask([small] * 3).status_code == 200
        problem(ask([small] * 4), 413, "too-many-images")
        problem(ask([1] * 3000), 413, "too-many-images")
        problem(ask(["x" * 30_000]), 413, "body-too-large")
        problem(ask(url(png(np.zeros((1, 1001), np.uint8)))), 422, "image-too-large")
        assert service.batcher._occupied == 0
