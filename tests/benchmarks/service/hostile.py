"""The crafted bad files of the tests, one after the other: how soon each is refused."""

import time
from collections.abc import Iterator

import httpx
import psutil

from tests.backend.bad_files import bad_files, odd_files
from tests.benchmarks.bars import Measured
from tests.benchmarks.service.overload import resident


def refused(url: str, pid: int) -> Iterator[Measured]:
    """The slowest refusal, how many were none, and the memory that stays taken."""
    files = bad_files()
    process = psutil.Process(pid)
    seconds, unlike = [], []
    with httpx.Client(base_url=url, timeout=60) as client:
        name = client.get("/v1/models").json()["items"][0]["name"].encode()
        for _name, content, _pixels in odd_files():  # what reading needs for itself is taken by then
            client.post("/v1/encode", content=content, headers={"Content-Type": "image/png"})
        before = resident(process)
        for bad in files:
            body = bad.body.replace(b"MODEL", name)
            begun = time.perf_counter()
            answer = client.post(bad.path, content=body, headers={"Content-Type": bad.kind})
            seconds.append(time.perf_counter() - begun)
            if not 400 <= answer.status_code < 500 or "problem+json" not in answer.headers["content-type"]:
                unlike.append(bad.name)
    yield Measured(
        what=f"{len(files)} bad files: the slowest refusal",
        unit="s",
        values=[max(seconds)],
        bar=1,
        note=files[seconds.index(max(seconds))].name,
    )
    yield Measured(
        what="… answered otherwise than with a problem of 4xx",
        unit="files",
        values=[len(unlike)],
        bar=0,
        note=", ".join(unlike),
    )
    yield Measured(
        what="… memory afterwards, above that before",
        unit="MiB",
        values=[(resident(process) - before) / 2**20],
        bar=50,
    )
