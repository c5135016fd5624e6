"""Training runs over HTTP: the tiny model's own run, and a copy of it that is being written."""

import shutil

import httpx
import numpy as np
import pytest

from model import run_folder, snapshots
from model.runs import curves_of, version_of


@pytest.fixture(scope="module")
def folder(tiny_model_dir, tmp_path_factory):
    """A folder with a finished run, and one of which the second epoch is still to come."""
    folder = tmp_path_factory.mktemp("runs")
    shutil.copytree(tiny_model_dir, folder / "done")
    shutil.copytree(tiny_model_dir, folder / "going-on")
    (folder / "going-on" / "model.safetensors").unlink()
    lines = (folder / "going-on" / "metrics.csv").read_text().splitlines()
    (folder / "going-on" / "metrics.csv").write_text("\n".join(lines[:2]))
    snapshots.epoch_path(folder / "going-on", 2).unlink()
    return folder


@pytest.fixture(scope="module")
def client(folder, run_service, make_settings):
    with run_service(make_settings().model_copy(update={"runs": folder})) as running:
        yield running.client


def test_runs_are_listed_with_their_state(client, folder):
    with run_folder.being_written(folder / "going-on"):
        answer = client.get("/v1/runs").json()
    assert answer["watching"] is True
    assert {item["name"]: item["state"] for item in answer["items"]} == {
        "done": "finished",
        "going-on": "training",
    }
    assert client.get("/v1/runs/going-on").json()["state"] == "interrupted"


def test_a_run_tells_its_curves_and_epochs(client, folder):
    answer = client.get("/v1/runs/done").json()
    assert (answer["epochs"], answer["max_epochs"]) == (2, 2)
    assert answer["curves"] == curves_of(folder / "done").columns
    assert answer["curves"]["epoch"] == [1, 2]
    assert [one["epoch"] for one in answer["snapshots"]] == [1, 2]
    shown = snapshots.read_images(folder / "done")
    assert [one["name"] for one in answer["datasets"]] == [one.name for one in shown.datasets]
    assert [one["position"] for one in answer["pictured"]] == shown.position[shown.pictured].tolist()
    assert answer["version"] == version_of(folder / "done")


def test_points_are_those_of_the_snapshot(client, folder):
    answer = client.get("/v1/runs/done/epochs/2/points")
    body, kept = answer.json(), snapshots.read_epoch(folder / "done", 2)
    np.testing.assert_allclose(np.column_stack([body["x"], body["y"]]), kept.points, atol=1e-4)
    shown = snapshots.read_images(folder / "done")
    assert body["position"] == shown.position.tolist()
    assert body["label"] == shown.label.tolist()
    assert body["n"] == len(kept.points) == len(body["dataset"])
    extent = client.get("/v1/runs/done").json()["snapshots"][1]["extent"]
    assert extent == pytest.approx(np.abs(kept.points).max())


@pytest.mark.parametrize("path", ["epochs/1/points", "epochs/1/reconstructions", "originals"])
def test_what_an_epoch_came_to_is_sent_once(client, path):
    version = client.get("/v1/runs/done").json()["version"]
    answer = client.get(f"/v1/runs/done/{path}", params={"v": version})
    assert answer.headers["cache-control"] == "private, max-age=31536000, immutable"
    assert client.get(f"/v1/runs/done/{path}").headers["cache-control"] == "private, no-cache"
    again = client.get(f"/v1/runs/done/{path}", headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_the_sheets_show_the_pictures_side_by_side(client, folder, unpng):
    shown, kept = snapshots.read_images(folder / "done"), snapshots.read_epoch(folder / "done", 1)
    for path, pictures in (
        ("originals", shown.originals),
        ("epochs/1/reconstructions", kept.reconstructions),
    ):
        answer = client.get(f"/v1/runs/done/{path}")
        assert answer.headers["content-type"] == "image/png"
        np.testing.assert_array_equal(unpng(answer.content), np.concatenate(list(pictures), axis=1))


def test_a_new_epoch_is_seen_at_once(client, folder):
    run = folder / "going-on"
    assert [one["epoch"] for one in client.get("/v1/runs/going-on").json()["snapshots"]] == [1]
    assert client.get("/v1/runs/going-on/epochs/2/points").status_code == 404
    shutil.copy(snapshots.epoch_path(folder / "done", 2), snapshots.epoch_path(run, 2))
    assert [one["epoch"] for one in client.get("/v1/runs/going-on").json()["snapshots"]] == [1, 2]
    assert client.get("/v1/runs/going-on/epochs/2/points").status_code == 200


def test_a_run_without_snapshots_still_has_curves(client, folder):
    plain = folder / "plain"
    shutil.copytree(folder / "done", plain, ignore=shutil.ignore_patterns("snapshots"))
    answer = client.get("/v1/runs/plain").json()
    assert (answer["epochs"], answer["snapshots"], answer["pictured"]) == (2, [], [])
    shutil.rmtree(plain)


@pytest.mark.parametrize(
    "path",
    [
        "nowhere",
        "%2e%2e",
        "..%2fruns%2fdone",
        "a%00b",
        "done/epochs/9/points",
        "done/epochs/9/reconstructions",
    ],
)
def test_what_is_not_there_is_told(client, path):
    answer = client.get(httpx.URL(f"{client.base_url}/v1/runs/{path}"))
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


def test_an_epoch_that_is_no_number_is_refused(client, problem):
    problem(client.get("/v1/runs/done/epochs/0/points"), 422, "invalid-request")
    problem(client.get("/v1/runs/done/epochs/two/points"), 422, "invalid-request")


def test_damage_tells_nothing_of_the_inside(client, folder, problem):
    shutil.copytree(folder / "done", folder / "damaged")
    snapshots.epoch_path(folder / "damaged", 1).write_bytes(b"no tensors")
    assert "damaged" not in problem(client.get("/v1/runs/damaged/epochs/1/points"), 500, "server-fault")
    shutil.rmtree(folder / "damaged")


def test_without_a_folder_nothing_is_watched(run_service, make_settings, tmp_path):
    with run_service(make_settings().model_copy(update={"runs": tmp_path / "none"})) as running:
        assert running.client.get("/v1/runs").json() == {"watching": False, "items": []}
        assert running.client.get("/v1/runs/done").status_code == 404
