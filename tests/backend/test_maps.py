"""Maps that come and go beside a running service, and maps that it is asked to fit."""

import shutil
import sys

import numpy as np
import pytest

from backend.loading import warm_up_maps
from backend.settings import Settings
from model.latent.features import Features
from model.latent.index import open_index
from model.latent.map_fitting import add_map, fit_map, remove_map
from model.latent.pca import PCASettings
from model.latent.tsne import TSNEProjector, TSNESettings

pytestmark = pytest.mark.integration
NEAR = {"method": "tsne", "parameters": {"perplexity": 5, "max_fitted": 400}, "name": "near"}
NEAR_SETTINGS = TSNESettings(perplexity=5, max_fitted=400)


@pytest.fixture(scope="module")
def folder(tiny_index_dir, tmp_path_factory):
    return shutil.copytree(tiny_index_dir, tmp_path_factory.mktemp("maps") / "index")


@pytest.fixture(scope="module")
def running_over_folder(run_service, make_settings, folder):
    with run_service(make_settings(index=folder)) as running:
        yield running


@pytest.fixture
def service(running_over_folder, folder):
    """A service over an index that has the map pca alone, as it has again afterwards."""
    yield running_over_folder
    for entry in (folder / "maps").iterdir():
        if entry.name != "pca":
            shutil.rmtree(entry)
    assert names(running_over_folder) == ["pca"]


def names(service):
    """What is served once the service has looked at the folder, as it does every second."""
    service.service.look_for_maps()
    return listed(service.client)


def listed(client):
    return [item["name"] for item in client.get("/v1/maps").json()["items"]]


def listed_soon(client, wanted):
    """Ask until these maps are served; each question takes its time."""
    return any(listed(client) == wanted for _ in range(100_000))


def finished(service, path):
    """The job, once it has ended."""
    assert service.app.state.map_jobs.wait(120)
    return service.client.get(path).json()


# --- beside the service ---


def test_places_that_are_no_numbers_are_null_as_json(service, folder):
    chart = shutil.copytree(folder / "maps" / "pca", folder / "nan")
    places = np.load(chart / "coordinates.npy")
    places[:3, 0] = np.nan, np.inf, -np.inf
    np.save(chart / "coordinates.npy", places)
    chart.rename(folder / "maps" / "nan")
    assert "nan" in names(service)
    answer = service.client.get("/v1/maps/nan/points")
    assert answer.status_code == 200
    columns = answer.json()["columns"]
    assert columns["x"][:4] == [None, None, None, places[3, 0]]
    assert columns["y"][:3] == places[:3, 1].tolist()


def test_maps_come_and_go_without_a_restart(service, folder, problem):
    client = service.client
    assert listed(client) == ["pca"]
    chart = add_map(open_index(folder), "pca", PCASettings(dimensions=3), name="wide")
    assert listed_soon(client, ["pca", "wide"])
    columns = client.get("/v1/maps/wide/points").json()["columns"]
    np.testing.assert_array_equal(np.float32([columns[axis] for axis in "xyz"]).T, chart.coordinates)
    sample = client.get("/v1/samples", params={"limit": 1}).json()["items"][0]
    place = client.get(f"/v1/samples/{sample['dataset']}/{sample['split']}/{sample['position']}").json()
    assert place["maps"].keys() == {"pca", "wide"}
    assert len(place["maps"]["wide"]) == 3
    remove_map(open_index(folder), "wide")
    assert listed_soon(client, ["pca"])
    problem(client.get("/v1/maps/wide/points"), 404, "not-found")


def test_a_map_of_the_same_name_is_another_picture(service, folder):
    client = service.client
    add_map(open_index(folder), "pca", PCASettings(dimensions=3), name="mine")
    service.service.look_for_maps()
    first = client.get("/v1/maps/mine/points")
    tag = first.headers["etag"]
    assert client.get("/v1/maps/mine/points", headers={"If-None-Match": tag}).status_code == 304
    remove_map(open_index(folder), "mine")
    add_map(open_index(folder), "pca", PCASettings(dimensions=2), name="mine")
    service.service.look_for_maps()
    second = client.get("/v1/maps/mine/points", headers={"If-None-Match": tag})
    assert second.status_code == 200
    assert second.headers["etag"] != tag
    assert "z" not in second.json()["columns"]


