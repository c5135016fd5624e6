"""Images inside a polygon, over HTTP."""

import io
from dataclasses import asdict

import numpy as np
import pytest

from model.latent.enrichment import enriched_codes


@pytest.fixture
def halves(index):
    """A polygon round the left half of the PCA map."""
    points = np.asarray(index.map("pca").coordinates, np.float64)
    low, high = points.min(axis=0) - 1, points.max(axis=0) + 1
    middle = float(np.median(points[:, 0])) + 1e-4
    polygon = [[low[0], low[1]], [middle, low[1]], [middle, high[1]], [low[0], high[1]]]
    return polygon, points[:, 0] < middle


def test_conditions_narrow_a_selection(client, index, halves):
    polygon, inside = halves
    psnr, split = index.images["psnr"].to_numpy(), np.array(index.images["split"].to_pylist())
    limit = float(np.median(psnr))
    where = [{"column": "psnr", "max": limit}, {"column": "split", "contains": "TES"}]
    expected = inside & (psnr <= limit) & (split == "test")
    assert 0 < expected.sum() < inside.sum()
    asked = {"polygon": polygon, "where": where}
    answer = client.post("/v1/selections", json=asked | {"codes": 3, "limit": 5}).json()
    assert answer["n"] == int(expected.sum())
    assert answer["total"] == index.n
    assert answer["figures"]["psnr"]["mean"] == pytest.approx(float(psnr[expected].mean()), rel=1e-5)
    named = [index.row(item["dataset"], item["split"], item["position"]) for item in answer["items"]]
    assert named == np.flatnonzero(expected)[:5].tolist()
    mask = np.load(io.BytesIO(client.post("/v1/selections/mask", json=asked).content))
    np.testing.assert_array_equal(mask, expected)
    assert client.post("/v1/selections/rows", json=asked).json()["total"] == int(expected.sum())


def test_images_of_labels_that_are_left_out_are_not_meant(client, index, halves, problem):
    polygon, inside = halves
    images = index.images
    dataset, label = np.array(images["dataset"].to_pylist()), images["label"].to_numpy()
    of_two = [one for one in np.unique(dataset) if len(np.unique(label[inside & (dataset == one)])) > 1]
    name = str(of_two[0])
    expected = inside & ~((dataset == name) & (label == 0))
    assert expected.sum() < inside.sum()
    asked = {"polygon": polygon, "without": [{"dataset": name, "labels": [0]}]}
    mask = np.load(io.BytesIO(client.post("/v1/selections/mask", json=asked).content))
    np.testing.assert_array_equal(mask, expected)
    assert client.post("/v1/selections/rows", json=asked).json()["n"] == int(expected.sum())
    # Nor do they belong to the whole that the selection is compared with.
    whole = ~((dataset == name) & (label == 0))
    answer = client.post("/v1/selections", json=asked | {"codes": 100}).json()
    assert (answer["n"], answer["total"]) == (int(expected.sum()), int(whole.sum()))
    parts = {part["dataset"]: part for part in answer["datasets"]}
    of_set = whole & (dataset == name)
    assert parts[name]["total"] == int(of_set.sum())
    assert parts[name]["share_of_whole"] == pytest.approx(of_set.sum() / whole.sum())
    psnr = images["psnr"].to_numpy()
    assert answer["figures_of_whole"]["psnr"]["mean"] == pytest.approx(float(psnr[whole].mean()), rel=1e-5)
    enriched = enriched_codes(
        index.codes, np.flatnonzero(expected), codebook_size=64, background=np.flatnonzero(whole)
    )
    assert [part["code"] for part in answer["codes"]] == [one.code for one in enriched]
    assert [part["q"] for part in answer["codes"]] == [one.q for one in enriched]
    others = [one for one in dict.fromkeys(dataset) if one != name]
    only = asked | {"datasets": others, "splits": ["test", "train"]}
    rest = np.isin(dataset, others) & inside & (np.array(images["split"].to_pylist()) != "val")
    assert client.post("/v1/selections", json=only).json()["n"] == int(rest.sum())
    unknown = {"polygon": polygon, "without": [{"dataset": "nothing", "labels": [0]}]}
    problem(client.post("/v1/selections", json=unknown), 404, "not-found")


