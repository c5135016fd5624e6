"""What docs/api.md shows is run, against a service over the offline sample."""

import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

DOCUMENT = (Path(__file__).resolve().parents[2] / "docs" / "api.md").read_text()
URL = "http://127.0.0.1:8000"


@pytest.mark.skipif(shutil.which("curl") is None, reason="the examples are written for curl")
def test_the_curl_examples_answer(running, index, model, tmp_path):
    random = np.random.default_rng(0)
    for name in ("a.png", "b.png"):
        Image.fromarray(random.integers(0, 256, (28, 28, 3), np.uint8)).save(tmp_path / name)
    np.save(tmp_path / "images.npy", random.integers(0, 256, (3, 28, 28), np.uint8))
    (tmp_path / "notes.txt").write_text("no picture")
    lines = [line[2:] for line in DOCUMENT.splitlines() if line.startswith("$ curl ")]
    assert len(lines) >= 6
    for line in lines:
        line = line.replace("breastmnist", index.datasets[0]["name"]).replace(
            URL, str(running.client.base_url)
        )
        done = subprocess.run(
            [*shlex.split(line), "--fail-with-body", "-sS"], cwd=tmp_path, capture_output=True, text=True
        )
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
        answer = json.loads(done.stdout)
        assert answer["model"] == model.version
        assert answer.get("items") or answer["steps"]


def test_the_python_example_runs(running, model):
    names = _run("np.load", running)
    encoding = model.encode(names["images"])
    np.testing.assert_allclose(names["embeddings"], encoding.embeddings, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(names["codes"], encoding.codes)
    np.testing.assert_array_equal(names["pictures"], model.decode(encoding.codes))


def test_the_example_of_openai_runs(running, model):
    names = _run("import openai", running)
    picture = np.array(names["Image"].open(names["file"]))
    np.testing.assert_allclose(
        names["embedding"], model.encode(picture[None]).embeddings[0], rtol=1e-4, atol=1e-4
    )


def _run(holding: str, running) -> dict:
    """The names that the one Python example with these words leaves behind."""
    blocks = re.findall(r"```python\n(.*?)```", DOCUMENT, re.DOTALL)
    (block,) = [block for block in blocks if holding in block]
    names: dict = {}
    exec(compile(block.replace(URL, str(running.client.base_url).rstrip("/")), "docs/api.md", "exec"), names)
    return names


def test_every_resource_has_a_line(client):
    for path in client.get("/openapi.json").json()["paths"]:
        resource = "/".join(path.split("/")[:3])
        assert f"`{resource}" in DOCUMENT or f" {resource}" in DOCUMENT, path