def test_uploads_land_on_a_map_of_three_dimensions(service, folder, grey, png):
    chart = add_map(open_index(folder), "pca", PCASettings(dimensions=3), name="wide")
    service.service.look_for_maps()
    files = {"file": ("a.png", png(grey[0]))}
    item = service.client.post("/v1/project", params={"map": "wide"}, files=files).json()["items"][0]
    assert min(np.linalg.norm(chart.coordinates - [item[axis] for axis in "xyz"], axis=1)) < 1e-2
    item = service.client.post("/v1/project", files=files).json()["items"][0]
    assert item["z"] is None


def test_uploads_land_on_the_mean_of_codes(service, folder, grey, png, model):
    vectors = np.random.default_rng(0).standard_normal((64, 2)).astype(np.float32)
    add_map(open_index(folder), "mean2d", code_vectors=vectors)
    service.service.look_for_maps()
    files = {"file": ("a.png", png(grey[0]))}
    item = service.client.post("/v1/project", params={"map": "mean2d"}, files=files).json()["items"][0]
    codes = model.encode(grey[:1]).codes
    np.testing.assert_allclose([item["x"], item["y"]], vectors[codes[0]].mean((0, 1)), atol=1e-5)


def test_a_damaged_map_harms_nothing_else(service, folder, caplog):
    client = service.client
    shutil.copytree(folder / "maps" / "pca", folder / "maps" / "bad")
    (folder / "maps" / "bad" / "map.json").write_text("{}")
    assert names(service) == ["pca"]
    assert "the map bad is left out" in caplog.text
    assert client.get("/v1/maps/pca/points").status_code == 200
    shutil.rmtree(folder / "maps" / "bad")
    add_map(open_index(folder), "pca", name="good")
    assert names(service) == ["pca", "good"]


def test_another_index_in_its_place_is_not_mixed_with_this_one(service, folder):
    text = (folder / "index.json").read_text()
    (folder / "index.json").write_text(text.replace("created_at", "made_at"))
    try:
        add_map(open_index(folder), "pca", name="other")
        assert names(service) == ["pca"]
    finally:
        (folder / "index.json").write_text(text)


# --- the first image on a map ---


@pytest.fixture(scope="module")
def with_near(tiny_index_dir, tmp_path_factory):
    """An index that also has a map on which images are placed by their neighbours."""
    folder = shutil.copytree(tiny_index_dir, tmp_path_factory.mktemp("near") / "index")
    index = open_index(folder)
    fit_map(folder / "maps" / "near", Features(index.embeddings), index.blocks, "tsne", NEAR_SETTINGS)
    return folder


def test_maps_are_warm_before_the_service_is_ready(run_service, make_settings, with_near, monkeypatch):
    """UMAP is compiled for seconds by the first image that it places."""
    placed = []
    monkeypatch.setattr(TSNEProjector, "transform", lambda self, features: placed.append(len(features)))
    with run_service(make_settings(index=with_near)):
        assert placed == [1]


def test_a_map_whose_package_is_not_installed_can_be_looked_at(with_near, monkeypatch, caplog):
    monkeypatch.setitem(sys.modules, "openTSNE", None)
    warm_up_maps(open_index(with_near))
    assert "no images can be placed on the map near: the map tsne needs openTSNE" in caplog.text


# --- fitted by the service ---


def test_a_map_is_fitted(service, folder):
    client = service.client
    answer = client.post("/v1/maps", json={"method": "pca", "dimensions": 3, "name": "wide"})
    assert answer.status_code == 202
    job = answer.json()
    assert answer.headers["location"] == f"/v1/jobs/{job['id']}"
    assert (job["state"], job["map"]) == ("running", "wide")
    assert client.get("/health/ready").status_code == 200
    done = finished(service, answer.headers["location"])
    assert (done["state"], done["error"]) == ("done", None)
    assert done["parameters"] == {"dimensions": 3}
    assert client.get("/v1/maps").json()["items"][-1]["stability"] is None
    assert listed(client) == ["pca", "wide"]
    assert client.get("/v1/maps/wide/points").json()["n"] == open_index(folder).n
    assert client.get("/v1/jobs").json()["items"][-1] == done


def test_how_much_a_fitted_map_depends_on_its_seed(service):
    client = service.client
    answer = client.post("/v1/maps", json=NEAR | {"stability": 2})
    assert finished(service, answer.headers["location"])["state"] == "done"
    listed = client.get("/v1/maps").json()["items"][-1]["stability"]
    assert (listed["fits"], listed["n"], listed["n_used"], listed["exact"]) == (2, 400, 400, True)
    assert client.get("/v1/maps/near/quality").json()["stability"] == listed


