import os
import select
import signal
import socket
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import httpx
import pytest

from backend.explore import free_port
from backend.supervisor import ChildEnded, NotReady, StopRequested, Supervisor

pytestmark = pytest.mark.integration

PATIENCE_S = 30.0


def ended(pidfd: int, timeout: float = PATIENCE_S) -> bool:
    """Whether the process behind the descriptor ends in time, be it our child or not."""
    return bool(select.select([pidfd], [], [], timeout)[0])


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Write a module that a child can run by name, and return the name."""
    folder = tmp_path / "modules"
    folder.mkdir()
    monkeypatch.setenv("PYTHONPATH", str(folder))

    def write(source: str) -> str:
        name = f"child_{len(list(folder.iterdir()))}"
        (folder / f"{name}.py").write_text(textwrap.dedent(source))
        return name

    return write


STUBBORN = """
    import signal, sys, threading
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    print("ignoring SIGTERM")
    threading.Event().wait()
"""


def wait_for_line(log: Path, child_line: str, supervisor: Supervisor) -> None:
    """Wait until a log holds a line; the child's end would be raised instead."""
    while child_line not in log.read_text():
        supervisor._wait(0.05)


def test_children_are_ready_then_end_with_the_context(tmp_path):
    ports = {"one": free_port(), "two": free_port()}
    with Supervisor() as supervisor:
        children = [
            supervisor.start(
                name,
                "http.server",
                [str(port), "--bind", "127.0.0.1", "--directory", str(tmp_path)],
                log=tmp_path / f"{name}.log",
            )
            for name, port in ports.items()
        ]
        supervisor.wait_ready(
            {name: f"http://127.0.0.1:{port}/" for name, port in ports.items()}, timeout=PATIENCE_S
        )
        assert all(listens(port) for port in ports.values())
    assert not any(listens(port) for port in ports.values())
    assert [child.process.poll() for child in children] == [-signal.SIGTERM, -signal.SIGTERM]


def test_a_child_that_dies_is_reported_with_its_last_lines(tmp_path, module):
    dying = module("import sys\nprint(*range(100), 'the reason', sep='\\n')\nsys.exit(3)\n")
    with Supervisor() as supervisor:
        lasting = supervisor.start("lasting", module(STUBBORN), [], log=tmp_path / "lasting.log")
        wait_for_line(lasting.log, "ignoring", supervisor)
        supervisor._grace = 0.0
        supervisor.start("dying", dying, [], log=tmp_path / "dying.log")
        with pytest.raises(ChildEnded, match=r"dying ended \(exit code 3\)") as failure:
            supervisor.wait_stop()
        assert failure.value.child.last_lines(2) == ["99", "the reason"]
    assert lasting.process.poll() == -signal.SIGKILL


def test_not_ready_names_the_child_and_ends_in_time(tmp_path, module):
    with Supervisor(grace=0.0) as supervisor:
        supervisor.start("the mute", module(STUBBORN), [], log=tmp_path / "log")
        with pytest.raises(NotReady, match="the mute did not answer"):
            supervisor.wait_ready({"the mute": f"http://127.0.0.1:{free_port()}"}, timeout=0.3)


def test_an_answer_that_is_an_error_is_not_ready(tmp_path):
    port = free_port()
    with Supervisor() as supervisor:
        supervisor.start("files", "http.server", [str(port), "--bind", "127.0.0.1"], log=tmp_path / "log")
        supervisor.wait_ready({"files": f"http://127.0.0.1:{port}/"}, timeout=PATIENCE_S)
        with pytest.raises(NotReady):
            supervisor.wait_ready({"files": f"http://127.0.0.1:{port}/missing"}, timeout=0.3)


