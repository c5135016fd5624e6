"""Which pages of other origins may read the answers: those that were named, and no other."""

import pytest
from pydantic import SecretStr, ValidationError

from backend.settings import Settings

VIEWER, KEY = "https://viewer.hospital.example", "k" * 30


@pytest.fixture(scope="module")
def shared(run_service, make_settings):
    given = {"cors_origins": frozenset({VIEWER}), "api_keys": (SecretStr(KEY),)}
    with run_service(make_settings().model_copy(update=given)) as service:
        yield service.client


def preflight(client, origin, method="POST"):
    headers = {
        "Origin": origin,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": "authorization,content-type",
    }
    return client.options("/v1/encode", headers=headers)


def test_a_named_origin_may_ask_and_read(shared):
    """Browsers send no key with the question whether they may send one."""
    asked = preflight(shared, VIEWER)
    assert asked.status_code == 200
    assert asked.headers["access-control-allow-origin"] == VIEWER
    assert "authorization" in asked.headers["access-control-allow-headers"].lower()
    answer = shared.get("/v1/models", headers={"Origin": VIEWER, "Authorization": f"Bearer {KEY}"})
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == VIEWER
    exposed = answer.headers["access-control-expose-headers"].lower()
    assert {"etag", "x-request-id", "x-vqscope-model"} <= set(exposed.split(", "))


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "DELETE"])
def test_it_may_do_all_that_there_is_to_do(shared, method):
    assert preflight(shared, VIEWER, method).status_code == 200


def test_a_page_learns_why_it_is_refused(shared):
    answer = shared.get("/v1/models", headers={"Origin": VIEWER})
    assert answer.status_code == 401
    assert answer.headers["access-control-allow-origin"] == VIEWER


@pytest.mark.parametrize(
    "origin", ["https://other.example", f"{VIEWER}.other.example", "null", "http://viewer"]
)
def test_others_may_not(shared, origin):
    assert "access-control-allow-origin" not in preflight(shared, origin).headers
    headers = {"Origin": origin, "Authorization": f"Bearer {KEY}"}
    assert "access-control-allow-origin" not in shared.get("/v1/models", headers=headers).headers


def test_nobody_may_by_default(client):
    assert preflight(client, VIEWER).status_code == 405
    assert "access-control-allow-origin" not in client.get("/v1/models", headers={"Origin": VIEWER}).headers


def test_origins_come_from_the_environment(monkeypatch):
    monkeypatch.setenv("VQSCOPE_CORS_ORIGINS", f"{VIEWER}, http://localhost:3000")
    assert Settings(index="i").cors_origins == {VIEWER, "http://localhost:3000"}


@pytest.mark.parametrize(
    "origin", ["*", "null", "viewer.example", f"{VIEWER}/", f"{VIEWER}/path", "file:///x"]
)
def test_what_is_no_origin_is_refused(origin):
    with pytest.raises(ValidationError, match="as browsers send them"):
        Settings(index="i", cors_origins=origin)
