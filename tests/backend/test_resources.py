"""Health, models, data sets, maps, points, ellipses, samples: every number is the model package's."""

import io
from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
from scipy.stats import percentileofscore

from model.latent.ellipse import fit_ellipse
from model.latent.images_table import FIGURES

ARROW = "application/vnd.apache.arrow.stream"


@pytest.fixture
def versions(model, index):
    return {"model": model.version, "index": index.version}


def get(client, path, **params):
    response = client.get(path, params=params)
    assert response.status_code == 200, response.text
    return response.json()


def test_root_links_lead_somewhere(client):
    root = get(client, "/")
    assert root["name"] == "VQScope"
    assert "Research use only" in root["notice"]
    for link in root["links"].values():
        assert client.get(link).status_code == 200


def test_health(client, versions):
    assert get(client, "/health/live") == {"status": "live"}
    assert get(client, "/health/ready") == {"status": "ready", **versions}


def test_models(client, model):
    answer = get(client, "/v1/models")
    assert answer == {
        "model": model.version,
        "items": [
            {
                "name": model.name,
                "version": model.version,
                "sha256": model.sha256,
                "image_size": model.image_size,
                "code_grid": list(model.code_grid),
                "codebook_size": model.codebook_size,
                "bits_per_image": model.bits_per_image,
                "embedding_dim": model.embedding_dim,
                "embedding_version": model.embedding_version,
                "card": model.card,
            }
        ],
    }


def test_datasets(client, index, versions):
    answer = get(client, "/v1/datasets")
    assert {key: answer[key] for key in versions} == versions
    assert [item["name"] for item in answer["items"]] == [info["name"] for info in index.datasets]
    for item, info in zip(answer["items"], index.datasets, strict=True):
        assert item["available"] is True
        assert item["n_indexed"] == {b.split: b.count for b in index.blocks if b.dataset == item["name"]}
        shared = item.keys() & info.keys() - {"available"}
        assert {"title", "modality", "task", "licence", "labels", "class_counts", "md5"} <= shared
        assert {key: item[key] for key in shared} == {key: info[key] for key in shared}
        assert "path" not in item


def test_maps(client, index, versions):
    answer = get(client, "/v1/maps")
    pca = index.map("pca")
    methods = answer.pop("methods")
    assert [method["name"] for method in methods] == ["pca", "umap", "tsne"]
    assert methods[0]["parameters"][0] == {
        "name": "dimensions",
        "type": "int",
        "default": 2,
        "choices": [],
        "low": 2,
        "high": 3,
        "help": "axes of the map, 2 or 3",
    }
    assert answer == {
        **versions,
        "items": [
            {
                "name": "pca",
                "version": pca.version,
                "method": "pca",
                "parameters": {"dimensions": 2},
                "dimensions": 2,
                "n": index.n,
                "fitted_on": "train",
                "n_fitted": sum(b.count for b in index.blocks if b.split == "train"),
                "keeps_proportions": True,
                "explained_variance_ratio": list(pca.explained_variance_ratio),
                "axis_labels": list(pca.axis_labels),
                "stability": None,
            }
        ],
    }


def test_points_are_the_map(client, index, versions):
    answer = get(client, "/v1/maps/pca/points")
    columns = answer.pop("columns")
    assert answer == {**versions, "map": "pca", "n": index.n}
    xy = np.array([columns["x"], columns["y"]], np.float32).T
    np.testing.assert_array_equal(xy, index.map("pca").coordinates)
    for name in ("dataset", "split", "position", "label"):
        assert columns[name] == index.images[name].to_pylist()


def test_points_come_in_pieces(client, monkeypatch):
    whole = get(client, "/v1/maps/pca/points")
    monkeypatch.setattr("backend.routes.maps._PIECE", 1000)
    assert get(client, "/v1/maps/pca/points") == whole


