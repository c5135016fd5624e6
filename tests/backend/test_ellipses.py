"""Ellipses and overlap over HTTP: by any column, filtered, of a selection, on maps of two and three dimensions."""

import shutil
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from jsonschema import Draft202012Validator

from backend.grouped import MAX_ROBUST, Question, grouped
from backend.schemas_ellipses import EllipsesRequest
from model.latent.ellipse import fit_ellipse, fit_parts
from model.latent.features import Features
from model.latent.grouping import MAX_GROUPS
from model.latent.index import open_index
from model.latent.map_fitting import fit_map
from model.latent.overlap import MAX_OVERLAPPING, overlaps
from model.latent.pca import PCASettings

ELLIPSES, OVERLAP = "/v1/maps/{}/ellipses", "/v1/maps/{}/ellipses/overlap"


@pytest.fixture(scope="module")
def described(tiny_index_dir, index, tmp_path_factory):
    """The index with metadata and a map of three dimensions beside the plain one."""
    folder = shutil.copytree(tiny_index_dir, tmp_path_factory.mktemp("described") / "index")
    rng = np.random.default_rng(0)
    table = pq.read_table(folder / "images.parquet")
    n = table.num_rows
    unknown = rng.random(n) < 0.1
    columns = {
        "age": pa.array(rng.integers(0, 18, n) * 5.0, mask=unknown),
        "sex": pa.array(rng.choice(["female", "male"], n), mask=unknown),
        "patient": pa.array([f"P{number}" for number in range(n)]),
        "ward": pa.array(rng.integers(0, 70, n)),
    }
    for name, column in columns.items():
        table = table.append_column(name, column)
    pq.write_table(table, folder / "images.parquet", write_page_checksum=True)
    features = Features(np.asarray(index.embeddings))
    fit_map(folder / "maps" / "space", features, index.blocks, "pca", PCASettings(dimensions=3))
    return open_index(folder)


@pytest.fixture(scope="module")
def service(described, run_service, make_settings):
    with run_service(make_settings(index=described.path)) as running:
        yield running


@pytest.fixture(scope="module")
def client(service):
    return service.client


def get(client, path, name="pca", **params):
    response = client.get(path.format(name), params=params)
    assert response.status_code == 200, response.text
    return response.json()


def by_group(answer):
    return {item["group"]: item for item in answer["items"]}


def column(described, name):
    return np.array(described.images[name].to_pylist(), dtype=object)


def test_ellipsoids_of_a_map_of_three_dimensions(client, described):
    answer = get(client, ELLIPSES, "space", level=0.9)
    assert answer["dimensions"] == 3
    assert np.shape(answer["triangles"]) == (320, 3)
    points = described.map("space").coordinates
    for item in answer["items"]:
        fitted = fit_ellipse(points[column(described, "dataset") == item["group"]], level=0.9)
        assert item["n"] == fitted.n
        assert item["outline"] is item["angle"] is None
        for name in ("center", "axes", "directions", "mesh", "outlines"):
            np.testing.assert_allclose(item[name], getattr(fitted, name), rtol=1e-9)
        assert item["observed_coverage"] == fitted.observed_coverage


def test_a_map_of_two_dimensions_has_no_mesh(client):
    answer = get(client, ELLIPSES)
    assert (answer["dimensions"], answer["triangles"], answer["group_by"]) == (2, None, "dataset")
    for item in answer["items"]:
        assert item["mesh"] is item["outlines"] is None
        turn = np.radians(item["angle"])
        np.testing.assert_allclose(item["directions"][0], [np.cos(turn), np.sin(turn)], atol=1e-12)


def test_by_metadata(client, described):
    groups = by_group(get(client, ELLIPSES, group_by="sex"))
    assert list(groups) == ["sex = female", "sex = male", "sex missing"]
    points, sexes = described.map("pca").coordinates, column(described, "sex")
    for group, sex in zip(groups, ("female", "male", None), strict=True):
        fitted = fit_ellipse(points[sexes == sex])
        assert groups[group]["n"] == fitted.n
        assert groups[group]["outline"] == fitted.outline.tolist()


