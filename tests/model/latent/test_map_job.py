import json
import subprocess
import sys

_NOISY = """
import os, sys
from model.latent import map_job

def noisy(order, tell):
    print("a library says something")
    os.write(1, b"and something below Python does\\n")
    tell({"stage": "fitting", "progress": 0.5})
    return order["name"]

map_job._fit = noisy
sys.exit(map_job.main())
"""


def test_only_its_own_lines_reach_the_reader():
    done = subprocess.run(
        [sys.executable, "-c", _NOISY], input='{"name": "umap"}', capture_output=True, text=True, check=True
    )
    assert [json.loads(line) for line in done.stdout.splitlines()] == [
        {"stage": "fitting", "progress": 0.5}, {"map": "umap"}
    ]  # fmt: skip
    assert "a library says something" in done.stderr
    assert "something below Python does" in done.stderr