def test_the_proxy_of_the_environment_is_not_asked(tmp_path, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{free_port()}")
    port = free_port()
    with Supervisor() as supervisor:
        supervisor.start("files", "http.server", [str(port), "--bind", "127.0.0.1"], log=tmp_path / "log")
        supervisor.wait_ready({"files": f"http://127.0.0.1:{port}/"}, timeout=PATIENCE_S)


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_waiting_and_the_handlers_come_back(signum):
    before = signal.getsignal(signum)
    with Supervisor() as supervisor:
        os.kill(os.getpid(), signum)
        assert supervisor.wait_stop() == signum
        os.kill(os.getpid(), signum)
        with pytest.raises(StopRequested):
            supervisor.wait_ready({"nobody": f"http://127.0.0.1:{free_port()}"}, timeout=PATIENCE_S)
    assert signal.getsignal(signum) is before


def test_a_second_signal_ends_a_stubborn_child_at_once(tmp_path, module):
    with Supervisor(grace=3600.0) as supervisor:
        child = supervisor.start("stubborn", module(STUBBORN), [], log=tmp_path / "log")
        wait_for_line(child.log, "ignoring", supervisor)
        os.kill(os.getpid(), signal.SIGINT)
        supervisor.wait_stop()
        os.kill(os.getpid(), signal.SIGINT)
    assert child.process.poll() == -signal.SIGKILL


def test_what_a_child_started_ends_with_it(tmp_path, module):
    parent = module("""
        import subprocess, sys
        child = subprocess.Popen([sys.executable, "-c", "import threading; threading.Event().wait()"])
        print(f"started {child.pid}.")
        child.wait()
    """)
    with Supervisor() as supervisor:
        child = supervisor.start("parent", parent, [], log=tmp_path / "log")
        wait_for_line(child.log, ".\n", supervisor)
        grandchild = os.pidfd_open(int(child.log.read_text().split()[1].rstrip(".")))
    assert ended(grandchild)
    os.close(grandchild)


def test_one_child_can_be_waited_for(tmp_path, module):
    quick = module("import sys\nsys.exit(7)\n")
    with Supervisor(grace=0.0) as supervisor:
        supervisor.start("stubborn", module(STUBBORN), [], log=tmp_path / "log")
        child = supervisor.start("quick", quick, [], log=tmp_path / "quick.log")
        assert supervisor.wait_ended(child) == 7


def test_a_child_gets_its_arguments_no_input_and_no_foreign_modules(tmp_path, module, monkeypatch):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "__init__.py").write_text("raise SystemExit('the wrong model')")
    monkeypatch.chdir(tmp_path)
    asking = module("""
        import sys
        import model
        print(sys.argv[1:], repr(sys.stdin.read()), __name__)
    """)
    with Supervisor() as supervisor:
        child = supervisor.start("asking", asking, ["--a", "b c"], log=tmp_path / "log")
        assert supervisor.wait_ended(child) == 0
    assert child.log.read_text() == "['--a', 'b c'] '' __main__\n"


PARENT = """
    import sys
    from pathlib import Path
    from backend.supervisor import Supervisor

    port, stubborn, folder = int(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
    with Supervisor() as supervisor:
        server = supervisor.start(
            "server", "http.server", [str(port), "--bind", "127.0.0.1"], log=folder / "server.log")
        other = supervisor.start("other", stubborn, [], log=folder / "other.log", grace=0.1)
        at_once = supervisor.start("third", stubborn, [], log=folder / "third.log", grace=0)
        supervisor.wait_ready({"server": f"http://127.0.0.1:{port}/"}, timeout=30)
        while not all("ignoring" in c.log.read_text() for c in (other, at_once)):
            supervisor._wait(0.05)
        print(*(c.process.pid for c in (server, other, at_once)), flush=True)
        supervisor.wait_stop()
"""


def test_killing_the_supervisor_leaves_no_orphan(tmp_path, module):
    port = free_port()
    parent = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(PARENT), str(port), module(STUBBORN), str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
    )
    with parent:
        children = [os.pidfd_open(int(pid)) for pid in parent.stdout.readline().split()]
        assert len(children) == 3
        assert httpx.get(f"http://127.0.0.1:{port}/", trust_env=False).status_code == 200
        parent.kill()
    assert all(ended(child) for child in children)
    assert not listens(port)
    for child in children:
        os.close(child)


def test_no_thread_is_left(tmp_path):
    before = threading.active_count()
    with Supervisor() as supervisor:
        supervisor.start("files", "http.server", [str(free_port())], log=tmp_path / "log")
    assert threading.active_count() == before
