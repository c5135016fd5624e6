"""Distributions over HTTP, against the index and against the lists of the same images."""

import numpy as np
import pytest

pytestmark = pytest.mark.integration
URL = "/v1/samples/distributions"


def test_they_count_the_images_that_samples_lists(client, index):
    info = max(index.datasets, key=lambda info: len(info["labels"]))
    label = next(label for label, n in info["class_counts"]["test"].items() if n)
    asked = {"dataset": info["name"], "split": "test", "label": label}
    listed = client.get("/v1/samples", params={**asked, "limit": 200}).json()
    answer = client.get(URL, params={**asked, "bins": 7}).json()
    assert answer["index"] == index.version
    assert answer["n"] == listed["total"] == len(listed["items"])
    assert list(answer["figures"]) == ["psnr", "ssim", "mae", "quantisation_error"]
    for name, found in answer["figures"].items():
        values = np.array([item[name] for item in listed["items"]])
        assert (found["low"], found["high"]) == pytest.approx((values.min(), values.max()))
        assert len(found["counts"]) == 7
        assert sum(found["counts"]) == answer["n"]
        assert found["summary"]["mean"] == pytest.approx(values.mean())
        assert found["summary"]["quartiles"] == pytest.approx(np.percentile(values, (25, 50, 75)))
        # Values on an edge may fall to either side once they went through text.
        edges = np.linspace(found["low"], found["high"], 8)
        clear = [np.abs(edges - value).min() > 1e-6 for value in values]
        counts = np.histogram(values[clear], edges)[0]
        assert np.all(counts <= found["counts"])


def test_all_images_by_default(client, index):
    answer = client.get(URL).json()
    assert answer["n"] == index.n
    assert {len(found["counts"]) for found in answer["figures"].values()} == {40}


def test_nothing_of_no_image(client, index):
    answer = client.get(URL, params={"dataset": index.datasets[0]["name"], "label": 12345}).json()
    assert (answer["n"], answer["figures"]) == (0, {})


def test_a_client_that_has_it_is_told_so(client):
    first = client.get(URL, params={"split": "val"})
    again = client.get(URL, params={"split": "val"}, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    other = client.get(URL, params={"split": "test"}, headers={"If-None-Match": first.headers["etag"]})
    assert other.status_code == 200


@pytest.mark.parametrize(
    ("params", "status"), [({"bins": 0}, 422), ({"bins": 201}, 422), ({"dataset": "none"}, 404)]
)
def test_what_is_out_of_bounds_is_refused(client, problem, params, status):
    kind = {422: "invalid-request", 404: "not-found"}[status]
    problem(client.get(URL, params=params), status, kind)
