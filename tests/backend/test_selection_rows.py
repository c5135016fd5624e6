"""The table of a selection, over HTTP."""

import io
from collections import Counter

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

PATH = "/v1/selections/rows"


@pytest.fixture(scope="module")
def half(index):
    """A polygon round the left half of the PCA map, and the rows in it."""
    points = np.asarray(index.map("pca").coordinates, np.float64)
    low, high = points.min(axis=0) - 1, points.max(axis=0) + 1
    middle = float(np.median(points[:, 0])) + 1e-4
    polygon = [[low[0], low[1]], [middle, low[1]], [middle, high[1]], [low[0], high[1]]]
    return polygon, np.flatnonzero(points[:, 0] < middle)


def _ask(client, polygon, form="json", **more):
    answer = client.post(PATH, params={"format": form}, json={"polygon": polygon, **more})
    assert answer.status_code == 200, answer.text
    return answer


def _rows(index, items):
    return [index.row(item["dataset"], item["split"], item["position"]) for item in items]


def test_a_page_in_the_order_of_the_index(client, index, half):
    polygon, inside = half
    answer = _ask(client, polygon, offset=3, limit=4).json()
    assert (answer["n"], answer["total"], answer["offset"]) == (len(inside), len(inside), 3)
    assert _rows(index, answer["items"]) == inside[3:7].tolist()
    first = answer["items"][0]
    assert [first["x"], first["y"]] == pytest.approx(index.map("pca").coordinates[inside[3]].tolist())
    sample = client.get(f"/v1/samples/{first['dataset']}/{first['split']}/{first['position']}").json()
    for name in ("label", "label_name", "psnr", "ssim", "mae", "quantisation_error"):
        assert first[name] == sample[name]


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_sorted_and_filtered_over_all_pages(client, index, half, order):
    polygon, inside = half
    psnr = index.images["psnr"].to_numpy()
    low, high = np.percentile(psnr[inside], (20, 70)).tolist()
    named = np.array(index.images["dataset"].to_pylist())[inside]
    dataset = str(Counter(named.tolist()).most_common(1)[0][0])
    where = [
        {"column": "psnr", "min": low, "max": high},
        {"column": "dataset", "contains": dataset[1:].upper()},
    ]
    answer = _ask(client, polygon, where=where, sort="psnr", order=order, limit=500).json()
    kept = inside[(psnr[inside] >= low) & (psnr[inside] <= high) & (named == dataset)]
    ranks = np.argsort(psnr[kept] if order == "asc" else -psnr[kept], kind="stable")
    assert answer["total"] == len(kept) > 3
    assert _rows(index, answer["items"]) == kept[ranks][:500].tolist()


def test_words_can_be_sorted_by(client, half):
    items = _ask(client, half[0], sort="label_name", order="desc", limit=500).json()["items"]
    names = [item["label_name"] for item in items]
    assert names == sorted(names, reverse=True)


def test_files_hold_every_row(client, index, half):
    polygon, inside = half
    ranks = np.argsort(-index.images["mae"].to_numpy()[inside], kind="stable")
    expected = inside[ranks]
    more = {"sort": "mae", "order": "desc", "limit": 1}
    answers = {
        form: _ask(client, polygon, form, **more) for form in ("csv", "parquet", "embeddings", "codes")
    }
    table = pyarrow.csv.read_csv(io.BytesIO(answers["csv"].content))
    assert _rows(index, table.to_pylist()) == expected.tolist()
    parquet = pq.read_table(io.BytesIO(answers["parquet"].content))
    assert _rows(index, parquet.to_pylist()) == expected.tolist()
    assert parquet.schema.field("dataset").type == pa.string()
    for form, array in (("embeddings", index.embeddings), ("codes", index.codes)):
        found = np.load(io.BytesIO(answers[form].content), allow_pickle=False)
        np.testing.assert_array_equal(found, array[expected])


def test_nothing_inside_is_a_file_too(client):
    far = [[1e6, 1e6], [2e6, 1e6], [1e6, 2e6]]
    assert _ask(client, far).json()["total"] == 0
    assert _ask(client, far, "csv").text.startswith('"dataset"')
    assert pq.read_table(io.BytesIO(_ask(client, far, "parquet").content)).num_rows == 0
    assert len(np.load(io.BytesIO(_ask(client, far, "codes").content))) == 0


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"sort": "secret"}, 404),
        ({"where": [{"column": "secret", "min": 1}]}, 404),
        ({"where": [{"column": "dataset", "min": 1}]}, 422),
        ({"where": [{"column": "psnr", "contains": "1"}]}, 422),
        ({"where": [{"column": "psnr", "min": 1}] * 17}, 422),
        ({"limit": 501}, 422),
        ({"order": "random"}, 422),
    ],
)
def test_what_cannot_be_asked(client, problem, change, status):
    body = {"polygon": [[-1e3, -1e3], [1e3, -1e3], [0, 1e3]], **change}
    kind = {404: "not-found", 422: "invalid-request"}[status]
    problem(client.post(PATH, json=body), status, kind)
