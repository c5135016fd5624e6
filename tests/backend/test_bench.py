"""`vqscope bench` against a real service: what it counts is what the service counted, and nothing else is asked."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from pydantic import SecretStr

from backend.bench import main
from backend.load import Question, Tally
from model.errors import VQScopeError

KEY = "k" * 30
REPOSITORY = Path(__file__).resolve().parents[2]
WAIT = 60.0


@pytest.fixture(autouse=True)
def no_key(monkeypatch):
    monkeypatch.delenv("VQSCOPE_API_KEY", raising=False)


@pytest.fixture
def service(run_service, make_settings):
    with run_service(make_settings()) as service:
        yield service


def url(service):
    return f"http://127.0.0.1:{service.port}"


def counted(service):
    """Answers by (route, status), as the service counted them."""
    text = service.client.get("/metrics").text
    lines = [line for line in text.splitlines() if line.startswith("vqscope_requests_total{")]
    found = {}
    for line in lines:
        labels, value = line.removeprefix("vqscope_requests_total{").split("} ")
        named = dict(part.split("=") for part in labels.replace('"', "").split(","))
        found[named["route"], named["status"]] = float(value)
    return found


def test_it_counts_what_the_service_counts(service, model, index, tmp_path, capsys):
    file = tmp_path / "figures.json"
    arguments = ["--seconds", "1", "--concurrency", "3", "--images", "2", "--json", str(file)]
    assert main([url(service) + "/", *arguments]) == 0
    found = json.loads(file.read_text())
    assert counted(service) == {("/v1/encode", "200"): found["requests"] + 1}  # the first is not measured
    assert found["answers"] == {"200": found["requests"]}
    assert found["images"] == 2 * found["requests"]
    assert (found["model"], found["index"]) == (model.version, index.version)
    assert found["images_per_second"] == pytest.approx(found["images"] / found["seconds"], rel=0.01)
    told = capsys.readouterr()
    assert f"{found['images_per_second']:,.1f} images/s" in told.out
    assert "p95" in told.out
    assert told.err == ""  # the bar is for terminals


def test_files_are_sent_to_the_resource_that_is_named(service, grey, png, tmp_path):
    files = []
    for number, image in enumerate(grey[:3]):
        files.append(tmp_path / f"{number}.png")
        files[-1].write_bytes(png(image))
    arguments = ["--seconds", "1", "--concurrency", "1", "--resource", "project"]
    assert main([url(service), *arguments, *map(str, files)]) == 0
    assert counted(service).keys() == {("/v1/project", "200")}


def test_a_refusal_at_the_start_is_one_line(service, tmp_path):
    no_image = tmp_path / "no.png"
    no_image.write_bytes(b"x")
    with pytest.raises(VQScopeError, match="answers 415: file 1"):
        main([url(service), str(no_image)])


def test_nobody_there_is_one_line():
    with pytest.raises(VQScopeError, match="does not answer"):
        main(["http://127.0.0.1:9"])


def test_the_key_comes_from_the_environment(run_service, make_settings, monkeypatch):
    settings = make_settings().model_copy(update={"api_keys": (SecretStr(KEY),)})
    with run_service(settings) as service:
        with pytest.raises(VQScopeError, match="answers 401"):
            main([url(service)])
        monkeypatch.setenv("VQSCOPE_API_KEY", KEY)
        assert main([url(service), "--seconds", "1"]) == 0


def test_a_full_queue_is_no_failure_but_told(run_service, make_settings, capsys):
    with run_service(make_settings(queue_length=1, images_per_request=1)) as service:
        assert main([url(service), "--seconds", "1", "--concurrency", "8"]) == 0
    assert "429: " in capsys.readouterr().out


@pytest.mark.integration
def test_ctrl_c_shows_the_figures_so_far(service):
    command = [sys.executable, "-m", "model.cli", "bench", url(service), "--seconds", "3600"]
    process = subprocess.Popen(
        command, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        while counted(service).get(("/v1/encode", "200"), 0) < 3:
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=WAIT)
    finally:
        process.kill()
    assert process.returncode == 130
    assert "images/s" in output
    assert errors == ""


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["ftp://x"], "no address of a service"),
        (["127.0.0.1:8000"], "no address of a service"),
        (["http://x", "--concurrency", "0"], "from 1 to 1024"),
        (["http://x", "--seconds", "1e9"], "from 1 to 3600"),
        ([], "URL"),
    ],
)
def test_wrong_arguments_are_one_line(arguments, told, capsys):
    with pytest.raises(SystemExit) as left:
        main(arguments)
    assert left.value.code == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert told in lines[0]


def test_percentiles_are_of_the_latencies():
    tally = Tally()
    assert tally.percentiles() == {}
    tally.latencies.extend(np.linspace(0, 1, 101))
    assert tally.percentiles() == pytest.approx({50: 0.5, 90: 0.9, 95: 0.95, 99: 0.99, 100: 1.0})


def test_a_body_tells_no_name_of_a_file():
    question = Question.of([b"first", b"second"])
    assert question.images == 2
    assert question.content_type.startswith("multipart/form-data; boundary=")
    assert question.body.count(b'name="file"; filename="') == 2
