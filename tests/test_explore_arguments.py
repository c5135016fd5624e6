"""What `vqscope explore` says of its arguments before anything starts, and its helpers."""

import os
import socket
import subprocess
import sysconfig
from pathlib import Path

import pytest

from backend.explore import (
    check_port,
    free_port,
    is_loopback,
    link_ready,
    names_of_service,
    reachable,
    shared_key,
)
from backend.keys import keys_of
from backend.settings import Settings
from model.errors import VQScopeError
from model.prepare import Prepared

VQSCOPE = Path(sysconfig.get_path("scripts")) / "vqscope"


@pytest.mark.parametrize("option", ["--port", "--api-port"])
def test_a_port_in_use_is_said_before_anything_starts(option, tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = subprocess.run(
            [VQSCOPE, "explore", "--port", "0", option, str(port)],
            env={**os.environ, "HOME": str(tmp_path), "VQSCOPE_CACHE": str(tmp_path / "cache")},
            capture_output=True,
            text=True,
        )
    assert (done.returncode, done.stdout) == (2, "")
    assert (
        done.stderr
        == f"vqscope: error: port {port} is in use: choose another one, such as {option} {port + 1}\n"
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--data-dir", "absent"], "absent does not exist"),
        (["--port", "99999"], "'99999' is not a port"),
        (["--host", "no.such.host.invalid"], "is no address of this machine"),
        (["--train-time", "soon"], "'soon' is not a time"),
        (["--train-time", "00:01:00"], "goes with --model quick only"),
        (["--train-time", "00:01:00", "--model", "base"], "goes with --model quick only"),
        (["--datasets", ","], "expected names"),
        (["extra"], "unrecognized arguments"),
    ],
)
def test_a_wrong_argument_is_one_line_and_code_2(arguments, words, tmp_path):
    done = subprocess.run(
        [VQSCOPE, "explore", "--port", "0", *arguments],
        cwd=tmp_path,
        env={**os.environ, "HOME": str(tmp_path), "VQSCOPE_CACHE": str(tmp_path / "cache")},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1, done.stderr
    assert words in done.stderr


@pytest.mark.parametrize(
    ("host", "name"),
    [("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "127.0.0.1"), ("::", "[::1]"), ("::1", "[::1]"), ("box", "box")],
)
def test_the_url_is_one_that_a_browser_can_open(host, name):
    assert reachable(host) == name


@pytest.mark.parametrize(
    ("host", "alone"),
    [("127.0.0.1", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("::", False)],
)
def test_what_other_machines_can_reach_is_known(host, alone):
    assert is_loopback(host) == alone


@pytest.mark.parametrize(("host", "warnings"), [("0.0.0.0", 1), ("127.0.0.1", 0)])
def test_listening_to_the_network_is_warned_of_in_one_line(host, warnings, tmp_path):
    done = subprocess.run(
        [VQSCOPE, "explore", "--port", "0", "--host", host, "--data-dir", "absent"],
        cwd=tmp_path,
        env={**os.environ, "HOME": str(tmp_path), "VQSCOPE_CACHE": str(tmp_path / "cache")},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    lines = [line for line in done.stderr.splitlines() if "can be reached from other machines" in line]
    assert len(lines) == warnings
    assert all(line.startswith("vqscope: warning: 0.0.0.0 ") for line in lines)


def test_a_port_that_is_free_is_accepted_and_a_foreign_address_is_not():
    check_port("127.0.0.1", free_port())
    with pytest.raises(VQScopeError, match=r"cannot listen on 192\.0\.2\.1:"):
        check_port("192.0.2.1", free_port())


def test_links_are_replaced(tmp_path):
    for name in ("one", "two"):
        target = tmp_path / name
        target.mkdir()
        prepared = Prepared(data_dir=target, datasets=("x",), model=target, index=target)
        link_ready(tmp_path / "ready", prepared)
    ready = tmp_path / "ready"
    assert sorted(path.name for path in ready.iterdir()) == ["data", "index", "model"]
    assert all(path.resolve() == tmp_path / "two" for path in ready.iterdir())


@pytest.mark.parametrize(("given", "names"), [("", set()), ("scope.example", {"scope.example", "127.0.0.1"})])
def test_a_name_for_the_explorer_does_not_shut_its_dashboard_out_of_the_service(given, names, monkeypatch):
    monkeypatch.setenv("VQSCOPE_ALLOWED_HOSTS", given)
    of_service = names_of_service().get("VQSCOPE_ALLOWED_HOSTS", given)
    assert Settings(index="i", allowed_hosts=of_service).allowed_hosts == names


def test_service_and_dashboard_share_a_key_only_where_keys_are_set(monkeypatch):
    for name in ("VQSCOPE_API_KEYS", "VQSCOPE_API_KEYS_FILE"):
        monkeypatch.delenv(name, raising=False)
    assert shared_key() == ({}, {})
    mine = "m" * 30
    monkeypatch.setenv("VQSCOPE_API_KEYS", mine)
    of_service, of_dashboard = shared_key()
    keys = keys_of(Settings(index="i", api_keys=of_service["VQSCOPE_API_KEYS"]))
    assert keys == {mine, of_dashboard["VQSCOPE_API_KEY"]}
    monkeypatch.delenv("VQSCOPE_API_KEYS")
    monkeypatch.setenv("VQSCOPE_API_KEYS_FILE", "/keys")
    of_service, of_dashboard = shared_key()
    assert keys_of(Settings(index="i", api_keys=of_service["VQSCOPE_API_KEYS"], api_keys_file=None)) == set(
        of_dashboard.values()
    )
