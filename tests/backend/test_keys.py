"""API keys: asked for everywhere but at the health of the service, and never told."""

import socket

import pytest
from openai import AuthenticationError, OpenAI
from pydantic import SecretStr

from backend.keys import MIN_LENGTH, keys_of
from backend.settings import Settings
from model.errors import VQScopeError

FIRST, SECOND = "first-" + "k" * MIN_LENGTH, "second-" + "k" * MIN_LENGTH


@pytest.fixture(autouse=True)
def clean(monkeypatch):
    for name in ("API_KEYS", "API_KEYS_FILE", "ALLOW_NO_KEY"):
        monkeypatch.delenv(f"VQSCOPE_{name}", raising=False)


@pytest.fixture(scope="module")
def keyed(run_service, make_settings):
    settings = make_settings().model_copy(update={"api_keys": (SecretStr(FIRST), SecretStr(SECOND))})
    with run_service(settings) as service:
        yield service


@pytest.mark.parametrize(
    "path", ["/", "/v1/models", "/v1/encode", "/openapi.json", "/nothing", "/health/live/"]
)
def test_without_a_key_everything_is_401(keyed, problem, path):
    for method in ("GET", "POST"):
        answer = keyed.client.request(method, path)
        assert "X-API-Key" in problem(answer, 401, "unauthorized")
        assert answer.headers["www-authenticate"] == 'Bearer realm="vqscope"'
        assert not [name for name in answer.headers if name.lower().startswith("x-vqscope")]


@pytest.mark.parametrize("key", [FIRST, SECOND])
def test_any_key_opens_by_either_header(keyed, key):
    for headers in (
        {"Authorization": f"Bearer {key}"},
        {"Authorization": f"bearer  {key}"},
        {"X-API-Key": key},
        {"Authorization": "Basic eDp5", "X-API-Key": key},
    ):
        assert keyed.client.get("/v1/models", headers=headers).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": f"Bearer {FIRST}x"},
        {"Authorization": f"Bearer {FIRST[:-1]}"},
        {"Authorization": f"Bearer {FIRST},{SECOND}"},
        {"X-API-Key": FIRST.upper()},
        {"X-API-Key": "schlüssel".encode("latin-1")},
    ],
)
def test_another_key_is_401_and_not_repeated(keyed, problem, headers):
    answer = keyed.client.get("/v1/models", headers=headers)
    problem(answer, 401, "unauthorized")
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]
    assert "first" not in answer.text


def test_health_is_open(keyed):
    assert keyed.client.get("/health/live").status_code == 200
    assert keyed.client.get("/health/ready").status_code == 200


def test_a_body_is_not_waited_for_without_a_key(keyed):
    """An answer that waited for it would be 408."""
    request = (
        "POST /v1/encode HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=b\r\n"
        "Content-Length: 1000\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", keyed.port), timeout=60) as connection:
        connection.sendall(request.encode())
        assert connection.makefile("rb").readline().startswith(b"HTTP/1.1 401 ")


def test_who_sends_much_without_a_key_gets_the_answer_all_the_same(keyed, problem):
    files = {"file": ("a.png", bytes(8 << 20))}
    for _ in range(3):
        problem(keyed.client.post("/v1/encode", files=files), 401, "unauthorized")
    assert keyed.client.get("/health/live").status_code == 200


def test_openai_client_sends_it(keyed):
    url = f"http://127.0.0.1:{keyed.port}/v1"
    with OpenAI(base_url=url, api_key=FIRST, max_retries=0) as client:
        assert client.get("/models", cast_to=object)
    with OpenAI(base_url=url, api_key="wrong", max_retries=0) as client, pytest.raises(AuthenticationError):
        client.get("/models", cast_to=object)


def test_openapi_says_that_a_key_is_needed_only_where_one_is(keyed, client):
    document = keyed.client.get("/openapi.json", headers={"X-API-Key": FIRST}).json()
    assert document["components"]["securitySchemes"]["bearer"] == {"type": "http", "scheme": "bearer"}
    models = document["paths"]["/v1/models"]["get"]
    assert models["security"] == [{"bearer": []}, {"key": []}]
    assert models["responses"]["401"]["content"].keys() == {"application/problem+json"}
    assert "security" not in document["paths"]["/health/live"]["get"]
    assert "securitySchemes" not in client.get("/openapi.json").json()["components"]


def settings(**given):
    return Settings(index="i", **given)


def test_keys_come_from_the_environment_and_from_a_file(monkeypatch, tmp_path):
    file = tmp_path / "keys"
    file.write_text(f"# of the archive\n{SECOND}\n\n")
    monkeypatch.setenv("VQSCOPE_API_KEYS", f" {FIRST} ,")
    monkeypatch.setenv("VQSCOPE_API_KEYS_FILE", str(file))
    assert keys_of(settings()) == {FIRST, SECOND}
    assert FIRST not in repr(settings())


@pytest.mark.parametrize("key", ["short", "k" * (MIN_LENGTH - 1), "k" * 30 + " k", "ü" * 30])
def test_what_is_no_key_is_refused_and_not_told(monkeypatch, key):
    monkeypatch.setenv("VQSCOPE_API_KEYS", key)
    with pytest.raises(VQScopeError, match=r"secrets\.token_urlsafe") as caught:
        keys_of(settings())
    assert key not in str(caught.value)


def test_a_wrong_file_is_told(tmp_path):
    with pytest.raises(VQScopeError, match="cannot be read"):
        keys_of(settings(api_keys_file=tmp_path / "nothing"))
    for content, told in ((b"# none\n", "holds none"), (b"\xff", "ASCII")):
        (tmp_path / "keys").write_bytes(content)
        with pytest.raises(VQScopeError, match=told):
            keys_of(settings(api_keys_file=tmp_path / "keys"))


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "box"])
def test_beyond_loopback_a_key_is_needed_or_refused_explicitly(host):
    with pytest.raises(VQScopeError, match="VQSCOPE_API_KEYS"):
        keys_of(settings(host=host))
    assert keys_of(settings(host=host, allow_no_key=True)) == frozenset()
    assert keys_of(settings(host=host, api_keys=FIRST)) == {FIRST}
    assert keys_of(settings(host=host, api_keys=FIRST, allow_no_key=True)) == {FIRST}
    assert keys_of(settings()) == frozenset()
