"""`vqscope serve` as a process of its own, for tests and benchmarks that need the real thing."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO

REPOSITORY = Path(__file__).resolve().parents[2]


@contextmanager
def served(
    *,
    model: Path | str | None,
    index: Path,
    data_dir: Path,
    environment: Mapping[str, str] | None = None,
    port: int = 0,
    stderr: IO[str] | None = None,
) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The process, whose log goes to ``stderr`` if given, and its URL, from when it is ready; killed at the end."""
    command = [sys.executable, "-m", "model.cli", "serve", "--port", str(port)]
    command += ["--index", str(index), "--data-dir", str(data_dir)]
    command += ["--model", str(model)] if model is not None else []
    variables = {**os.environ, "PYTHONPATH": str(REPOSITORY), **(environment or {})}
    process = subprocess.Popen(command, env=variables, stdout=subprocess.PIPE, stderr=stderr, text=True)
    assert process.stdout is not None
    try:
        for line in process.stdout:
            ready = re.match(r"vqscope: ready at (\S+)", line)
            if ready:
                yield process, ready[1]
                return
        raise RuntimeError("the service ended before it was ready; its last lines say why")
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
