"""Every form in which images may come, and every form in which encodings leave."""

import base64
import io

import numpy as np
import pyarrow as pa
import pytest
from jsonschema import Draft202012Validator
from PIL import Image

from backend.pictures import fit
from tests.backend.bad_arrays import npy, wrong_npy

NPY = "application/x-npy"
ARROW = "application/vnd.apache.arrow.stream"
PATHS = ("/v1/encode", "/v1/reconstruct", "/v1/project", "/v1/outliers")


def send(client, content, kind, path="/v1/encode", **given):
    return client.post(
        path, content=content, headers={"Content-Type": kind, **given.pop("headers", {})}, **given
    )


def codes(answer):
    assert answer.status_code == 200, answer.text
    return [item["codes"] for item in answer.json()["items"]]


@pytest.fixture(params=["grey", "colour"])
def images(request):
    return request.getfixturevalue(request.param)[:5]


@pytest.fixture
def expected(model, images):
    return model.encode(images)


def test_json_with_base64(client, images, expected, png):
    answer = client.post(
        "/v1/encode", json={"images": [base64.b64encode(png(one)).decode() for one in images]}
    )
    assert codes(answer) == expected.codes.tolist()
    assert {item["filename"] for item in answer.json()["items"]} == {""}


def test_npy(client, images, expected):
    for array in (images, np.asfortranarray(images), images[:1]):
        assert codes(send(client, npy(array), NPY)) == expected.codes[: len(array)].tolist()


@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
def test_every_version_of_npy(client, images, expected, version):
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, images, version=version)
    assert codes(send(client, buffer.getvalue(), NPY)) == expected.codes.tolist()


def test_npy_of_another_size(client, model, colour):
    large = np.stack([np.array(Image.fromarray(one).resize((91, 64))) for one in colour[:3]])
    fitted = np.stack([fit(one, model.image_size) for one in large])
    assert codes(send(client, npy(large), NPY)) == model.encode(fitted).codes.tolist()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF"])
def test_one_picture_as_the_body(client, model, colour, kind):
    buffer = io.BytesIO()
    Image.fromarray(colour[0]).save(buffer, kind)
    with Image.open(buffer) as image:
        decoded = np.array(image)
    answer = send(client, buffer.getvalue(), f"image/{kind.lower()}")
    assert codes(answer) == model.encode(decoded[None]).codes.tolist()


@pytest.mark.parametrize("path", PATHS)
def test_all_that_takes_images_takes_all_forms(client, path, grey, png):
    data = png(grey[0])
    answers = [
        client.post(path, files=[("file", ("a", data))]),
        client.post(path, json={"images": [base64.b64encode(data).decode()]}),
        send(client, npy(grey[:1]), NPY, path),
        send(client, data, "image/png", path),
    ]
    assert [answer.status_code for answer in answers] == [200] * 4
    items = [answer.json()["items"][0] for answer in answers]
    for item in items:
        item.pop("filename")
        assert item.keys() == items[0].keys()


def test_wrong_npy(running, grey, problem):
    for name, (body, status, kind) in wrong_npy(grey[:5]).items():
        answer = send(running.client, body, NPY)
        assert answer.status_code == status, (name, answer.text)
        problem(answer, status, kind)
    assert running.batcher._occupied == 0


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b'{"images": []}', b'{"images": [""], "x": 1}', b'{"images": ["?"]}', b'{"images": [1]}',
     b'{"images": "AAAA"}', b'{"images": ["\\u00e9"]}', b"[" * 50_000, b"\xff"],
)  # fmt: skip
def test_broken_json_is_422(client, body, problem):
    answer = send(client, body, "application/json")
    if body == b'{"images": [""], "x": 1}':
        assert '"x"' not in answer.text
    problem(answer, 422, "invalid-request")


def test_json_has_limits(run_service, make_settings, grey, png, problem):
    one = base64.b64encode(png(grey[0])).decode()
    with run_service(make_settings(images_per_request=3)) as service:
        post = service.client.post
        assert post("/v1/encode", json={"images": [one] * 3}).status_code == 200
        problem(post("/v1/encode", json={"images": [one] * 4}), 413, "too-many-images")
        problem(post("/v1/encode", json={"images": [1] * 3000}), 413, "too-many-images")
        problem(send(service.client, npy(grey[:4]), NPY), 413, "too-many-images")
        assert service.batcher._occupied == 0


@pytest.mark.parametrize(
    "asked", [{"params": {"format": "npy"}}, {"headers": {"Accept": f"{NPY}, */*;q=0.1"}}]
)
def test_encodings_as_npy(client, model, images, expected, asked):
    answer = send(client, npy(images), NPY, **asked)
    assert (answer.headers["content-type"], answer.headers["x-vqscope-model"]) == (NPY, model.version)
    got = np.load(io.BytesIO(answer.content))
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, expected.embeddings, rtol=1e-4, atol=1e-5)
    params = {**asked.get("params", {}), "part": "codes"}
    got = np.load(io.BytesIO(send(client, npy(images), NPY, **{**asked, "params": params}).content))
    assert got.dtype == np.uint16
    np.testing.assert_array_equal(got, expected.codes)


