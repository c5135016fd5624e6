"""The image is built and answers, where a container engine and the base image are at hand.

VQSCOPE_TEST_BASE_IMAGE names another base image (Python 3.11 or newer with venv) than the Dockerfile does;
VQSCOPE_TEST_BUILD_OPTIONS and VQSCOPE_TEST_RUN_OPTIONS are what this machine's engine needs besides, such as
`--isolation=chroot --network=host --build-arg=TORCH_INDEX_URL=` and `--runtime=runc`.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration

ROOT = Path(__file__).resolve().parent.parent
DOCKERFILE = (ROOT / "Dockerfile").read_text()
BASE = (
    os.environ.get("VQSCOPE_TEST_BASE_IMAGE")
    or re.findall(r"^ARG PYTHON_IMAGE=(\S+)$", DOCKERFILE, flags=re.M)[0]
)
BUILD_OPTIONS = shlex.split(os.environ.get("VQSCOPE_TEST_BUILD_OPTIONS", ""))
RUN_OPTIONS = shlex.split(os.environ.get("VQSCOPE_TEST_RUN_OPTIONS", ""))
# As docker-compose.yml has it; `--init` is left out because not every engine brings its program.
HARDENED = [
    "--network=none",
    "--read-only",
    "--tmpfs=/tmp:mode=1777",
    "--cap-drop=ALL",
    "--security-opt=no-new-privileges",
]


def call(*arguments: str, timeout: float = 60) -> subprocess.CompletedProcess:
    return subprocess.run(arguments, capture_output=True, text=True, cwd=ROOT, timeout=timeout)


@pytest.fixture(scope="module")
def engine() -> str:
    """The engine that has the base image; nothing is downloaded to get it."""
    there = [name for name in ("docker", "podman") if shutil.which(name)]
    if not there:
        pytest.skip("neither docker nor podman here")
    working = [name for name in there if call(name, "info").returncode == 0]
    if not working:
        pytest.skip(f"no engine answers: {', '.join(there)}")
    for name in working:
        if call(name, "image", "inspect", BASE).returncode == 0:
            return name
    pytest.skip(f"{BASE} is not among the images of {', '.join(working)}")


@pytest.fixture(scope="module")
def image(engine):
    """Name of the freshly built image. It is removed in the end; the engine may keep layers for the next build."""
    name = f"localhost/vqscope-test:{os.getpid()}"
    arguments = [engine, "build", "--build-arg", f"PYTHON_IMAGE={BASE}", "--tag", name]
    if engine == "podman":
        arguments += ["--format=docker", "--pull=never"]  # the OCI format has no health check
    done = call(*arguments, *BUILD_OPTIONS, ".", timeout=1500)
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
    yield name
    call(engine, "rmi", "--force", name, timeout=300)


@pytest.fixture
def inside(engine, image):
    """Run a command in the image, hardened as the services are, and return what it printed."""

    def run(*command: str) -> str:
        done = call(engine, "run", "--rm", *HARDENED, *RUN_OPTIONS, image, *command, timeout=120)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


def test_it_says_the_version_of_the_package(inside):
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert inside("vqscope", "--version").split() == ["vqscope", version]


def test_it_lists_data_sets_and_runs_without_root(inside):
    assert json.loads(inside("vqscope", "data", "list", "--json"))
    user = inside(
        "python", "-c", "import os; print(os.getuid(), os.getgid(), os.access('/opt/vqscope', os.W_OK))"
    )
    assert user.split() == ["10001", "10001", "False"]


def test_both_services_have_all_they_import(inside):
    assert "--index" in inside("vqscope", "serve", "--help")
    assert "--api" in inside("python", "-m", "dashboard", "--help")
    inside("python", "-c", "import backend.app, dashboard.app, model, torch, torchvision, lightning")


def test_its_volumes_belong_to_its_user_and_it_has_a_health_check(engine, image, inside):
    script = "from pathlib import Path; print(*(Path(p).stat().st_uid for p in ('/data', '/var/lib/vqscope/models')))"
    assert inside("python", "-c", script).split() == ["10001", "10001"]
    (facts,) = json.loads(call(engine, "image", "inspect", image).stdout)
    assert facts["Config"]["User"] == "10001:10001"
    assert "Healthcheck" in (facts["Config"].keys() | facts.keys())