def test_by_number(client, described):
    ages = np.array([np.nan if age is None else age for age in column(described, "age")])
    groups = by_group(get(client, ELLIPSES, group_by="age", edge=[20, 60]))
    assert [(name, item["n"]) for name, item in groups.items()] == [
        ("age < 20", (ages < 20).sum()),
        ("20 ≤ age < 60", ((ages >= 20) & (ages < 60)).sum()),
        ("age ≥ 60", (ages >= 60).sum()),
        ("age missing", np.isnan(ages).sum()),
    ]
    assert len(get(client, ELLIPSES, group_by="age", bins=3)["items"]) == 4
    assert len(get(client, ELLIPSES, group_by="psnr", bins=5)["items"]) == 5


def test_only_images_that_meet_conditions(client, described):
    sexes, ages = column(described, "sex"), column(described, "age")
    kept = np.array([sex == "female" and age >= 40 for sex, age in zip(sexes, ages, strict=True)])
    groups = by_group(get(client, ELLIPSES, where=["sex=female", "age>=40"], split="train"))
    kept &= column(described, "split") == "train"
    names = column(described, "dataset")
    assert {name: item["n"] for name, item in groups.items()} == {
        name: int((names[kept] == name).sum()) for name in dict.fromkeys(names[kept])
    }
    assert get(client, ELLIPSES, where="sex=never")["items"] == []
    assert get(client, ELLIPSES, dataset=names[-1], split="val", label=0)["items"][0]["n"] == int(
        (
            (names == names[-1]) & (column(described, "split") == "val") & (column(described, "label") == 0)
        ).sum()
    )


@pytest.mark.parametrize("name", ["pca", "space"])
def test_of_a_selection(client, described, name):
    points = np.asarray(described.map("pca").coordinates, np.float64)
    low, high, middle = points.min(axis=0) - 1, points.max(axis=0) + 1, float(np.median(points[:, 0])) + 1e-4
    polygon = [[low[0], low[1]], [middle, low[1]], [middle, high[1]], [low[0], high[1]]]
    body = {"group_by": "split", "selection": {"map": "pca", "polygon": polygon}}
    response = client.post(ELLIPSES.format(name), json=body)
    assert response.status_code == 200, response.text
    inside = points[:, 0] < middle
    splits = column(described, "split")
    for split, item in by_group(response.json()).items():
        rows = inside & (splits == split)
        assert item["n"] == rows.sum()
        fitted = fit_ellipse(described.map(name).coordinates[rows])
        np.testing.assert_allclose(item["center"], fitted.center)
    answer = client.post(OVERLAP.format(name), json=body).json()
    assert sum(group["n"] for group in answer["groups"]) == inside.sum()


def test_what_is_posted_without_a_polygon_is_what_is_got(client):
    params = {"group_by": "label", "kind": "normal", "level": 0.8, "min_n": 5}
    response = client.post(ELLIPSES.format("pca"), json=params)
    assert response.json() == get(client, ELLIPSES, **params)


def test_small_groups_can_be_left_out(client):
    every = get(client, ELLIPSES, group_by="label")
    smallest = min(item["n"] for item in every["items"])
    fewer = get(client, ELLIPSES, group_by="label", min_n=smallest + 1)
    assert (every["groups_left_out"], every["groups_beyond"], every["warnings"]) == (0, 0, [])
    assert [item for item in every["items"] if item["n"] > smallest] == fewer["items"]
    assert fewer["groups_left_out"] == len(every["items"]) - len(fewer["items"]) > 0


@pytest.mark.parametrize(
    ("path", "params", "most"),
    [
        (ELLIPSES, {"group_by": "patient"}, MAX_GROUPS),
        (OVERLAP, {"group_by": "patient"}, MAX_OVERLAPPING),
        (ELLIPSES, {"group_by": "ward", "edge": list(range(1, 70)), "kind": "robust"}, MAX_ROBUST),
        (OVERLAP, {"group_by": "ward", "edge": list(range(1, 70)), "kind": "robust"}, MAX_OVERLAPPING),
    ],
)
def test_of_too_many_groups_the_largest_are_told(client, described, path, params, most):
    answer = get(client, path, **params)
    groups = answer["groups"] if path == OVERLAP else answer["items"]
    assert len(groups) == most
    assert answer["groups_beyond"] > 0
    total, told = most + answer["groups_beyond"], sum(group["n"] for group in groups)
    assert answer["warnings"] == [
        f"of {total:,} groups the {most} largest are told, with {told:,} of {described.n:,} images; "
        "choose fewer images, or wider groups"
    ]
    if params["group_by"] == "ward":
        wards = np.floor(column(described, "ward").astype(float))
        sizes = np.sort(np.unique(wards, return_counts=True)[1])
        assert told == sizes[-most:].sum()


