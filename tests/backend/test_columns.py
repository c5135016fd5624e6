"""Columns of the images, over HTTP."""

import io

import numpy as np
import pytest


def _array(answer):
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/x-npy"
    return np.load(io.BytesIO(answer.content), allow_pickle=False)


def _items(client):
    return {item["name"]: item for item in client.get("/v1/columns").json()["items"]}


def test_numbers_come_as_they_are_in_the_index(client, index):
    described = _items(client)["psnr"]
    values = _array(client.get("/v1/columns/psnr"))
    np.testing.assert_array_equal(values, index.images["psnr"].to_numpy())
    assert values.dtype == np.float32
    assert (described["kind"], described["unit"], described["n_missing"]) == ("numeric", "dB", 0)
    assert described["limits"] == [pytest.approx(values.min()), pytest.approx(values.max())]
    assert described["robust_limits"] == pytest.approx(np.percentile(values, (2, 98)).tolist())


def test_words_are_numbered_the_most_numerous_first(client, index):
    for name in ("dataset", "split"):
        described = _items(client)[name]
        values = _array(client.get(f"/v1/columns/{name}"))
        names = [value["name"] for value in described["values"]]
        assert [names[i] for i in values] == index.images[name].to_pylist()
        counts = [value["count"] for value in described["values"]]
        assert counts == np.bincount(values).tolist() == sorted(counts, reverse=True)


def test_a_label_goes_with_its_data_set(client, index):
    described = _items(client)["label"]
    values = _array(client.get("/v1/columns/label"))
    listed = [(value["dataset"], value["label"]) for value in described["values"]]
    expected = zip(index.images["dataset"].to_pylist(), index.images["label"].to_pylist(), strict=True)
    assert [listed[i] for i in values] == list(expected)
    assert len(set(listed)) == described["n_values"]
    assert all(value["name"].startswith(value["dataset"] + " / ") for value in described["values"])


def test_which_images_contain_a_code(client, index):
    code = int(np.asarray(index.codes[0]).flat[0])
    values = _array(client.get(f"/v1/codebook/{code}/presence"))
    np.testing.assert_array_equal(values, (np.asarray(index.codes) == code).any(axis=(1, 2)))
    assert values[0] == 1


@pytest.mark.parametrize("path", ["/v1/columns", "/v1/columns/mae"])
def test_what_is_unchanged_is_sent_once(client, path):
    first = client.get(path)
    again = client.get(path, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert client.get("/v1/columns/psnr").headers["etag"] != first.headers["etag"]


@pytest.mark.parametrize("path", ["/v1/columns/none", "/v1/columns/position", "/v1/codebook/999999/presence"])
def test_what_is_not_there(client, problem, path):
    problem(client.get(path, headers={"If-None-Match": "*"}), 404, "not-found")
