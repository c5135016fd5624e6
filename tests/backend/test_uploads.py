"""Uploaded images: right answers for good ones, a clear problem for every bad one."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from backend.pictures import fit
from model.latent.neighbours import nearest
from model.metrics import error_map

PATHS = ("/v1/encode", "/v1/reconstruct", "/v1/project")


def post(client, path, *files, **params):
    return client.post(path, files=[("file", file) for file in files], params=params)


@pytest.fixture(params=["grey", "colour"])
def images(request):
    return request.getfixturevalue(request.param)[:5]


@pytest.fixture
def files(images, png):
    return [(f"image {i}.png", png(image)) for i, image in enumerate(images)]


def test_encode(client, model, images, files):
    answer = post(client, "/v1/encode", *files).json()
    encoding = model.encode(images)
    assert answer["model"] == model.version
    assert [item["filename"] for item in answer["items"]] == [name for name, _ in files]
    assert [item["codes"] for item in answer["items"]] == encoding.codes.tolist()
    for name, values in (
        ("embedding", encoding.embeddings),
        ("quantisation_error", encoding.quantisation_error),
    ):
        got = np.float32([item[name] for item in answer["items"]])
        np.testing.assert_allclose(got, values, rtol=1e-4, atol=1e-5)


def test_reconstructions_come_as_one_array_too(client, model, grey, colour, png):
    def asked(*sent, **params):
        answer = post(
            client, "/v1/reconstruct", *((f"{i}", png(one)) for i, one in enumerate(sent)), **params
        )
        assert answer.headers["content-type"] == "application/x-npy", answer.text
        assert answer.headers["x-vqscope-model"] == model.version
        return np.load(io.BytesIO(answer.content), allow_pickle=False)

    for images in (grey[:3], colour[:3]):
        found = asked(*images, format="npy")
        assert found.dtype == np.uint8
        assert np.abs(found.astype(int) - model.reconstruct(images)).max() <= 1
    mixed = asked(grey[0], colour[0], format="npy")
    assert mixed.shape == (2, 28, 28, 3)
    assert (mixed[0] == mixed[0][..., :1]).all()
    assert np.abs(mixed[0][..., 0].astype(int) - model.reconstruct(grey[:1])[0]).max() <= 1


def test_an_array_holds_no_problems(client, grey, png, problem):
    answer = post(client, "/v1/reconstruct", ("a", png(grey[0])), format="npy", partial=True)
    assert "all or nothing" in problem(answer, 422, "invalid-request")


def test_reconstruct(client, model, images, files, unpng):
    answer = post(client, "/v1/reconstruct", *files).json()
    analysis = model.analyse(images)
    assert answer["model"] == model.version
    maps = error_map(images, analysis.reconstructions)
    for i, item in enumerate(answer["items"]):
        got = unpng(base64.b64decode(item["reconstruction"], validate=True))
        np.testing.assert_array_equal(got, model.reconstruct(images)[i])
        np.testing.assert_array_equal(unpng(base64.b64decode(item["error_map"], validate=True)), maps[i])
        for name in ("psnr", "ssim", "mae"):
            assert item[name] == pytest.approx(getattr(analysis.figures, name)[i], rel=1e-5)


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_project(client, model, index, images, files, metric):
    answer = post(client, "/v1/project", *files, map="pca", k=7, metric=metric).json()
    embeddings = model.encode(images).embeddings
    assert (answer["model"], answer["index"]) == (model.version, index.version)
    places = np.array([[item["x"], item["y"]] for item in answer["items"]])
    np.testing.assert_allclose(places, index.project(embeddings), rtol=1e-4, atol=1e-4)
    rows, distances = nearest(index.embeddings, embeddings, k=7, metric=metric)
    for item, near, far in zip(answer["items"], rows, distances, strict=True):
        got = [index.row(n["dataset"], n["split"], n["position"]) for n in item["neighbours"]]
        assert got == near.tolist()
        assert [n["distance"] for n in item["neighbours"]] == pytest.approx(far.tolist(), rel=1e-3, abs=1e-5)
        labels = np.asarray(index.images["label"])[near].tolist()
        assert [n["label"] for n in item["neighbours"]] == labels


def test_an_image_of_the_index_lands_on_its_own_point(client, index, sample_dir, grey, png):
    name = next(info["name"] for info in index.datasets if info["n_channels"] == 1)
    (item,) = post(client, "/v1/project", ("a.png", png(grey[4])), k=1).json()["items"]
    row = index.row(name, "test", 4)
    np.testing.assert_allclose([item["x"], item["y"]], index.map("pca").coordinates[row], atol=1e-4)
    assert item["neighbours"][0]["distance"] < 1e-5


def test_grey_and_colour_of_any_size_in_one_request(client, model, grey, colour, png):
    large = np.array(Image.fromarray(colour[0]).resize((91, 64)))
    sent = [grey[0], large, grey[1], colour[1]]
    answer = post(client, "/v1/reconstruct", *((f"{i}", png(image)) for i, image in enumerate(sent))).json()
    for image, item in zip(sent, answer["items"], strict=True):
        alone = model.analyse(fit(image, model.image_size)[None])
        assert item["psnr"] == pytest.approx(alone.figures.psnr[0], rel=1e-5)


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_other_formats(client, model, colour, kind):
    buffer = io.BytesIO()
    Image.fromarray(colour[0]).save(buffer, kind)
    with Image.open(buffer) as image:
        decoded = np.array(image)
    (item,) = post(client, "/v1/encode", ("x", buffer.getvalue(), "application/octet-stream")).json()["items"]
    assert item["codes"] == model.encode(decoded[None]).codes[0].tolist()


def test_file_names_come_back_as_they_are(client, grey, png):
    name = "Größe 1 – 心.png"
    (item,) = post(client, "/v1/encode", (name, png(grey[0]))).json()["items"]
    assert item["filename"] == name


@pytest.mark.parametrize("path", PATHS)
def test_not_an_image_is_415(client, path, problem):
    detail = problem(post(client, path, ("a.png", b"no picture at all")), 415, "unsupported-image")
    assert "file 1" in detail


@pytest.mark.parametrize("path", PATHS)
def test_damaged_image_is_422_and_named(client, path, grey, png, problem):
    files = [("good.png", png(grey[0])), ("bad.png", png(grey[1])[:60])]
    assert "file 2" in problem(post(client, path, *files), 422, "unreadable-image")


@pytest.mark.parametrize("path", PATHS)
def test_too_many_pixels_is_422(run_service, make_settings, path, problem, png):
    with run_service(make_settings(pixels=1000)) as service:
        wide = png(np.zeros((1, 1001), np.uint8))
        assert "1,000" in problem(post(service.client, path, ("a.png", wide)), 422, "image-too-large")
        assert post(service.client, path, ("a.png", png(np.zeros((10, 100), np.uint8)))).status_code == 200


def test_too_many_images_is_413(run_service, make_settings, grey, png, problem):
    file = ("a.png", png(grey[0]))
    with run_service(make_settings(images_per_request=3)) as service:
        assert post(service.client, "/v1/encode", *[file] * 3).status_code == 200
        for n in (4, 5, 9):
            problem(post(service.client, "/v1/encode", *[file] * n), 413, "too-many-images")
        assert post(service.client, "/v1/encode", file).status_code == 200


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"GIF89a", "image/gif"),
        (b"PK", "application/zip"),
        (b"file=x", "application/x-www-form-urlencoded"),
    ],
)
def test_other_bodies_are_415(client, path, content, kind, problem):
    answer = client.post(path, content=content, headers={"Content-Type": kind})
    assert "multipart/form-data" in problem(answer, 415, "unsupported-media-type")


def test_no_body_is_415(client, problem):
    problem(client.post("/v1/encode"), 415, "unsupported-media-type")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not multipart",
        b"--b\r\n\r\n\r\n--b--\r\n",
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\ncut short',
        b'--b\r\nContent-Disposition: form-data; name="file"\r\n\r\na text field\r\n--b--\r\n',
        b'--b\r\nContent-Disposition: form-data; name="image"; filename="a.png"\r\n\r\nx\r\n--b--\r\n',
    ],
)
def test_multipart_without_a_file_is_422(client, body, problem):
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    problem(client.post("/v1/encode", content=body, headers=headers), 422, "invalid-request")


def test_multipart_without_boundary_is_422(client, problem):
    headers = {"Content-Type": "multipart/form-data"}
    problem(client.post("/v1/encode", content=b"x", headers=headers), 422, "invalid-request")


@pytest.mark.parametrize(("name", "value"), [("k", 0), ("k", 201), ("k", "x"), ("metric", "manhattan")])
def test_bad_parameters_are_422(client, grey, png, problem, name, value):
    answer = post(client, "/v1/project", ("a.png", png(grey[0])), **{name: value})
    assert name in problem(answer, 422, "invalid-request")


def test_unknown_map_is_404(client, grey, png, problem):
    answer = post(client, "/v1/project", ("a.png", png(grey[0])), map="umap")
    assert "umap" in problem(answer, 404, "not-found")


def test_uploads_stay_in_memory(client, png, monkeypatch):
    """Starlette's own parser would write an upload of this size to the disk."""
    opened = []
    monkeypatch.setattr("starlette.formparsers.SpooledTemporaryFile", lambda **_given: opened.append(1))
    monkeypatch.setattr("tempfile.NamedTemporaryFile", lambda *_given, **_named: opened.append(1))
    monkeypatch.setattr("tempfile.TemporaryFile", lambda *_given, **_named: opened.append(1))
    data = png(np.random.default_rng(0).integers(0, 256, (1024, 1024, 3), np.uint8))
    assert len(data) > 3_000_000
    assert post(client, "/v1/encode", ("a.png", data)).status_code == 200
    assert opened == []


def test_a_body_cut_short_is_not_taken_for_a_whole_one(client, grey, png, problem):
    """The first file is complete, the second is not: answering for the first alone would lose an image."""
    part = (
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n'
        + png(grey[0])
        + b"\r\n"
    )
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    assert client.post("/v1/encode", content=part + b"--b--\r\n", headers=headers).status_code == 200
    for body in (part, part + part[:100], part + part):
        answer = client.post("/v1/encode", content=body, headers=headers)
        assert "cut short" in problem(answer, 422, "invalid-request")


def test_slots_are_given_back(running, grey, png):
    """Good and bad requests, many more than the queue holds one after the other."""
    for i in range(20):
        files = [(f"{n}", png(grey[n]) if i % 2 else b"nothing") for n in range(20)]
        assert post(running.client, "/v1/encode", *files).status_code == (200 if i % 2 else 415)
    assert running.batcher._occupied == 0