@pytest.mark.parametrize("name", ["pca", "space"])
def test_overlap_is_the_models(client, described, name):
    answer = get(client, OVERLAP, name, group_by="sex", level=0.8)
    sexes, points = column(described, "sex"), described.map(name).coordinates
    parts = [points[sexes == sex] for sex in ("female", "male", None)]
    names = ["sex = female", "sex = male", "sex missing"]
    pairs = overlaps(parts, fit_parts(parts, level=0.8), names)
    assert [group["group"] for group in answer["groups"]] == names
    assert (answer["kind"], answer["level"]) == ("prediction", 0.8)
    for item, pair in zip(answer["items"], pairs, strict=True):
        assert (item["first"], item["second"]) == (names[pair.first], names[pair.second])
        for field in ("distance", "uncorrected", "coefficient", "first_in_second", "second_in_first"):
            assert item[field] == pytest.approx(getattr(pair, field))
        assert item["interval"] == pytest.approx(list(pair.interval))
        assert item["warnings"] == list(pair.warnings)


def test_a_map_that_distorts_distances_is_said(service):
    loaded = service.service.loaded()
    charts = {name: replace(chart, keeps_proportions=False) for name, chart in loaded.index.maps.items()}
    distorted = replace(loaded, index=replace(loaded.index, maps=charts))
    for name, noun in (("pca", "ellipse"), ("space", "ellipsoid")):
        for ellipse in grouped(Question(distorted, name, EllipsesRequest())).fitted:
            assert f"the coverage of an {noun} has no meaning" in ellipse.warnings[0]


@pytest.mark.parametrize(
    ("path", "params", "said"),
    [
        (ELLIPSES, {"group_by": "shoe_size"}, "age, sex"),
        (ELLIPSES, {"group_by": "a b"}, "group_by"),
        (ELLIPSES, {"group_by": "age", "edge": [3, 2]}, "ascending"),
        (ELLIPSES, {"bins": 21}, "bins"),
        (ELLIPSES, {"where": "age"}, "COLUMN=VALUE"),
        (ELLIPSES, {"where": "age>=young"}, "numbers"),
        (ELLIPSES, {"where": ["sex="] * 33}, "where"),
        (ELLIPSES, {"label": 2**31}, "label"),
        (OVERLAP, {"min_n": 0}, "min_n"),
    ],
)
def test_what_cannot_be_asked(client, problem, path, params, said):
    assert said in problem(client.get(path.format("pca"), params=params), 422, "invalid-request")


@pytest.mark.parametrize(
    "change",
    [
        {"selection": {"polygon": [[0, 0], [1, 1]]}},
        {"selection": {"map": "space", "polygon": [[0, 0], [1, 1], [1, 0]]}},
        {"edges": ["NaN"]},
        {"unknown": 1},
        {"datasets": "all"},
    ],
)
def test_what_cannot_be_posted(client, problem, change):
    problem(client.post(ELLIPSES.format("pca"), json=change), 422, "invalid-request")


def test_a_query_is_held_to_what_a_body_is(client, problem):
    for path in (ELLIPSES, OVERLAP):
        answer = client.get(path.format("pca"), params={"split": ["test", "val", "train", "test"]})
        assert "splits" in problem(answer, 422, "invalid-request")


def test_what_is_not_there(client, problem):
    triangle = [[0, 0], [1, 0], [0, 1]]
    problem(client.get(OVERLAP.format("none")), 404, "not-found")
    problem(client.get(OVERLAP.format("pca"), params={"dataset": "none"}), 404, "not-found")
    body = {"selection": {"map": "none", "polygon": triangle}}
    problem(client.post(ELLIPSES.format("pca"), json=body), 404, "not-found")


def test_answers_keep_to_the_schema(client):
    document = client.get("/openapi.json").json()
    for path in (ELLIPSES, OVERLAP):
        operation = document["paths"][path.format("{map}")]["get"]
        schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
        for name in ("pca", "space"):
            answer = get(client, path, name, group_by="label", min_n=3)
            Draft202012Validator(schema | {"components": document["components"]}).validate(answer)