def test_what_lies_inside(client, index, halves):
    polygon, inside = halves
    answer = client.post("/v1/selections", json={"polygon": polygon, "codes": 3, "limit": 5}).json()
    assert answer["n"] == int(inside.sum())
    assert answer["total"] == index.n
    assert sum(part["count"] for part in answer["datasets"]) == answer["n"]
    assert sum(part["count"] for part in answer["labels"]) == answer["n"]
    names = {item["name"]: item["labels"] for item in client.get("/v1/datasets").json()["items"]}
    for part in answer["labels"]:
        assert part["label_name"] == names[part["dataset"]][str(part["label"])]
    psnr = index.images["psnr"].to_numpy()
    assert answer["figures"]["psnr"]["mean"] == pytest.approx(float(psnr[inside].mean()), rel=1e-5)
    assert answer["figures_of_whole"]["psnr"]["mean"] == pytest.approx(float(psnr.mean()), rel=1e-5)
    named = [index.row(item["dataset"], item["split"], item["position"]) for item in answer["items"]]
    assert named == np.flatnonzero(inside)[:5].tolist()
    expected = enriched_codes(
        index.codes, np.flatnonzero(inside), codebook_size=int(index.codes.max()) + 1, limit=3
    )
    assert [code["code"] for code in answer["codes"]] == [code.code for code in expected]
    assert answer["index"] == index.version


def test_only_of_some_images(client, index, halves):
    polygon, inside = halves
    block = next(block for block in index.blocks if block.split == "val")
    body = {"polygon": polygon, "datasets": [block.dataset], "splits": ["val"], "limit": 0}
    answer = client.post("/v1/selections", json=body).json()
    assert answer["total"] == block.count
    assert answer["n"] == int(inside[block.start : block.stop].sum())
    assert answer["items"] == []
    assert answer["codes"] == []


@pytest.mark.parametrize("splits", [[], ["train"], ["val", "test"]])
def test_codes_are_those_that_the_selection_has_more_often_than_the_rest(client, index, halves, splits):
    polygon, inside = halves
    rows = np.concatenate(
        [np.arange(b.start, b.stop) for b in index.blocks if not splits or b.split in splits]
    )
    body = {"polygon": polygon, "splits": splits, "codes": 100, "limit": 0}
    answer = client.post("/v1/selections", json=body).json()
    expected = enriched_codes(
        index.codes,
        rows[inside[rows]],
        codebook_size=int(index.manifest["model"]["codebook_size"]),
        background=rows,
        limit=100,
    )
    assert expected
    assert answer["codes"] == [
        {name: value for name, value in asdict(code).items() if name not in ("total", "p")}
        for code in expected
    ]


def test_the_mask_of_all_images(client, index, halves):
    polygon, inside = halves
    block = next(block for block in index.blocks if block.split == "val")
    for body, expected in (
        ({}, inside),
        (
            {"datasets": [block.dataset], "splits": ["val"]},
            inside & (np.arange(index.n) >= block.start) & (np.arange(index.n) < block.stop),
        ),
    ):
        answer = client.post("/v1/selections/mask", json={"polygon": polygon, **body})
        mask = np.load(io.BytesIO(answer.content), allow_pickle=False)
        assert (mask.dtype, mask.shape) == (np.uint8, (index.n,))
        np.testing.assert_array_equal(mask == 1, expected)


def test_nothing_inside(client):
    answer = client.post("/v1/selections", json={"polygon": [[1e6, 1e6], [2e6, 1e6], [1e6, 2e6]], "codes": 5})
    assert answer.status_code == 200
    assert (answer.json()["n"], answer.json()["figures"], answer.json()["codes"]) == (0, {}, [])


@pytest.mark.parametrize(
    "change",
    [
        {"polygon": [[0, 0], [1, 1]]},
        {"polygon": [[0, 0]] * 2001},
        {"polygon": [[0, 0], [1, 0], [0, "x"]]},
        {"splits": ["future"]},
        {"codes": 101},
        {"unknown": 1},
    ],
)
def test_what_cannot_be_asked(client, problem, change):
    body = {"polygon": [[0, 0], [1, 0], [0, 1]], **change}
    problem(client.post("/v1/selections", json=body), 422, "invalid-request")


def test_numbers_that_are_none(client, problem):
    for number in ("NaN", "Infinity", "1e999", "1e308", "-1e308"):
        body = f'{{"polygon": [[0, 0], [1, 0], [0, {number}]]}}'
        answer = client.post("/v1/selections", content=body, headers={"content-type": "application/json"})
        problem(answer, 422, "invalid-request")


def test_what_is_not_there(client, problem):
    triangle = [[0, 0], [1, 0], [0, 1]]
    problem(client.post("/v1/selections", json={"polygon": triangle, "map": "none"}), 404, "not-found")
    problem(client.post("/v1/selections", json={"polygon": triangle, "datasets": ["none"]}), 404, "not-found")
