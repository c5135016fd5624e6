"""Hundreds of crafted files against a real service process: each is refused, and nothing of it stays."""

import httpx
import numpy as np
import psutil
import pytest

from backend.pictures import fit
from tests.backend.bad_files import bad_files, odd_files
from tests.backend.serving import served

pytestmark = pytest.mark.integration
WAIT = 120.0
MIB = 1024**2


@pytest.fixture(scope="module")
def serving(tiny_model_dir, tiny_index_dir, sample_dir):
    """The process of a service, and a client of it."""
    with (
        served(model=tiny_model_dir, index=tiny_index_dir, data_dir=sample_dir) as (process, url),
        httpx.Client(base_url=url, timeout=WAIT) as client,
    ):
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
        told = answer.json() if answer.headers["content-type"] == "application/problem+json" else {}
        if answer.status_code not in (413, 415, 422) or told.get("status") != answer.status_code:
            accepted[bad.name] = (answer.status_code, answer.text[:200])
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