def test_one_at_a_time_and_cancelled(service, folder, problem):
    client = service.client
    path = client.post("/v1/maps", json=NEAR | {"dimensions": 3}).headers["location"]
    problem(client.post("/v1/maps", json={"method": "umap"}), 409, "busy")
    assert client.delete(path).json()["state"] == "cancelling"
    assert finished(service, path)["state"] == "cancelled"
    assert client.delete(path).json()["state"] == "cancelled"
    assert [entry.name for entry in (folder / "maps").iterdir()] == ["pca"]
    # The next one may begin.
    path = client.post("/v1/maps", json={"method": "pca", "name": "again"}).headers["location"]
    assert finished(service, path)["state"] == "done"


def test_what_the_fit_refuses_is_told(service):
    client = service.client
    wanted = {"method": "umap", "parameters": {"n_neighbors": 500, "max_fitted": 100}}
    job = finished(service, client.post("/v1/maps", json=wanted).headers["location"])
    assert job["state"] == "failed"
    assert "needs more than as many training images" in job["error"]


@pytest.mark.parametrize(
    ("wanted", "named"),
    [
        ({"method": "magic"}, "method"),
        ({"method": "mean2d"}, "method"),
        ({"method": "umap", "dimensions": 4}, "dimensions"),
        ({"method": "umap", "parameters": {"dimensions": 3}}, "dimensions"),
        ({"method": "umap", "name": "../x", "parameters": {}}, "name"),
        ({"method": "umap", "name": ""}, "name"),
        ({"method": "umap", "parameters": {"perplexity": 5}}, "perplexity"),
        ({"method": "umap", "parameters": {"n_neighbors": 15.5}}, "n_neighbors"),
        ({"method": "umap", "parameters": {"metric": "chebyshev"}}, "metric"),
        ({"method": "umap", "parameters": {"min_dist": "small"}}, "min_dist"),
        ({"method": "umap", "parameters": {"max_fitted": 10**12}}, "max_fitted"),
        ({"method": "umap", "stability": 99}, "stability"),
        ({"method": "umap", "stability": 1}, "stability"),
        ({"method": "pca", "stability": 3, "name": "x"}, "no seed"),
        ({"method": "umap", "command": "rm"}, "a field unknown here"),
        ([], "body"),
    ],
)
def test_what_cannot_be_fitted_is_422(client, problem, wanted, named):
    assert named in problem(client.post("/v1/maps", json=wanted), 422, "invalid-request")


def test_a_name_that_is_taken(client, problem):
    problem(client.post("/v1/maps", json={"method": "pca"}), 409, "name-taken")


@pytest.mark.parametrize("kind", [{}, {"Content-Type": "text/plain"}])
def test_a_page_of_another_origin_cannot_ask(client, problem, kind):
    answer = client.post("/v1/maps", content=b'{"method": "tsne"}', headers=kind)
    problem(answer, 415, "unsupported-media-type")
    assert client.get("/v1/jobs").json() == {"items": []}


def test_jobs_that_are_not_there(client, problem):
    problem(client.get("/v1/jobs/nosuch"), 404, "not-found")
    problem(client.delete("/v1/jobs/nosuch"), 404, "not-found")


def test_switched_off(run_service, make_settings, problem):
    settings = make_settings().model_copy(update={"map_jobs": "off"})
    with run_service(settings) as service:
        problem(service.client.post("/v1/maps", json={"method": "tsne"}), 403, "forbidden")
        assert service.client.get("/v1/maps").json()["methods"] == []


@pytest.mark.parametrize(
    ("host", "set_to", "may"),
    [
        ("127.0.0.1", None, True),
        ("0.0.0.0", None, False),
        ("0.0.0.0", "on", True),
        ("::1", "off", False),
    ],
)
def test_off_by_default_where_others_can_ask(host, set_to, may, tmp_path):
    from backend.map_jobs import may_fit

    assert may_fit(Settings(index=tmp_path, host=host, map_jobs=set_to)) is may


def test_a_service_that_ends_ends_the_fit(run_service, make_settings, folder):
    with run_service(make_settings(index=folder)) as service:
        service.client.post("/v1/maps", json=NEAR | {"dimensions": 3})
        process = service.app.state.map_jobs._process
        assert process is not None
    process.wait(60)
    assert [entry.name for entry in (folder / "maps").iterdir()] == ["pca"]
