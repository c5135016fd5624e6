"""Hundreds of crafted files against a real service process: each is refused, and nothing of it stays."""

import contextlib
import os
import re
import subprocess
import sys
from pathlib import Path

import httpx
import numpy as np
import psutil
import pytest

from backend.pictures import fit
from tests.backend.bad_files import bad_files, odd_files

pytestmark = pytest.mark.integration
REPOSITORY = Path(__file__).resolve().parents[2]
WAIT = 120.0
MIB = 1024**2


@pytest.fixture(scope="module")
def serving(tiny_model_dir, tiny_index_dir, sample_dir):
    """`vqscope serve` as a process, and a client of it."""
    command = [sys.executable, "-m", "model.cli", "serve", "--port", "0"]
    for name, value in (("model", tiny_model_dir), ("index", tiny_index_dir), ("data-dir", sample_dir)):
        command += [f"--{name}", str(value)]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    with contextlib.ExitStack() as stack:
        stack.callback(process.stdout.close)
        stack.callback(process.wait)
        stack.callback(process.kill)
        url = next(
            found[1] for line in process.stdout if (found := re.match(r"vqscope: ready at (\S+)", line))
        )
        client = stack.enter_context(httpx.Client(base_url=url, timeout=WAIT))
        yield process, client


def post(client, body, kind, path="/v1/encode"):
    return client.post(path, content=body, headers={"Content-Type": kind})


def resident(process):
    """Bytes of the service and of its decoders."""
    service = psutil.Process(process.pid)
    return sum(one.memory_info().rss for one in (service, *service.children(recursive=True)))


def test_every_bad_file_is_refused_and_leaves_nothing(serving):
    process, client = serving
    files = bad_files()
    assert len(files) >= 200
    name = client.get("/v1/models").json()["items"][0]["name"]

    def ask(bad):
        return post(client, bad.body.replace(b"MODEL", name.encode()), bad.kind, bad.path)

    # Memory that the process keeps for its own use is there after the first of each kind, good and bad.
    for _name, data, _pixels in odd_files():
        post(client, data, "image/png")
    for bad in files[::20]:
        ask(bad)
    before = resident(process)
    accepted = {}
    for bad in files:
        answer = ask(bad)
        told = answer.headers["content-type"] == "application/problem+json" and answer.json()
        if not told or told["status"] != answer.status_code or not 400 <= answer.status_code < 500:
            accepted[bad.name] = answer.status_code
        elif answer.status_code == 408 or told["type"].endswith("invalid-request") is (
            bad.kind == "image/png"
        ):
            accepted[bad.name] = told
    assert accepted == {}
    assert process.poll() is None
    assert resident(process) < before + 50 * MIB
    assert client.get("/health/ready").status_code == 200


@pytest.mark.parametrize("odd", odd_files(), ids=lambda odd: odd[0])
def test_odd_but_sound_files_are_read_as_pillow_reads_them(serving, model, odd):
    _name, data, pixels = odd
    _process, client = serving
    (item,) = post(client, data, "image/png").json()["items"]
    expected = model.encode(fit(pixels, model.image_size)[None])
    assert item["codes"] == expected.codes[0].tolist()
    np.testing.assert_allclose(item["embedding"], expected.embeddings[0], rtol=1e-3, atol=1e-4)