def test_points_of_some_datasets_and_splits(client, index):
    names = [info["name"] for info in index.datasets]
    wanted = {(d, s) for d in (names[0], names[2]) for s in ("val", "test")}
    answer = get(client, "/v1/maps/pca/points", dataset=[names[2], names[0]], split=["val", "test"])
    columns = answer["columns"]
    pairs = list(zip(columns["dataset"], columns["split"], strict=True))
    assert Counter(pairs) == {
        (b.dataset, b.split): b.count for b in index.blocks if (b.dataset, b.split) in wanted
    }
    for i in (0, answer["n"] // 2, answer["n"] - 1):
        row = index.row(*pairs[i], columns["position"][i])
        assert np.float32(columns["x"][i]) == index.map("pca").coordinates[row, 0]


@pytest.mark.parametrize("ask", [{"headers": {"Accept": ARROW}}, {"params": {"format": "arrow"}}])
@pytest.mark.parametrize("split", [[], ["test"]])
def test_arrow_equals_json(client, index, versions, ask, split):
    params = {"split": split}
    columns = get(client, "/v1/maps/pca/points", **params)["columns"]
    response = client.get("/v1/maps/pca/points", **ask | {"params": ask.get("params", {}) | params})
    assert response.headers["content-type"] == ARROW
    table = pa.ipc.open_stream(io.BytesIO(response.content)).read_all()
    text = pa.dictionary(pa.int32(), pa.string())
    expected = {"x": pa.float32(), "y": pa.float32(), "dataset": text, "split": text}
    assert dict(zip(table.column_names, table.schema.types, strict=True)) == {
        **expected,
        "position": pa.int32(),
        "label": pa.int32(),
        "preservation": pa.float32(),
    }
    assert table.to_pydict() == columns
    metadata = {key.decode(): value.decode() for key, value in table.schema.metadata.items()}
    assert metadata == {**versions, "map": "pca"}


def test_points_etag(client, index):
    first = client.get("/v1/maps/pca/points", params={"split": "test"})
    tag = first.headers["etag"]
    assert tag.startswith('"')
    again = client.get("/v1/maps/pca/points", params={"split": "test"}, headers={"If-None-Match": tag})
    assert again.status_code == 304
    assert again.content == b""
    assert again.headers["etag"] == tag
    for other in ({"split": "val"}, {"split": "test", "format": "arrow"}, {}):
        assert (
            client.get("/v1/maps/pca/points", params=other, headers={"If-None-Match": tag}).status_code == 200
        )


def test_format_overrules_accept(client):
    response = client.get("/v1/maps/pca/points", params={"format": "json"}, headers={"Accept": ARROW})
    assert response.headers["content-type"] == "application/json"


@pytest.mark.parametrize("kind", ["prediction", "mean", "normal", "sigma", "robust"])
def test_ellipses_are_the_models(client, index, versions, kind):
    answer = get(client, "/v1/maps/pca/ellipses", kind=kind, level=0.9, k=2, split="train")
    assert {key: answer[key] for key in versions} == versions
    assert [item["group"] for item in answer["items"]] == [info["name"] for info in index.datasets]
    coordinates = index.map("pca").coordinates
    for item in answer["items"]:
        block = next(b for b in index.blocks if (b.dataset, b.split) == (item["group"], "train"))
        fitted = fit_ellipse(coordinates[block.start : block.stop], kind=kind, level=0.9, k=2)
        assert item["n"] == fitted.n
        assert (item["kind"], item["level"]) == (kind, fitted.level)
        assert item["warnings"] == list(fitted.warnings)
        assert item["observed_coverage"] == fitted.observed_coverage
        for name in ("center", "axes", "outline"):
            value = getattr(fitted, name)
            assert item[name] == (None if value is None else value.tolist())
        assert item["angle"] == fitted.angle


def test_ellipses_by_label_and_split(client, index):
    splits = get(client, "/v1/maps/pca/ellipses", group_by="split")["items"]
    assert [(item["group"], item["n"]) for item in splits] == [
        (split, sum(b.count for b in index.blocks if b.split == split)) for split in ("train", "val", "test")
    ]
    name = max(index.datasets, key=lambda info: len(info["labels"]))["name"]
    items = get(client, "/v1/maps/pca/ellipses", group_by="label", dataset=name)["items"]
    info = next(info for info in index.datasets if info["name"] == name)
    counts = Counter()
    for split in info["class_counts"].values():
        counts.update({label: n for label, n in split.items() if n})
    assert {item["group"]: item["n"] for item in items} == {
        f"{name} / {info['labels'][label]}": n for label, n in counts.items()
    }


def test_ellipse_of_too_few_points_is_refused_not_an_error(client, index, tiny_index_dir):
    answer = get(client, "/v1/maps/pca/ellipses", kind="robust", group_by="label", split="val")
    small = [item for item in answer["items"] if item["n"] < 200]
    assert small
    for item in small:
        assert item["center"] is item["axes"] is item["outline"] is item["observed_coverage"] is None
        assert item["warnings"]


def test_samples_pages_cover_all_in_order(client, index, versions):
    name = index.datasets[1]["name"]
    seen, total = [], None
    while total is None or len(seen) < total:
        page = get(client, "/v1/samples", dataset=name, split="val", offset=len(seen), limit=50)
        assert {key: page[key] for key in versions} == versions
        total = page["total"]
        seen += page["items"]
    block = next(b for b in index.blocks if (b.dataset, b.split) == (name, "val"))
    assert [item["position"] for item in seen] == list(range(block.count))
    for item, row in zip(seen, index.images.slice(block.start, block.count).to_pylist(), strict=True):
        assert item.pop("label_name") == index.datasets[1]["labels"][str(item["label"])]
        assert item == row


@pytest.mark.parametrize("key", ["psnr", "ssim", "mae", "quantisation_error"])
@pytest.mark.parametrize("order", ["asc", "desc"])
def test_samples_sorted(client, index, key, order):
    page = get(client, "/v1/samples", sort=key, order=order, limit=200, split="test")
    values = np.concatenate(
        [np.asarray(index.images[key])[b.start : b.stop] for b in index.blocks if b.split == "test"]
    )
    expected = np.sort(values)[:: 1 if order == "asc" else -1]
    np.testing.assert_array_equal(np.float32([item[key] for item in page["items"]]), expected[:200])
    assert page["total"] == len(values)


def test_samples_of_a_label(client, index):
    info = max(index.datasets, key=lambda info: len(info["labels"]))
    label, n = next((label, n) for label, n in info["class_counts"]["train"].items() if n)
    page = get(client, "/v1/samples", dataset=info["name"], split="train", label=label, limit=200)
    assert page["total"] == n
    assert {item["label"] for item in page["items"]} == {int(label)}


def test_samples_beyond_the_end(client, index):
    page = get(client, "/v1/samples", offset=index.n + 5)
    assert page["items"] == []
    assert page["total"] == index.n


def test_sample(client, index, versions):
    name = index.datasets[0]["name"]
    answer = get(client, f"/v1/samples/{name}/test/3")
    row = index.row(name, "test", 3)
    stored = index.images.slice(row, 1).to_pylist()[0]
    assert answer == {
        **versions,
        **stored,
        "label_name": index.datasets[0]["labels"][str(stored["label"])],
        "percentiles": _percentiles(index, row),
        "codes": index.codes[row].tolist(),
        "maps": {"pca": index.map("pca").coordinates[row].tolist()},
    }


def _percentiles(index, row):
    """SciPy's percentile rank, whose `mean` counts equal ones half."""
    block = next(b for b in index.blocks if b.start <= row < b.stop)
    among = {name: np.asarray(index.images[name])[block.start : block.stop] for name in FIGURES}
    ranks = {
        name: percentileofscore(values, values[row - block.start], kind="mean")
        for name, values in among.items()
    }
    return {"n": block.stop - block.start} | {name: pytest.approx(rank) for name, rank in ranks.items()}


@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_figures_of_every_image_have_percentiles(client, index, split):
    """Also of those by which others are judged: they are compared with their own split."""
    name = index.datasets[0]["name"]
    row = index.row(name, split, 1)
    assert get(client, f"/v1/samples/{name}/{split}/1")["percentiles"] == _percentiles(index, row)


@pytest.mark.parametrize(
    ("path", "named"),
    [
        ("/v1/maps/umap/points", "umap"),
        ("/v1/maps/umap/ellipses", "umap"),
        ("/v1/maps/pca/points?dataset=nosuch", "nosuch"),
        ("/v1/maps/pca/ellipses?dataset=nosuch", "nosuch"),
        ("/v1/samples?dataset=nosuch", "nosuch"),
        ("/v1/samples/nosuch/test/0", "nosuch"),
        ("/v1/samples/nosuch/test/0/image", "nosuch"),
    ],
)
def test_unknown_names_are_404(client, problem, path, named):
    assert named in problem(client.get(path), 404, "not-found")


def test_positions_beyond_the_split_are_404(client, index, problem):
    block = index.blocks[0]
    path = f"/v1/samples/{block.dataset}/{block.split}"
    assert client.get(f"{path}/{block.count - 1}/image").status_code == 200
    for suffix in ("", "/image", "/reconstruction", "/error"):
        problem(client.get(f"{path}/{block.count}{suffix}"), 404, "not-found")


@pytest.mark.parametrize(
    ("path", "parameter"),
    [
        ("/v1/maps/pca/points?split=all", "split"),
        ("/v1/maps/pca/points?format=xml", "format"),
        ("/v1/maps/pca/ellipses?kind=round", "kind"),
        ("/v1/maps/pca/ellipses?group_by=colour", "group_by"),
        ("/v1/maps/pca/ellipses?level=95", "level"),
        ("/v1/maps/pca/ellipses?level=nan", "level"),
        ("/v1/maps/pca/ellipses?k=0", "k"),
        ("/v1/maps/pca/ellipses?k=inf", "k"),
        ("/v1/samples?limit=201", "limit"),
        ("/v1/samples?limit=0", "limit"),
        ("/v1/samples?offset=-1", "offset"),
        ("/v1/samples?sort=beauty", "sort"),
        ("/v1/samples?label=x", "label"),
        ("/v1/samples/a/test/-1", "position"),
        ("/v1/samples/a/test/99999999999999999999", "position"),
        ("/v1/samples/a/all/1", "split"),
        ("/v1/samples/a/test/1/thumbnail", "kind"),
    ],
)
def test_bad_parameters_are_422(client, problem, path, parameter):
    assert parameter in problem(client.get(path), 422, "invalid-request")
