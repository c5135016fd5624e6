"""Verdicts on uploads and the separation of classes over HTTP, against the model layer asked directly."""

import io

import numpy as np
import pytest

from model.data.arrays import open_split
from model.data.sizing import fit
from model.latent.class_separation import class_separation
from model.latent.index import open_index
from model.latent.outlier_fitting import fit_outliers
from model.latent.outliers import LatentImages
from model.latent.typicality import MEASURES

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def detector(index):
    return fit_outliers(index)


def files(png, images):
    return [("file", (f"{i}.png", png(image), "image/png")) for i, image in enumerate(images)]


def test_verdicts_are_those_of_the_detector(client, index, model, detector, grey, png):
    answer = client.post("/v1/outliers", files=files(png, grey[:3])).json()
    assert (answer["index"], answer["image_sizes"], answer["skipped"]) == (index.version, [28], {})
    for item, expected in zip(
        answer["items"], detector.judge(LatentImages.of(model.analyse(grey[:3]))), strict=True
    ):
        assert item["most_like"] == expected.most_like
        assert item["overall"]["words"] == expected.overall.words
        assert item["overall"]["combined"]["value"] == pytest.approx(
            expected.overall.combined.value, rel=1e-3
        )
        assert item["overall"]["measures"].keys() == set(MEASURES)
        assert [v["reference"] for v in item["datasets"]] == [v.reference for v in expected.datasets]
        for told, verdict in zip(item["datasets"], expected.datasets, strict=True):
            assert told["n"] == verdict.n
            assert told["resolution"] == pytest.approx(1 / (verdict.n + 1))
            assert told["combined"]["more_unusual_than"] == pytest.approx(
                verdict.combined.more_unusual_than, abs=2 / verdict.n
            )


def test_a_place_on_a_map_comes_with_them_where_asked_for(client, grey, colour, png):
    sent = files(png, [grey[0], colour[1]])
    sent.insert(1, ("file", ("bad.png", b"no image")))
    alone = client.post("/v1/outliers", files=sent, params={"partial": True}).json()["items"]
    places = client.post("/v1/project", files=sent, params={"partial": True}).json()["items"]
    both = client.post("/v1/project", files=sent, params={"partial": True, "outliers": True}).json()["items"]
    assert "problem" in both[1]
    for number in (0, 2):
        assert places[number]["outlier"] is None
        told = both[number].pop("outlier")
        assert told["most_like"] == alone[number]["most_like"]
        for verdict, expected in zip(
            [told["overall"], *told["datasets"]],
            [alone[number]["overall"], *alone[number]["datasets"]],
            strict=True,
        ):
            assert verdict["reference"] == expected["reference"]
            assert verdict["combined"]["value"] == pytest.approx(expected["combined"]["value"], rel=1e-3)
        assert both[number]["x"] == pytest.approx(places[number]["x"], abs=1e-4)
        names = [[one["position"] for one in item["neighbours"]] for item in (both[number], places[number])]
        assert names[0] == names[1]


def test_the_column_of_all_images(client, index):
    answer = client.get("/v1/outliers/percentiles")
    assert answer.headers["content-type"] == "application/x-npy"
    column = np.load(io.BytesIO(answer.content), allow_pickle=False)
    assert (column.dtype, column.shape) == (np.float32, (index.n,))
    for block in index.blocks:
        assert np.isnan(column[block.start : block.stop]).all() == (block.split != "test")
    block = next(block for block in index.blocks if block.split == "test")
    told = client.get(f"/v1/samples/{block.dataset}/test/1/outlier").json()["overall"]["combined"]
    assert column[block.start + 1] == pytest.approx(100 * told["more_unusual_than"], abs=0.2)


def test_noise_of_another_size_is_an_outlier(client, png):
    grains = np.random.default_rng(0).integers(0, 256, (28, 28, 3), dtype=np.uint8)
    noise = grains.repeat(10, axis=0).repeat(10, axis=1)  # its grains outlast the way to 28 pixels
    checks = np.kron(np.indices((7, 7)).sum(0) % 2, np.full((4, 4), 255)).astype(np.uint8)
    answer = client.post("/v1/outliers", files=files(png, [noise, checks])).json()
    for item in answer["items"]:
        assert item["overall"]["combined"]["more_unusual_than"] > 0.99


def test_each_data_set_judges_at_the_size_of_its_images(run_service, make_settings, mixed_dir, model, png):
    images = np.array(open_split("large", "test", data_dir=mixed_dir).images[:6])
    detector = fit_outliers(open_index(mixed_dir / "index", model))
    expected = detector.judge(
        {
            size: LatentImages.of(model.analyse(np.stack([fit(image, size) for image in images])))
            for size in (28, 56)
        }
    )
    bad = [("file", ("bad.png", b"no image", "image/png"))]
    with run_service(make_settings(index=mixed_dir / "index", data_dir=mixed_dir)) as service:
        sent = files(png, images[:3]) + bad + files(png, images[3:])
        answer = service.client.post("/v1/outliers", params={"partial": True}, files=sent).json()
    assert answer["image_sizes"] == [28, 56]
    assert answer["items"].pop(3)["problem"]["status"] == 415
    for item, judgement in zip(answer["items"], expected, strict=True):
        assert item["most_like"] == judgement.most_like
        for told, verdict in zip(item["datasets"], judgement.datasets, strict=True):
            assert told["reference"] == verdict.reference
            assert told["combined"]["value"] == pytest.approx(verdict.combined.value, rel=1e-3)


def test_some_data_sets_only(client, detector, colour, png, problem):
    name = detector.references[0].name
    answer = client.post("/v1/outliers", params={"dataset": name}, files=files(png, colour[:1])).json()
    assert [verdict["reference"] for verdict in answer["items"][0]["datasets"]] == [name]
    wrong = client.post("/v1/outliers", params={"dataset": "x"}, files=files(png, colour[:1]))
    assert "no data set 'x'" in problem(wrong, 404, "not-found")


def test_uploads_are_bounded_as_all_are(client, png, grey, problem):
    problem(client.post("/v1/outliers", content=b"x"), 415, "unsupported-media-type")
    broken = client.post("/v1/outliers", files=[("file", ("a.png", png(grey[0])[:60], "image/png"))])
    assert broken.status_code in (415, 422)
    problem(client.post("/v1/outliers", files=files(png, [grey[0]] * 65)), 413, "too-many-images")


def test_separation_is_that_of_the_index(client, index, problem):
    name = index.datasets[0]["name"]
    answer = client.get(f"/v1/separation/{name}").json()
    expected = class_separation(index, name)
    if "not_computed" in expected:
        assert answer["figures"] is None
        assert answer["not_computed"] == expected["not_computed"]
    else:
        assert answer["figures"]["knn"]["accuracy"] == expected["knn"]["accuracy"]
    problem(client.get("/v1/separation/none"), 404, "not-found")


def test_separation_of_classes_with_intervals(client, index):
    found = [
        answer["figures"]
        for d in index.datasets
        if (answer := client.get(f"/v1/separation/{d['name']}").json())["figures"]
    ]
    assert found
    for figures in found:
        for probe in (figures["linear"], figures["knn"]):
            low, high = probe["accuracy_interval"]
            assert low <= probe["accuracy"] <= high
        assert figures["sampled"]["train"]["drawn"] == figures["n_train"]
