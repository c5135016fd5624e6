"""The dashboard as a user starts it."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from dashboard.__main__ import listen
from dashboard.settings import DashboardSettings

NOWHERE = "http://127.0.0.1:9"  # the discard port: nobody answers


@contextmanager
def _start(*arguments: str, names: str = "") -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "dashboard", *arguments]
    variables = {**os.environ, "VQSCOPE_ALLOWED_HOSTS": names}
    with subprocess.Popen(command, env=variables, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()  # nothing to do where it has ended, as it should


async def test_answers_do_not_wait_for_acknowledgements():
    """asyncio takes Nagle's algorithm off connections of which it knows that they are TCP."""
    found: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def met(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = writer.get_extra_info("socket")
        found.set_result(connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        writer.close()

    listener = listen("127.0.0.1", 0)
    async with await asyncio.start_server(met, sock=listener):
        _, writer = await asyncio.open_connection(*listener.getsockname())
        assert await asyncio.wait_for(found, 10) == 1
        writer.close()


@pytest.mark.integration
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_starts_without_a_service_and_ends_cleanly(number):
    with _start("--api", NOWHERE, "--port", "0", names="box, scope.example") as process:
        assert process.stderr is not None
        line = process.stderr.readline()
        url = line.split()[1]
        # The socket listens before the application is up, so this waits for it.
        page = httpx.get(f"{url}/reconstructions?page=2", timeout=60, trust_env=False)
        assert "VQScope" in page.text
        assert '<script src="/assets/all-' in page.text  # whichever page is opened first
        assert "default-src 'self'" in page.headers["content-security-policy"]
        assert httpx.get(f"{url}/health", timeout=60, trust_env=False).json()["api"]["state"] == "away"
        for host, status in (("scope.example", 200), ("other.example", 421)):
            asked = httpx.get(f"{url}/health", headers={"Host": host}, timeout=60, trust_env=False)
            assert asked.status_code == status
        process.send_signal(number)
        rest = process.communicate(timeout=30)[1]
    assert process.returncode == 0
    assert rest == ""


@pytest.mark.integration
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_cleanly_while_it_is_still_starting(number):
    with _start("--api", NOWHERE, "--port", "0") as process:
        assert process.stderr is not None
        process.stderr.readline()  # the address; the pages are built after it
        process.send_signal(number)
        rest = process.communicate(timeout=30)[1]
    assert process.returncode == 0
    assert rest == ""


@pytest.mark.integration
def test_a_port_in_use_is_one_clear_line():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with _start("--api", NOWHERE, "--port", str(port)) as process:
            error = process.communicate(timeout=60)[1]
    assert process.returncode == 2
    assert error.count("\n") == 1
    assert str(port) in error
    assert "--port" in error


@pytest.mark.parametrize("url", ["", "127.0.0.1:8000", "ftp://host", "http://"])
def test_an_address_that_is_none_is_refused(url):
    with pytest.raises(ValueError, match="address"):
        DashboardSettings(api_url=url)


def test_an_impossible_port_is_refused():
    with pytest.raises(ValueError, match="port"):
        DashboardSettings(api_url=NOWHERE, port=70_000)


@pytest.mark.integration
def test_it_knows_nothing_of_torch_or_of_the_other_packages():
    code = (
        "import sys, dashboard.__main__, dashboard.app; "
        "print(sorted({m.split('.')[0] for m in sys.modules} & {'torch', 'model', 'backend', 'sklearn', 'flask_cors'}))"
    )
    found = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ},
        timeout=120,
    )
    assert found.stdout.strip() == "[]"


def test_a_key_is_checked_and_not_shown():
    with pytest.raises(ValueError, match="VQSCOPE_API_KEY") as caught:
        DashboardSettings(api_url=NOWHERE, api_key="two words")
    assert "two words" not in str(caught.value)
    assert "a-key" not in repr(DashboardSettings(api_url=NOWHERE, api_key="a-key"))
