"""The Host header: a page of the web must not read a service of this machine by DNS rebinding."""

import httpx
import pytest
from starlette.responses import PlainTextResponse

from backend.hosts import HostGuard, answered_hosts, is_loopback
from model.errors import VQScopeError


@pytest.mark.parametrize("path", ["/v1/datasets", "/openapi.json", "/health/live", "/nothing"])
def test_other_names_are_refused_everywhere(client, problem, path):
    for host in ("rebound.example", "rebound.example:8000", "localhost.rebound.example", "127.0.0.1.example"):
        detail = problem(client.get(path, headers={"Host": host}), 421, "misdirected-request")
        assert "VQSCOPE_ALLOWED_HOSTS" in detail
        assert "rebound" not in detail


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:1", "127.0.0.1", "127.0.0.1:8000", "[::1]", "[::1]:8000"]
)
def test_names_of_this_machine_are_answered_with_any_port(client, host):
    assert client.get("/v1/datasets", headers={"Host": host}).status_code == 200


def test_uploads_are_refused_too(client, problem):
    answer = client.post("/v1/encode", files={"file": ("a", b"x")}, headers={"Host": "rebound.example"})
    problem(answer, 421, "misdirected-request")


@pytest.mark.parametrize(
    ("listening_on", "allowed", "host", "status"),
    [
        ("0.0.0.0", [], "scope.hospital.example", 200),
        ("::", [], "scope.hospital.example:8000", 200),
        ("127.0.0.2", [], "127.0.0.2:8000", 200),
        ("localhost", [], "scope.hospital.example", 421),
        ("::1", [], "scope.hospital.example", 421),
        ("127.0.0.1", ["scope.hospital.example"], "Scope.Hospital.example", 200),
        ("127.0.0.1", ["scope.hospital.example"], "127.0.0.1", 421),
        ("0.0.0.0", ["scope.hospital.example"], "other.example", 421),
        ("127.0.0.1", ["[fd00::1]"], "[fd00::1]:80", 200),
        ("127.0.0.1", ["*"], "other.example", 200),
        ("127.0.0.1", [], "", 421),
    ],
)
async def test_which_names_are_answered(listening_on, allowed, host, status):
    app = HostGuard(PlainTextResponse("here"), hosts=answered_hosts(listening_on, allowed, keyed=True))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1") as client:
        assert (await client.get("/", headers={"Host": host})).status_code == status


@pytest.mark.parametrize("listening_on", ["0.0.0.0", "::", "10.0.0.1", "box"])
def test_beyond_loopback_either_a_key_or_names_keep_other_pages_out(listening_on):
    with pytest.raises(VQScopeError, match="VQSCOPE_ALLOWED_HOSTS"):
        answered_hosts(listening_on, [], keyed=False)
    assert answered_hosts(listening_on, ["localhost"], keyed=False) == {"localhost"}
    assert answered_hosts(listening_on, ["*"], keyed=False) == {"*"}


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1", "localhost"])
def test_loopback(host):
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "box", ""])
def test_not_loopback(host):
    assert not is_loopback(host)
