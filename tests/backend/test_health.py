"""Health tells the truth: ready is 503 as soon as the service cannot, or should not, be asked."""

import shutil
import threading

import pytest
from pydantic import SecretStr

from backend import index_watch
from backend import service as backend_service
from backend.batching import Job

KEY = "k" * 30


@pytest.fixture
def moved(tiny_index_dir, tmp_path):
    """An index that a test may take away."""
    folder = tmp_path / "index"
    shutil.copytree(tiny_index_dir, folder)
    return folder


def test_ready_names_what_is_served(client, model, index):
    assert client.get("/health/ready").json() == {
        "status": "ready",
        "model": model.version,
        "index": index.version,
    }


def test_an_index_that_vanishes_is_not_ready_until_it_is_back(
    run_service, make_settings, moved, problem, caplog
):
    with run_service(make_settings(index=moved)) as service:
        away = moved.rename(moved.parent / "away")
        for _ in range(2):
            answer = service.client.get("/health/ready")
            assert "is missing" in problem(answer, 503, "index-gone")
            assert answer.headers["retry-after"] == "10"
        assert service.client.get("/health/live").status_code == 200
        # What is mapped can be read on: requests that still come are not failed.
        assert service.client.get("/v1/maps/pca/points").status_code == 200
        away.rename(moved)
        assert service.client.get("/health/ready").status_code == 200
    told = [record for record in caplog.records if record.name == "backend.index_watch"]
    assert [record.levelname for record in told] == ["ERROR", "WARNING"]


def test_storage_that_hangs_is_not_ready(run_service, make_settings, problem, monkeypatch):
    """One look hangs, however often is asked, and the service answers everything else."""
    answers, looks = threading.Event(), []

    def hang(index):
        looks.append(index)
        assert answers.wait(60)

    monkeypatch.setattr(index_watch, "check_files", hang)
    monkeypatch.setattr(index_watch, "LOOK_SECONDS", 0.05)
    with run_service(make_settings()) as service:
        for _ in range(3):
            assert "did not answer" in problem(service.client.get("/health/ready"), 503, "index-gone")
        assert len(looks) == 1
        assert service.client.get("/v1/models").status_code == 200
        answers.set()
        service.service._watch._look.result(60)
        assert service.client.get("/health/ready").status_code == 200


def test_storage_that_hangs_while_maps_are_looked_for_delays_no_answer(
    run_service, make_settings, monkeypatch
):
    answers, looked = threading.Event(), threading.Event()

    def hang(_index):
        looked.set()
        assert answers.wait(60)

    monkeypatch.setattr(backend_service, "maps_state", hang)
    monkeypatch.setattr(index_watch, "BETWEEN_SECONDS", 0.01)
    with run_service(make_settings()) as service:
        try:
            assert looked.wait(60)
            for path in ("/health/live", "/v1/models", "/v1/maps"):
                assert service.client.get(path, timeout=30).status_code == 200
        finally:
            answers.set()


def test_a_dead_model_thread_is_not_ready(run_service, make_settings, problem, png, grey):
    def die(_model, _payloads):
        raise SystemExit

    with run_service(make_settings()) as service:
        service.batcher.submit(Job("die", lambda _nothing: None, die), [None])[0].exception()
        service.batcher._thread.join()
        assert "restart" in problem(service.client.get("/health/ready"), 503, "model-gone")
        upload = service.client.post("/v1/encode", files={"file": ("a.png", png(grey[0]))})
        problem(upload, 503, "model-gone")
        assert service.client.get("/health/live").status_code == 200
        assert service.client.get("/v1/datasets").status_code == 200
        service.service.reload().result()  # brings another thread
        assert service.client.get("/health/ready").status_code == 200


def test_draining_is_not_ready_but_answers(run_service, make_settings, problem):
    with run_service(make_settings()) as service:
        service.service.drain()
        problem(service.client.get("/health/ready"), 503, "draining")
        assert service.client.get("/v1/models").status_code == 200


def test_why_is_told_to_those_with_a_key_alone(run_service, make_settings, tmp_path, problem):
    settings = make_settings(index=tmp_path / "no-index").model_copy(update={"api_keys": (SecretStr(KEY),)})
    with run_service(settings) as service:
        stranger = problem(service.client.get("/health/ready"), 503, "not-ready")
        assert "no-index" not in stranger
        known = service.client.get("/health/ready", headers={"X-API-Key": KEY})
        assert "no-index" in problem(known, 503, "not-ready")
