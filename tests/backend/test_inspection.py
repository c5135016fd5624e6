"""One image at a closer look, over HTTP."""

import numpy as np
import pytest

from model.data.arrays import open_split


@pytest.fixture(scope="module")
def name(index):
    return index.datasets[0]["name"]


def test_cells_know_their_code_its_distance_and_the_second(client, index, model, sample_dir, name):
    answer = client.get(f"/v1/samples/{name}/test/2/cells").json()
    image = np.array(open_split(name, "test", data_dir=sample_dir).images[2:3])
    codes, errors = model.cell_errors(image)
    grid = index.codes[index.row(name, "test", 2)]
    assert len(answer["items"]) == grid.size
    for item in answer["items"]:
        at = item["row"], item["column"]
        assert item["code"] == grid[at] == codes[0][at]
        assert item["distance"] == pytest.approx(float(errors[0][at]), rel=1e-3, abs=1e-5)
        assert item["second"] != item["code"]
        assert item["margin"] == pytest.approx(item["second_distance"] - item["distance"])
        assert item["margin"] >= 0


def test_nearest_codes_are_the_nearest(model, sample_dir, name):
    images = np.array(open_split(name, "test", data_dir=sample_dir).images[:3])
    codes, distances = model.nearest_codes(images, k=4)
    assert codes.shape == distances.shape == (3, *model.code_grid, 4)
    assert (np.diff(distances, axis=-1) >= 0).all()
    np.testing.assert_array_equal(codes[..., 0], model.cell_errors(images)[0])
    assert (codes[..., 0] != codes[..., 1]).all()


def test_test_images_are_judged_as_uploads_are(client, png, sample_dir, name):
    found = client.get(f"/v1/samples/{name}/test/1/outlier").json()
    image = np.array(open_split(name, "test", data_dir=sample_dir).images[1])
    files = [("file", ("one.png", png(image), "image/png"))]
    uploaded = client.post("/v1/outliers", files=files).json()["items"][0]
    assert found["most_like"] == uploaded["most_like"]
    for key in ("n", "words", "resolution"):
        assert found["overall"][key] == uploaded["overall"][key]
    own = [verdict for verdict in uploaded["datasets"] if verdict["reference"] == name]
    assert (found["own"] is None) == (not own)
    if own:
        assert found["own"]["words"] == own[0]["words"]


def test_images_that_others_are_judged_by_are_not_judged(client, problem, name):
    detail = problem(client.get(f"/v1/samples/{name}/train/0/outlier"), 422, "invalid-request")
    assert "test images" in detail


def test_what_is_not_there(client, problem, name):
    for path in ("cells", "outlier"):
        problem(client.get(f"/v1/samples/none/test/0/{path}"), 404, "not-found")
        problem(client.get(f"/v1/samples/{name}/test/999999/{path}"), 404, "not-found")
