"""The whole OpenAPI document tried by schemathesis against a real service process."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.backend.serving import REPOSITORY, served

pytestmark = pytest.mark.integration
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
)


def run(url: str, folder: Path, *, examples: int, phases: str, seed: int) -> tuple[int, int, str]:
    """Exit code of schemathesis, number of cases, and what it said."""
    program = Path(sys.executable).with_name("st")
    command = [str(program), "run", f"{url}/openapi.json", "--checks", ",".join(CHECKS), "--phases", phases]
    command += ["--max-examples", str(examples), "--seed", str(seed), "--no-color", "--continue-on-failure"]
    command += ["--wait-for-schema", "60", "--request-timeout", "60", "--suppress-health-check", "all"]
    environment = {
        **os.environ,
        "PYTHONPATH": str(REPOSITORY),
        "SCHEMATHESIS_HOOKS": "tests.backend.contract_hooks",
    }
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    said = done.stdout + done.stderr
    cases = re.search(r"([\d,]+) generated", said)
    return done.returncode, int(cases[1].replace(",", "")) if cases else 0, said


@pytest.mark.parametrize(
    ("examples", "phases", "least"),
    [
        pytest.param(4, "examples,fuzzing", 80, id="short"),
        pytest.param(800, "examples,coverage,fuzzing", 20_000, id="whole", marks=pytest.mark.bench),
    ],
)
def test_the_service_keeps_to_its_document(
    tiny_model_dir, tiny_index_dir, sample_dir, tmp_path, examples, phases, least
):
    index = shutil.copytree(tiny_index_dir, tmp_path / "index")  # which gets more maps
    environment = {"VQSCOPE_MAP_JOBS": "on", "VQSCOPE_RUNS": str(tiny_model_dir.parent)}
    with served(model=tiny_model_dir, index=index, data_dir=sample_dir, environment=environment) as (
        process,
        url,
    ):
        code, cases, said = run(url, tmp_path, examples=examples, phases=phases, seed=1)
        assert process.poll() is None
    print(said)
    assert code == 0, said
    assert cases >= least
