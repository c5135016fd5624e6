"""`vqscope serve` as a process: starts, tells what is wrong in one line, ends cleanly."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from backend.serve import main
from backend.settings import Limits, Settings
from model.checkpoints import read_model
from model.commands.index import main as build
from model.shipped import find_model

pytestmark = pytest.mark.integration
REPOSITORY = Path(__file__).resolve().parents[2]
WAIT = 120.0


@pytest.fixture
def command(tiny_model_dir, tiny_index_dir, sample_dir):
    """Build a command line; a None leaves an option out."""

    def build(**options) -> list[str]:
        given = {
            "model": tiny_model_dir,
            "index": tiny_index_dir,
            "data-dir": sample_dir,
            "port": 0,
        } | options
        parts = [
            part for name, value in given.items() if value is not None for part in (f"--{name}", str(value))
        ]
        return [sys.executable, "-m", "model.cli", "serve", *parts]

    return build


@pytest.fixture
def environment():
    kept = {
        name: value for name, value in os.environ.items() if name not in ("VQSCOPE_MODEL", "VQSCOPE_INDEX")
    }
    return {**kept, "OMP_NUM_THREADS": "2"}  # two at work, as for a user


@pytest.fixture
def started(environment):
    """Start a process whose end is seen to."""
    with contextlib.ExitStack() as stack:

        def start(arguments):
            process = subprocess.Popen(
                arguments,
                cwd=REPOSITORY,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            stack.callback(process.communicate)
            stack.callback(process.kill)
            return process

        yield start


def run(arguments, environment):
    return subprocess.run(
        arguments, cwd=REPOSITORY, env=environment, capture_output=True, text=True, timeout=WAIT, check=False
    )


def one_line(result):
    assert result.returncode == 2, result.stderr
    lines = result.stderr.splitlines()
    assert len(lines) == 1, result.stderr
    assert lines[0].startswith("vqscope")
    assert ": error: " in lines[0]
    return lines[0]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_serves_and_ends_with_code_0(command, started, number, grey, png):
    process = started(command())
    loading = process.stdout.readline()
    url = loading.split(" at ")[1].split()[0]
    assert url.startswith("http://127.0.0.1:")
    assert httpx.get(f"{url}/health/live", timeout=WAIT).json() == {"status": "live"}
    assert process.stdout.readline() == f"vqscope: ready at {url}\n"
    assert httpx.get(f"{url}/health/ready").status_code == 200
    answer = httpx.post(f"{url}/v1/encode", files={"file": ("a patient's name.png", png(grey[0]))})
    assert answer.status_code == 200
    assert httpx.post(f"{url}/v1/encode", files={"file": ("a patient's name.png", b"x")}).status_code == 415
    process.send_signal(number)
    output, errors = process.communicate(timeout=WAIT)
    assert process.returncode == 0
    assert errors == ""
    assert output == ""  # no access log, no file names


def test_what_was_loaded_is_collected_no_more(command, started):
    """Else each full collection holds up all requests, the longer the more was imported."""
    told = (
        "import atexit, gc, sys; from model.cli import main; "
        "atexit.register(lambda: print(gc.get_freeze_count())); sys.exit(main(sys.argv[1:]))"
    )
    process = started([sys.executable, "-c", told, *command()[3:]])
    for line in process.stdout:
        if "ready at" in line:
            break
    process.send_signal(signal.SIGTERM)
    output, _ = process.communicate(timeout=WAIT)
    assert process.returncode == 0
    assert int(output) > 100_000


@contextlib.contextmanager
def half_sent(url, image):
    """A request in work that waits for the rest of its body; gives a function that sends it and reads the status."""
    host, port = url.removeprefix("http://").split(":")
    body = b'--b\r\nContent-Disposition: form-data; name="file"; filename="A. Patient.png"\r\n\r\n' + image
    body += b"\r\n--b--\r\n"
    head = (
        "POST /v1/encode HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=b\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    with socket.create_connection((host, int(port)), timeout=WAIT) as connection:
        connection.sendall(head.encode() + body[:50])

        def finish():
            connection.sendall(body[50:])
            return connection.makefile("rb").readline()

        yield finish


def ask_until(ask, wanted):
    """Ask until the answer is the wanted one; each question is a connection of its own."""
    for _ in range(100_000):
        try:
            found = ask()
        except httpx.TransportError:
            found = None
        if found == wanted:
            return
    raise AssertionError(f"it stays {found}")


def test_sigterm_drains_and_the_log_is_json_without_names(command, started, environment, grey, png):
    """Not ready, but still answering; then closed to new requests, with the one in work answered; then ended."""
    environment |= {
        "VQSCOPE_DRAIN_SECONDS": "600",
        "VQSCOPE_GRACE_SECONDS": "60",
        "VQSCOPE_LOG_FORMAT": "json",
    }
    process = started(command())
    lines = [json.loads(process.stderr.readline()) for _ in range(2)]
    assert [line["message"].split()[0] for line in lines] == ["loading;", "ready"]
    url = lines[1]["message"].split()[-1]
    with half_sent(url, png(grey[0])) as finish:
        in_work = "vqscope_requests_in_work 2.0"
        ask_until(lambda: in_work in httpx.get(f"{url}/metrics").text, True)
        process.terminate()
        ask_until(lambda: httpx.get(f"{url}/health/ready").status_code, 503)
        assert httpx.get(f"{url}/v1/models", headers={"X-Request-ID": "mine"}).status_code == 200
        process.terminate()
        ask_until(lambda: httpx.get(f"{url}/health/live").status_code, None)
        assert finish().startswith(b"HTTP/1.1 200 ")
    output, errors = process.communicate(timeout=WAIT)
    assert process.returncode == 0
    assert output == ""
    assert "Patient" not in errors
    lines = [json.loads(line) for line in errors.splitlines()]
    assert [line["route"] for line in lines if line["request_id"] == "mine"] == ["/v1/models"]
    assert (lines[-1]["route"], lines[-1]["images"]) == ("/v1/encode", 1)


def test_what_does_not_end_within_the_grace_is_cut_off(command, started, environment, grey, png):
    environment |= {"VQSCOPE_GRACE_SECONDS": "0.1"}
    process = started(command())
    url = process.stdout.readline().split(" at ")[1].split()[0]
    process.stdout.readline()
    with half_sent(url, png(grey[0])):
        ask_until(lambda: "vqscope_requests_in_work 2.0" in httpx.get(f"{url}/metrics").text, True)
        process.terminate()
        _, errors = process.communicate(timeout=WAIT)
    assert process.returncode == 0
    assert "Traceback" not in errors
    assert "Cancel 1 running task(s)" in errors


WITH_A_ROUTE_THAT_HANGS = """
import sys, threading, backend.app
create_app = backend.app.create_app
def create(*arguments, **given):
    app = create_app(*arguments, **given)
    @app.get("/hang")
    def hang():
        print("hanging", flush=True)
        threading.Event().wait()
    return app
