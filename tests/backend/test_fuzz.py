"""Every reader of bytes under a coverage-guided fuzzer, a while each."""

import importlib.util
import os
import subprocess
import sys

import pytest

from tests.backend.readers import READERS
from tests.backend.serving import REPOSITORY
from tests.backend.test_readers import SOUND

pytestmark = [
    pytest.mark.bench,
    pytest.mark.skipif(importlib.util.find_spec("atheris") is None, reason="needs atheris (the bench group)"),
]
SECONDS = int(os.environ.get("VQSCOPE_FUZZ_SECONDS", "60"))


@pytest.mark.parametrize("name", READERS)
def test_no_bytes_break_a_reader(name, tmp_path):
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    (corpus / "sound").write_bytes(SOUND[name])
    command = [sys.executable, "-m", "tests.benchmarks.fuzz", name, f"-max_total_time={SECONDS}", str(corpus)]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    print(done.stderr.splitlines()[-1])
