"""`vqscope explore` as a user starts it: real processes, an empty home, the offline sample, no network."""

import os
import re
import select
import signal
import socket
import subprocess
import sysconfig
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil
import pytest

from backend.explore import free_port
from model import open_index

VQSCOPE = Path(sysconfig.get_path("scripts")) / "vqscope"
PATIENCE_S = 240.0


@pytest.fixture(scope="module")
def environment(tmp_path_factory) -> dict[str, str]:
    """An empty home shared by the tests of this file, and a proxy that refuses: a machine without a network."""
    home = tmp_path_factory.mktemp("home")
    kept = {k: v for k, v in os.environ.items() if not re.match("VQSCOPE_|XDG_", k)}
    proxies = {name: f"http://127.0.0.1:{free_port()}" for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")}
    return {**kept, **proxies, "HOME": str(home), "NO_PROXY": ""}


class Explorer:
    """A running `vqscope explore`."""

    def __init__(self, process: subprocess.Popen) -> None:
        self.process = process
        self.url = ""
        self._told = ""
        self._heard = threading.Condition()
        self._reader = threading.Thread(target=self._read)  # a full pipe would halt the process
        self._reader.start()

    def _read(self) -> None:
        for line in self.process.stderr:
            with self._heard:
                self._told += line
                self._heard.notify_all()

    @property
    def told(self) -> str:
        """All of standard error; to be asked for after the end."""
        self._reader.join()
        return self._told

    def join(self) -> None:
        """Let the reader end before its pipe is closed."""
        self._reader.join()

    def wait_told(self, words: str) -> None:
        """Wait until standard error holds the words."""
        with self._heard:
            assert self._heard.wait_for(lambda: words in self._told, PATIENCE_S), self._told

    def wait_ready(self) -> str:
        """Wait for the one line on standard output and return the URL in it."""
        line = self.process.stdout.readline()
        found = re.fullmatch(r"VQScope is ready: (http://127\.0\.0\.1:\d+)  \(Ctrl-C ends it\)\n", line)
        assert found, (line, self.told)
        self.url = found[1]
        return self.url

    def children(self) -> list[psutil.Process]:
        """The processes below the supervisor."""
        return psutil.Process(self.process.pid).children(recursive=True)

    def pair(self) -> list[psutil.Process]:
        """The service and the dashboard, without what they start themselves."""
        return psutil.Process(self.process.pid).children()

    def end(self, signum: int) -> int:
        """Send a signal, wait for the end; return the exit code."""
        self.process.send_signal(signum)
        return self.process.wait(PATIENCE_S)


@contextmanager
def exploring(environment: dict[str, str], *arguments: str) -> Iterator[Explorer]:
    process = subprocess.Popen(
        [VQSCOPE, "explore", "--port", "0", *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        explorer = Explorer(process)
        try:
            yield explorer
        finally:
            process.kill()
            explorer.join()


def listening(processes: list[psutil.Process]) -> dict[int, int]:
    """Port -> process id."""
    found = {}
    for process in processes:
        for connection in process.net_connections("tcp"):
            if connection.status == psutil.CONN_LISTEN:
                found[connection.laddr.port] = process.pid
    return found


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def ended(pidfd: int) -> bool:
    return bool(select.select([pidfd], [], [], PATIENCE_S)[0])


@pytest.fixture(scope="module")
def started_once(environment) -> dict[str, object]:
    """The first start: indexes under the shipped model, serves, ends on SIGTERM. What was seen of it."""
    seen: dict[str, object] = {}
    with exploring(environment) as explorer:
        url = explorer.wait_ready()
        seen["page"] = httpx.get(url, trust_env=False)
        seen["health"] = httpx.get(f"{url}/health", trust_env=False).json()
        children = explorer.children()
        ports = listening(children)
        seen["ports"], seen["children"] = ports, len(explorer.pair())
        (api,) = [port for port in ports if f":{port}" not in url]
        seen["datasets"] = httpx.get(f"http://127.0.0.1:{api}/v1/datasets", trust_env=False).json()
        explorer.wait_told("openapi.json")
        seen["document"] = httpx.get(f"http://127.0.0.1:{api}/openapi.json", trust_env=False).status_code
        seen["code"] = explorer.end(signal.SIGTERM)
        seen["alive"] = [child.pid for child in children if child.is_running()]
        seen["open"] = [port for port in ports if answers(port)]
        seen["rest"] = explorer.process.stdout.read()
        seen["told"] = explorer.told
    return seen


@pytest.mark.integration
class TestExplore:
    def test_a_first_start_makes_all_it_needs(self, started_once):
        told = started_once["told"]
        assert "trying to download" in told
        assert "taking the offline sample" in told
        assert "model: base\n" in told
        assert "training" not in told
        assert "index: building it" in told

    def test_two_processes_serve_page_and_data(self, started_once):
        assert started_once["children"] == 2
        assert len(started_once["ports"]) == 2
        assert started_once["page"].status_code == 200
        assert "html" in started_once["page"].headers["content-type"]
        assert started_once["health"]["api"]["state"] == "ready"
        names = [item["name"] for item in started_once["datasets"]["items"]]
        assert len(names) >= 4
        assert all(name.startswith("sample_") for name in names)

    def test_the_address_of_the_document_that_is_told_is_right(self, started_once):
        (api,) = re.findall(
            r"OpenAPI document: (http://127\.0\.0\.1:\d+)/openapi\.json", started_once["told"]
        )
        assert int(api.rpartition(":")[2]) in started_once["ports"]
        assert started_once["document"] == 200

    def test_the_index_that_is_told_can_be_named_to_a_command(self, started_once):
        (folder,) = re.findall(r"'vqscope map list INDEX': (.+)\n", started_once["told"])
        assert "pca" in open_index(folder).maps

    def test_sigterm_ends_both_and_one_line_was_all(self, started_once):
        assert started_once["code"] == 0
        assert started_once["alive"] == []
        assert started_once["open"] == []
        assert started_once["rest"] == ""

    @pytest.mark.usefixtures("started_once")
    def test_a_second_start_builds_nothing_and_ctrl_c_ends_it(self, environment):
        with exploring(environment) as explorer:
            explorer.wait_ready()
            children = explorer.children()
            assert explorer.end(signal.SIGINT) == 0
            assert not any(child.is_running() for child in children)
            assert "built on an earlier start" in explorer.told
            assert "Traceback" not in explorer.told

    @pytest.mark.usefixtures("started_once")
    def test_two_at_once_share_the_cache(self, environment):
        with exploring(environment) as one, exploring(environment) as other:
            assert one.wait_ready() != other.wait_ready()
            assert one.end(signal.SIGTERM) == 0
            assert httpx.get(other.url, trust_env=False).status_code == 200
            assert other.end(signal.SIGTERM) == 0

    @pytest.mark.usefixtures("started_once")
    def test_killing_the_supervisor_leaves_no_orphan(self, environment):
        with exploring(environment) as explorer:
            explorer.wait_ready()
            children = explorer.children()
            ports = listening(children)
            descriptors = [os.pidfd_open(child.pid) for child in children]
            assert len(ports) == 2
            explorer.end(signal.SIGKILL)
            assert all(ended(descriptor) for descriptor in descriptors)
            assert not any(answers(port) for port in ports)
            for descriptor in descriptors:
                os.close(descriptor)

    @pytest.mark.usefixtures("started_once")
    @pytest.mark.parametrize("which", ["the service", "the dashboard"])
    def test_when_one_dies_the_other_ends_and_it_is_said(self, environment, which):
        with exploring(environment) as explorer:
            url = explorer.wait_ready()
            children = explorer.children()
            (victim,) = [
                child
                for child in explorer.pair()
                if ("dashboard" in child.cmdline()) == (which == "the dashboard")
            ]
            victim.kill()
            assert explorer.process.wait(PATIENCE_S) == 1
            assert f"vqscope: error: {which} ended (exit code -9); its last lines" in explorer.told
            # Decoders end by themselves once the service that was killed no longer holds the other end.
            assert psutil.wait_procs(children, PATIENCE_S)[1] == []
            assert not answers(int(url.rsplit(":", 1)[1]))

    def test_a_stop_while_preparing_leaves_nothing_half_made(self, environment, tmp_path):
        fresh = {**environment, "HOME": str(tmp_path)}
        with exploring(fresh, "--model", "quick", "--train-time", "00:10:00") as explorer:
            explorer.wait_told("training a quick one")
            children = explorer.children()
            assert explorer.end(signal.SIGTERM) == 128 + signal.SIGTERM
            assert not any(child.is_running() for child in children)
            assert "vqscope: interrupted" in explorer.told
            assert explorer.process.stdout.read() == ""
        models = tmp_path / ".cache" / "vqscope" / "models"
        assert not [path for path in models.iterdir() if not path.name.startswith(".")]

    @pytest.mark.usefixtures("started_once")
    def test_prepare_only_links_what_serving_needs(self, environment, tmp_path):
        done = subprocess.run(
            [
                *(VQSCOPE, "explore", "--prepare-only", "--or-sample"),
                *("--ready-dir", str(tmp_path / "ready")),
            ],
            env=environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        assert (tmp_path / "ready" / "model" / "model.safetensors").is_file()
        assert (tmp_path / "ready" / "index" / "index.json").is_file()
        assert list((tmp_path / "ready" / "data").glob("*.npz"))
        assert [line.split()[0] for line in done.stdout.splitlines()] == ["model", "index", "data"]
