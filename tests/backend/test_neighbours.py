"""The nearest images of an image of the index, over HTTP."""

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_equal_to_scikit_learn(client, index, metric):
    block = next(block for block in index.blocks if block.split == "val")
    row = block.start + block.count // 2
    path = f"/v1/neighbours/{block.dataset}/val/{block.count // 2}"
    answer = client.get(path, params={"k": 7, "metric": metric}).json()
    embeddings = np.asarray(index.embeddings, np.float64)
    theirs = NearestNeighbors(n_neighbors=8, metric=metric, algorithm="brute").fit(embeddings)
    distances, rows = theirs.kneighbors(embeddings[row : row + 1])
    kept = rows[0] != row
    named = [(item["dataset"], item["split"], item["position"]) for item in answer["items"]]
    assert [index.row(*name) for name in named] == rows[0][kept].tolist()
    found = [item["distance"] for item in answer["items"]]
    np.testing.assert_allclose(found, distances[0][kept], rtol=1e-4, atol=1e-5)
    images = index.images.to_pylist()
    same = [images[other]["dataset"] == block.dataset for other in rows[0][kept]]
    assert answer["same_dataset"]["count"] == sum(same)
    others = [image["dataset"] == block.dataset for i, image in enumerate(images) if i != row]
    assert answer["same_dataset"]["expected"] == pytest.approx(np.mean(others))
    alike = [image["dataset"] == block.dataset and image["label"] == images[row]["label"] for image in images]
    assert answer["same_label"]["count"] == sum(alike[other] for other in rows[0][kept])
    assert answer["same_label"]["share"] == pytest.approx(answer["same_label"]["count"] / 7)
    assert answer["index"] == index.version


def test_what_is_not_there_is_a_problem(client, index, problem):
    dataset = index.blocks[0].dataset
    problem(client.get("/v1/neighbours/nothing/val/0"), 404, "not-found")
    problem(client.get(f"/v1/neighbours/{dataset}/val/999999"), 404, "not-found")
    problem(client.get(f"/v1/neighbours/{dataset}/val/0", params={"k": 201}), 422, "invalid-request")
    problem(client.get(f"/v1/neighbours/{dataset}/val/0", params={"metric": "l1"}), 422, "invalid-request")