@pytest.mark.parametrize("asked", [{"params": {"format": "arrow"}}, {"headers": {"Accept": ARROW}}])
def test_encodings_as_arrow(client, model, images, expected, png, asked):
    files = [("file", (f"{i} é.png", png(one))) for i, one in enumerate(images)]
    answer = client.post("/v1/encode", files=files, **asked)
    assert answer.headers["content-type"] == ARROW
    table = pa.ipc.open_stream(answer.content).read_all()
    assert table.column_names == ["filename", "embedding", "codes", "quantisation_error"]
    assert table["filename"].to_pylist() == [name for _, (name, _) in files]
    assert table.schema.field("embedding").type == pa.list_(pa.float32(), model.embedding_dim)
    np.testing.assert_allclose(table["embedding"].to_pylist(), expected.embeddings, rtol=1e-4, atol=1e-5)
    grid = [int(part) for part in table.schema.metadata[b"code_grid"].split(b",")]
    np.testing.assert_array_equal(np.reshape(table["codes"].to_pylist(), (-1, *grid)), expected.codes)
    np.testing.assert_allclose(table["quantisation_error"], expected.quantisation_error, rtol=1e-3)
    assert table.schema.metadata[b"model"].decode() == model.version


def test_codes_go_there_and_back(client, model, grey):
    sent = send(client, npy(grey[:3]), NPY).json()["items"]
    got = client.post(
        "/v1/decode", json={"codes": [item["codes"] for item in sent]}, params={"format": "npy"}
    )
    np.testing.assert_array_equal(
        np.load(io.BytesIO(got.content)), model.decode(model.encode(grey[:3]).codes)
    )


@pytest.mark.parametrize("path", PATHS)
def test_a_batch_may_succeed_in_part(running, path, grey, png, problem):
    good = [png(one) for one in grey[:3]]
    files = [("bad 1", good[0][:60]), ("0", good[0]), ("1", good[1]), ("bad 2", b"none"), ("2", good[2])]
    sent = [("file", file) for file in files]
    whole = running.client.post(path, files=[sent[i] for i in (1, 2, 4)]).json()["items"]
    answer = running.client.post(path, files=sent, params={"partial": True})
    items = answer.json()["items"]
    assert [item["filename"] for item in items] == [name for name, _ in files]
    assert [items[i].keys() for i in (1, 2, 4)] == [item.keys() for item in whole]
    for place, status, kind in ((0, 422, "unreadable-image"), (3, 415, "unsupported-image")):
        told = items[place]["problem"]
        assert (told["status"], told["type"]) == (status, f"urn:vqscope:problem:{kind}")
        assert told["detail"].startswith(f"file {place + 1}: ")
    document = running.client.get("/openapi.json").json()
    content = document["paths"][path]["post"]["responses"]["200"]["content"]["application/json"]
    schema = content["schema"] | {"components": document["components"]}
    Draft202012Validator(schema).validate(answer.json())
    # Not asked for, the first bad one fails the request; an image alone is always all there is.
    problem(running.client.post(path, files=sent), 422, "unreadable-image")
    problem(running.client.post(path, files=sent[3:4], params={"partial": True}), 415, "unsupported-image")
    none = running.client.post(path, files=[sent[0], sent[3]], params={"partial": True})
    assert [item["problem"]["status"] for item in none.json()["items"]] == [422, 415]
    assert running.batcher._occupied == 0


@pytest.mark.parametrize("path", PATHS)
def test_broken_base64_is_one_image_s_problem(running, path, grey, png, problem):
    good = base64.b64encode(png(grey[0])).decode()
    asked = {"images": [good, "!!!", good, "AAAA"]}
    items = running.client.post(path, json=asked, params={"partial": True}).json()["items"]
    assert ["problem" in item for item in items] == [False, True, False, True]
    assert items[1]["problem"]["detail"] == "file 2: its base64 is broken"
    assert items[3]["problem"]["detail"].startswith("file 4: ")
    detail = problem(running.client.post(path, json=asked), 422, "invalid-request")
    assert "file 2: its base64 is broken" in detail


@pytest.mark.parametrize("form", ["npy", "arrow"])
def test_bulk_is_all_or_nothing(client, grey, png, problem, form):
    files = [("file", ("a", png(grey[0]))), ("file", ("b", b"none"))]
    problem(client.post("/v1/encode", files=files, params={"format": form}), 415, "unsupported-image")
    asked = {"format": form, "partial": True}
    assert "partial" in problem(client.post("/v1/encode", files=files, params=asked), 422, "invalid-request")
