"""Failures that belong to no resource: wrong paths, wrong methods, not ready, loading failed."""

import threading

import pytest

from model.errors import VQScopeError
from model.inference import load_model

WAIT = 60.0
NEED_LOADING = (
    "/health/ready",
    "/v1/models",
    "/v1/datasets",
    "/v1/maps",
    "/v1/maps/pca/points",
    "/v1/samples",
)


@pytest.mark.parametrize(
    "path", ["/nothing", "/v1", "/v1/models/", "/docs", "/redoc", "/v1/samples/a/b/c/d/e"]
)
def test_unknown_paths(client, path, problem):
    problem(client.get(path), 404, "not-found")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/v1/models", "GET, HEAD"),
        ("GET", "/v1/encode", "POST"),
        ("POST", "/health/live", "GET, HEAD"),
        ("PATCH", "/v1/maps", "GET, HEAD, POST"),
        ("PUT", "/v1/jobs/a", "DELETE, GET, HEAD"),
        ("PUT", "/openapi.json", "GET, HEAD"),
    ],
)
def test_wrong_methods(client, method, path, allowed, problem):
    answer = client.request(method, path)
    assert method in problem(answer, 405, "method-not-allowed")
    assert sorted(answer.headers["allow"].split(", ")) == allowed.split(", ")


@pytest.mark.parametrize("body", [b"\xff", b"[" * 100_000, b"{", b'{"map": "\xed\xa0\x80"}'])
@pytest.mark.parametrize("path", ["/v1/selections", "/v1/decode", "/v1/encode"])
def test_a_body_that_is_no_json_is_422(client, path, body, problem):
    """Also one that is no text: FastAPI itself would answer 400."""
    answer = client.post(path, content=body, headers={"Content-Type": "application/json"})
    problem(answer, 422, "invalid-request")


def test_live_at_once_and_ready_when_loaded(run_service, make_settings, problem):
    proceed = threading.Event()

    def slow(path):
        assert proceed.wait(WAIT)
        return load_model(path, "cpu")

    with run_service(make_settings(), load=slow, wait=False) as service:
        assert service.client.get("/health/live").json() == {"status": "live"}
        for path in NEED_LOADING:
            answer = service.client.get(path)
            assert "being loaded" in problem(answer, 503, "not-ready")
            assert answer.headers["retry-after"] == "1"
        upload = service.client.post("/v1/encode", files={"file": ("a.png", b"x")})
        problem(upload, 503, "not-ready")
        proceed.set()
        assert service.settled.wait(WAIT)
        for path in NEED_LOADING:
            assert service.client.get(path).status_code == 200


def test_what_was_asked_for_is_not_quoted_at_any_length(client, problem):
    detail = problem(client.get(f"/v1/neighbours/{'a' * 20_000}/test/3"), 404, "not-found")
    assert len(detail) < 600


def test_closing_while_loading_serves_nothing(run_service, make_settings):
    proceed = threading.Event()

    def slow(path):
        assert proceed.wait(WAIT)
        return load_model(path, "cpu")

    with run_service(make_settings(), load=slow, wait=False) as service:
        service.client.get("/health/live")
        service.service._closing.set()
        proceed.set()
        service.service._thread.join(WAIT)
        assert service.service.served is None
        assert service.client.get("/health/ready").status_code == 503


def test_index_of_another_path_is_told(run_service, make_settings, tmp_path, problem):
    with run_service(make_settings(index=tmp_path / "no-index")) as service:
        assert "no-index" in problem(service.client.get("/health/ready"), 503, "not-ready")
        assert service.client.get("/health/live").status_code == 200


def test_model_that_cannot_be_loaded_is_told(run_service, make_settings, tmp_path, problem):
    with run_service(make_settings(model=tmp_path / "no-model")) as service:
        assert "no-model" in problem(service.client.get("/health/ready"), 503, "not-ready")


def test_surprise_while_loading_is_logged_and_not_told(run_service, make_settings, problem, caplog):
    def broken(_path):
        raise RuntimeError("a secret of the inside")

    with run_service(make_settings(), load=broken) as service:
        detail = problem(service.client.get("/health/ready"), 503, "not-ready")
    assert "secret" not in detail
    assert "a secret of the inside" in caplog.text


@pytest.mark.parametrize("error", [ValueError("a secret"), VQScopeError("a secret path")])
def test_surprise_in_a_route_is_500_without_internals(
    run_service, make_settings, problem, caplog, capsys, error
):
    with run_service(make_settings()) as service:

        @service.app.get("/broken")
        def broken():
            raise error

        assert "secret" not in problem(service.client.get("/broken"), 500, "server-fault")
        assert service.client.get("/health/ready").status_code == 200
    assert "a secret" in caplog.text + capsys.readouterr().err  # uvicorn's own log goes to stderr