backend.app.create_app = create
from model.cli import main
sys.exit(main())
"""


def test_a_thread_that_does_not_end_does_not_hold_up_the_end(command, started, environment):
    environment |= {"VQSCOPE_GRACE_SECONDS": "0.1"}
    process = started([sys.executable, "-c", WITH_A_ROUTE_THAT_HANGS, *command()[3:]])
    host, port = process.stdout.readline().split(" at ")[1].split()[0].removeprefix("http://").split(":")
    process.stdout.readline()
    with socket.create_connection((host, int(port)), timeout=WAIT) as connection:
        connection.sendall(b"GET /hang HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert process.stdout.readline() == "hanging\n"
        process.terminate()
        _, errors = process.communicate(timeout=WAIT)
    assert process.returncode == 0
    assert "Traceback" not in errors
    assert "Cancel 1 running task(s)" in errors


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="there are no hang-ups here")
def test_sighup_loads_anew(command, started, tiny_index_dir, tmp_path):
    index = tmp_path / "index"
    index.symlink_to(tiny_index_dir)
    process = started(command(index=index))
    process.stdout.readline()
    process.stdout.readline()
    process.send_signal(signal.SIGHUP)
    version = json.loads((tiny_index_dir / "index.json").read_text())["model"]["version"]
    assert process.stdout.readline().startswith(f"vqscope: now serves model {version}, index ")
    index.unlink()
    process.send_signal(signal.SIGHUP)
    assert "all stays as it was" in process.stderr.readline()
    process.terminate()
    assert process.wait(WAIT) == 0


def test_the_shipped_model_is_the_default(command, started, sample_dir, tmp_path):
    """An index that is built and a service that is started without naming a model belong together."""
    index = tmp_path / "index"
    options = ["--data-dir", str(sample_dir), "--datasets", "sample_ct", "--splits", "test"]
    assert build([*options, "--out", str(index), "--device", "cpu"]) == 0
    process = started(command(model=None, index=index))
    url = process.stdout.readline().split(" at ")[1].split()[0]
    assert process.stdout.readline() == f"vqscope: ready at {url}\n"
    (served,) = httpx.get(f"{url}/v1/models").json()["items"]
    assert served["name"] == "base"
    assert served["sha256"] == read_model(find_model()).sha256
    process.terminate()
    assert process.wait(WAIT) == 0


@pytest.mark.parametrize("live", [False, True])
def test_ends_cleanly_while_loading(command, started, live):
    process = started(command())
    url = process.stdout.readline().split(" at ")[1].split()[0]
    if live:
        httpx.get(f"{url}/health/live", timeout=WAIT)
    process.terminate()
    _, errors = process.communicate(timeout=WAIT)
    assert process.returncode == 0
    assert errors == ""


def test_port_in_use(command, environment):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        line = one_line(run(command(port=port), environment))
    assert str(port) in line
    assert "in use" in line


def test_wrong_model(command, environment, tmp_path):
    assert "no-model" in one_line(run(command(model=tmp_path / "no-model"), environment))


def test_wrong_index(command, environment, tmp_path):
    assert "no-index" in one_line(run(command(index=tmp_path / "no-index"), environment))


def test_data_folder_that_is_not_there(command, environment, tmp_path):
    """Given in either way; only the default folder may be missing, as codes and maps need no images."""
    missing = str(tmp_path / "no-data")
    assert missing in one_line(run(command(**{"data-dir": missing}), environment))
    by_environment = environment | {"VQSCOPE_DATA": missing}
    assert missing in one_line(run(command(**{"data-dir": None}), by_environment))


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"model": None}, "base@"),  # the shipped one; the index is of another
        ({"index": None}, "--index"),
        ({"port": 70000}, "port"),
        ({"port": "x"}, "--port"),
        ({"host": "no.such.host.invalid"}, "no.such.host.invalid"),
        ({"colour": "red"}, "--colour"),
    ],
)
def test_wrong_options(command, environment, options, named):
    assert named in one_line(run(command(**options), environment))


def test_wrong_limit_in_the_environment(command, environment):
    line = one_line(run(command(), environment | {"VQSCOPE_QUEUE_LENGTH": "many"}))
    assert "queue_length" in line.lower()


def test_beyond_loopback_needs_a_key(command, environment):
    line = one_line(run(command(host="0.0.0.0"), environment))
    assert "VQSCOPE_API_KEYS" in line
    assert "--no-api-key" in line
    line = one_line(run(command(), environment | {"VQSCOPE_API_KEYS": "a-weak-key"}))
    assert "a-weak-key" not in line


def test_beyond_loopback_without_a_key_names_are_needed(command, environment):
    line = one_line(run([*command(host="0.0.0.0"), "--no-api-key"], environment))
    assert "VQSCOPE_ALLOWED_HOSTS" in line


def test_warns_beyond_loopback_without_a_key(command, started, environment):
    environment["VQSCOPE_ALLOWED_HOSTS"] = "localhost"
    process = started([*command(host="0.0.0.0"), "--no-api-key"])
    process.stdout.readline()
    warning = process.stderr.readline()
    assert warning.startswith("vqscope: warning: 0.0.0.0")
    process.terminate()
    assert process.wait(WAIT) == 0


def test_help_is_quick_and_has_examples(environment):
    code = (
        "import sys, backend.serve as s\n"
        "try: s.main(['--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'torch', 'fastapi', 'uvicorn', 'numpy'} & sys.modules.keys()\n"
        "assert not heavy, heavy\n"
    )
    result = run([sys.executable, "-c", code], environment)
    assert result.returncode == 0, result.stderr
    assert "vqscope serve --model" in result.stdout


def test_a_start_waits_for_nothing_that_only_training_needs(environment):
    """Lightning and what it brings along take as long to import as the service itself."""
    code = (
        "import sys, backend.app\n"
        "needless = {'lightning', 'torchmetrics', 'torchvision', 'sklearn', 'matplotlib'} & sys.modules.keys()\n"
        "assert not needless, needless\n"
    )
    result = run([sys.executable, "-c", code], environment)
    assert result.returncode == 0, result.stderr


def test_help_names_every_setting(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    told = capsys.readouterr().out
    options = {"model", "index", "host", "port", "data_dir", "limits"}
    assert all(f"--{name.replace('_', '-')}" in told for name in options - {"limits"})
    for name in (Limits.model_fields.keys() | Settings.model_fields.keys()) - options:
        assert f"VQSCOPE_{name.upper()}" in told
