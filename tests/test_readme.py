"""What the README shows is run: Python as it stands, commands on the offline sample."""

import contextlib
import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image

from model.shipped import find_model

README = (Path(__file__).parent.parent / "README.md").read_text()
STAND_INS = {"ham10000": "sample_fundus", "retinamnist": "sample_mr", "00:10:00": "00:00:08"}

pytestmark = pytest.mark.integration


def console(word: str) -> list[str]:
    """The README's lines at a prompt that begin with a word."""
    return [line[2:] for line in README.splitlines() if line.startswith(f"$ {word} ")]


def test_the_table_has_the_figures_of_the_shipped_model():
    figures = json.loads((find_model() / "card.json").read_text())["figures"]
    for name, entry in figures["datasets"].items():
        probe = entry["probes"]["linear"]
        low, high = probe["accuracy_interval"]
        assert (
            f"| {name} | {entry['n']:,} | {_with_interval(entry, 'psnr', 2)} | {_with_interval(entry, 'ssim', 3)}"
            f" | {entry['mae']:.4f} | {probe['accuracy']:.3f} ({low:.3f}–{high:.3f}) |"
        ) in README
    mean, codebook = figures["mean"], figures["codebook"]
    assert f"| **{_with_interval(mean, 'psnr', 2)}** | **{_with_interval(mean, 'ssim', 3)}** |" in README
    assert (
        f"{codebook['used']} of {codebook['size']} codes in use, perplexity {codebook['perplexity']:.0f}."
        in README
    )


def _with_interval(entry, figure, digits):
    low, high = entry[f"{figure}_interval"]
    further = max(entry[figure] - low, high - entry[figure])
    return f"{entry[figure]:.{digits}f} ± {further:.{digits}f}"


def test_the_python_example_runs(tiny_model_dir, tiny_index_dir, tmp_path, monkeypatch):
    block, _client = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    for name, target in (("runs", tiny_model_dir), ("indexes", tiny_index_dir)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "two").symlink_to(target)
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    exec(compile(block, "README.md", "exec"), names)
    assert np.shape(names["xy"]) == (4, 2)
    assert np.shape(names["pictures"]) == (4, 28, 28, 3)


@pytest.fixture(scope="module")
def workplace(sample_dir, tmp_path_factory):
    """A folder in which the README's commands have been run, up to `serve`."""
    folder = tmp_path_factory.mktemp("readme")
    (folder / "DATA").symlink_to(sample_dir)
    for line in console("vqscope"):
        if " serve " in line:
            continue
        for word, stand_in in STAND_INS.items():
            line = line.replace(word, stand_in)
        argv = [sys.executable, "-m", "model.cli", *shlex.split(line)[1:]]
        done = subprocess.run(argv, cwd=folder, capture_output=True, text=True, env=_environment())
        assert done.returncode == 0, f"{line}\n{done.stderr}"
    return folder


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)}


def test_the_commands_leave_what_they_promise(workplace):
    assert (workplace / "figures.json").is_file()
    assert (workplace / "indexes" / "two" / "index.json").is_file()
    for name in ("model.safetensors", "config.json", "card.json", "metrics.csv", "curves.png"):
        assert (workplace / "runs" / "two" / name).is_file()


@contextlib.contextmanager
def served(folder: Path):
    """The README's `vqscope serve`, on a free port."""
    (line,) = (line for line in console("vqscope") if " serve " in line)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    argv = [sys.executable, "-m", "model.cli", *shlex.split(line.replace("8000", str(port)))[1:]]
    process = subprocess.Popen(argv, cwd=folder, env=_environment(), stderr=subprocess.PIPE)
    try:
        # The retries of the transport bridge the time until the port listens; readiness has its own answer.
        with httpx.Client(transport=httpx.HTTPTransport(retries=12), timeout=60) as client:
            while client.get(f"http://127.0.0.1:{port}/health/ready").status_code != 200:
                assert process.poll() is None
        yield port
    finally:
        process.terminate()
        process.communicate(timeout=30)
    assert process.returncode == 0


@pytest.fixture(scope="module")
def port(workplace):
    """That of the README's service; its `image.png` lies in the folder of the commands."""
    pixels = np.random.default_rng(0).integers(0, 256, (28, 28, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(workplace / "image.png")
    with served(workplace) as found:
        yield found


def test_the_client_example_runs(workplace, port, monkeypatch):
    _block, client = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    monkeypatch.chdir(workplace)
    names: dict[str, object] = {}
    exec(compile(client.replace("8000", str(port)), "README.md", "exec"), names)
    assert np.ndim(names["embedding"]) == 1


@pytest.mark.skipif(shutil.which("curl") is None, reason="the examples are written for curl")
def test_the_curl_examples_answer(workplace, port):
    for line in console("curl"):
        for word, stand_in in STAND_INS.items():
            line = line.replace(word, stand_in)
        argv = [*shlex.split(line.replace("8000", str(port))), "--fail-with-body", "--silent"]
        done = subprocess.run(argv, cwd=workplace, capture_output=True, text=True)
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
        answer = json.loads(done.stdout)
        assert answer["model"], line
        # The separation of classes says why it cannot be computed, of a data set of one class.
        assert any(answer.get(name) for name in ("items", "figures", "not_computed")) or "code" in answer, (
            line
        )


def test_its_links_lead_somewhere():
    root = Path(__file__).parent.parent
    links = {link for link in re.findall(r"\]\(([^)#]+)", README) if "://" not in link}
    assert links
    assert [link for link in links if not (root / link).exists()] == []


def test_its_pictures_exist_and_nothing_is_left_to_fill_in():
    pictures = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", README)
    assert pictures
    for picture in pictures:
        with Image.open(Path(__file__).parent.parent / picture) as image:
            assert image.width >= 1280
    assert "@@" not in README
