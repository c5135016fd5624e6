"""The files of deployment are what they say: compose, image, CI, licence, hooks."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tomllib
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml

from backend import explore, serve
from backend.hosts import answered_hosts
from model.commands import data, train
from model.prepare_settings import settings_from

ROOT = Path(__file__).resolve().parent.parent
SCRIPTS = Path(sysconfig.get_path("scripts"))
COMPOSE = ROOT / "docker-compose.yml"
TALKING = {"api", "api-gpu", "dashboard"}
ENDING = {"prepare", "train", "download"}


@pytest.fixture(scope="module")
def compose():
    """The compose file with `${NAME:-default}` and `${NAME-default}` replaced by their defaults."""
    text = re.sub(r"\$\{\w+:?-([^}]*)\}", r"\1", COMPOSE.read_text())
    assert "${" not in text
    return yaml.safe_load(text)


@pytest.fixture(scope="module")
def services(compose):
    return compose["services"]


def command(service) -> list[str]:
    """Arguments behind `vqscope`, or behind `python -m`."""
    words = service["command"]
    return words[1:] if words[0] == "vqscope" else words[2:]


def run(*arguments, **settings) -> subprocess.CompletedProcess:
    return subprocess.run(arguments, capture_output=True, text=True, cwd=ROOT, **settings)


def test_compose_follows_its_schema():
    done = run(SCRIPTS / "check-jsonschema", "--builtin-schema", "vendor.compose-spec", COMPOSE)
    assert done.returncode == 0, done.stdout + done.stderr


def test_compose_is_accepted_by_docker_where_there_is_one():
    if not shutil.which("docker") or run("docker", "compose", "version").returncode:
        pytest.skip("no docker compose here")
    done = run("docker", "compose", "--profile", "gpu", "--profile", "train", "config", "--quiet")
    assert done.returncode == 0, done.stderr


def test_the_services_are_these(services):
    assert set(services) == TALKING | ENDING


@pytest.mark.parametrize("name", sorted(TALKING | ENDING))
def test_every_service_is_hardened(services, name):
    service = services[name]
    assert service["user"] == "10001:10001"
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["tmpfs"] == ["/tmp:mode=1777"]
    assert not service.keys() & {"privileged", "cap_add", "devices", "pid", "ipc"}


@pytest.mark.parametrize("name", sorted(TALKING))
def test_ports_are_published_on_this_machine_only(services, name):
    assert services[name]["ports"]
    assert all(port.startswith("127.0.0.1:") for port in services[name]["ports"])
    assert services[name]["healthcheck"]["test"][0] == "CMD"


def test_published_ports_do_not_collide(services):
    published = [port.rsplit(":", 1)[0] for name in TALKING for port in services[name]["ports"]]
    assert len(set(published)) == len(published)


@pytest.mark.parametrize("name", sorted(ENDING))
def test_what_ends_publishes_nothing(services, name):
    assert "ports" not in services[name]
    assert services[name]["healthcheck"] == {"disable": True}


def test_the_start_is_in_order(services):
    for name in ("api", "api-gpu"):
        assert services[name]["depends_on"] == {"prepare": {"condition": "service_completed_successfully"}}
    assert services["dashboard"]["depends_on"]["api"] == {"condition": "service_healthy"}


def test_profiles(services):
    profiles = {name: service.get("profiles") for name, service in services.items()}
    assert profiles == {
        "prepare": None,
        "api": None,
        "dashboard": None,
        "api-gpu": ["gpu"],
        "train": ["train"],
        "download": ["download"],
    }
    (device,) = services["api-gpu"]["deploy"]["resources"]["reservations"]["devices"]
    assert device["capabilities"] == ["gpu"]


def test_data_are_mounted_read_only_but_for_the_download(services):
    for name in ("prepare", "api", "api-gpu", "train"):
        assert "data:/data:ro" in services[name]["volumes"]
    for name in ("api", "api-gpu"):
        mounts = {v.split(":")[0]: v.split(":")[2:] for v in services[name]["volumes"]}
        assert (mounts["models"], mounts["indexes"]) == (["ro"], ["ro"])


def test_commands_are_understood_by_the_real_parsers(services):
    prepare = command(services["prepare"])
    assert prepare[0] == "explore"
    given = explore._parser().parse_args(prepare[1:])
    assert given.prepare_only
    assert given.or_sample
    assert settings_from(given).model is None

    for name in ("api", "api-gpu"):
        words = command(services[name])
        assert words[0] == "serve"
        api = serve._parser().parse_args(words[1:])
        ready = Path(given.ready_dir)
        assert (Path(api.model), api.index, api.data_dir) == (
            ready / "model",
            ready / "index",
            ready / "data",
        )
        assert f"127.0.0.1:{api.port}/" in services[name]["healthcheck"]["test"][-1]
        assert services[name]["ports"][0].endswith(f":{api.port}")

    words = command(services["train"])
    assert words[0] == "train"
    settings = train.parse(words[1:])
    assert settings.run_dir.parent == Path("/var/lib/vqscope/models")

    words = command(services["download"])
    assert words[0] == "data"
    assert data.build_parser().parse_args(words[1:]).action == "download"

    words = command(services["dashboard"])
    assert words[0] == "dashboard"
    done = run(sys.executable, "-m", "dashboard", *words[1:], "--help")
    assert done.returncode == 0, done.stderr
    assert all(word.split("=")[0] in done.stdout for word in words[1:])
    assert services["dashboard"]["ports"][0].endswith(words[-1].split("=")[1])


def test_the_api_is_served_without_a_key_only_where_that_is_said(services):
    """One command is enough for a look; one variable, which both sides get, asks for a key."""
    text = COMPOSE.read_text()
    assert text.count("VQSCOPE_API_KEYS: ${VQSCOPE_API_KEY:-}") == 1
    assert text.count("VQSCOPE_API_KEY: ${VQSCOPE_API_KEY:-}") == 1
    for name in ("api", "api-gpu"):
        assert services[name]["environment"]["VQSCOPE_ALLOW_NO_KEY"] == "1"
        assert "--host=0.0.0.0" in command(services[name])
    assert "ALLOW_NO_KEY" not in re.sub("#.*", "", (ROOT / "Dockerfile").read_text())


def test_only_names_of_this_machine_and_of_the_containers_are_answered(services):
    """Ports on 127.0.0.1 keep out other machines, not a page whose name is made to stand for 127.0.0.1."""
    for name in TALKING:
        names = services[name]["environment"]["VQSCOPE_ALLOWED_HOSTS"]
        assert set(names.split(",")) == {"localhost", "127.0.0.1", "api", "api-gpu"}
    words = command(services["dashboard"])
    asked = next(word.removeprefix("--api=") for word in words if word.startswith("--api="))
    assert urlsplit(asked).hostname in names.split(",")
    hosts = answered_hosts("0.0.0.0", names.split(","), keyed=False)
    assert "rebound.example" not in hosts
    assert "*" not in hosts


def test_the_image_passes_hadolint():
    done = run(SCRIPTS / "hadolint", "--no-color", "Dockerfile")
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_image_ends_without_root_and_without_tools():
    stages = re.split(r"^FROM ", (ROOT / "Dockerfile").read_text(), flags=re.M)[1:]
    assert [stage.split()[2] for stage in stages] == ["builder", "runtime"]
    runtime = stages[-1]
    assert re.findall(r"^USER (\S+)", runtime, flags=re.M) == ["10001:10001"]
    assert not re.search(r"^RUN ", runtime, flags=re.M)
    assert "HEALTHCHECK" in runtime
    assert "org.opencontainers.image.licenses" in runtime


def test_the_build_context_holds_all_that_is_copied():
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", (ROOT / "Dockerfile").read_text(), flags=re.M)
    kept = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert {name for names in copied for name in names.split()} == kept
    assert all((ROOT / name).exists() for name in kept)


def test_version_of_the_image_is_that_of_the_package():
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert f"ARG VERSION={version}\n" in (ROOT / "Dockerfile").read_text()


def test_ci_is_valid_and_calls_make_test():
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert run("bash", "-n", script).returncode == 0
    assert "set -euo pipefail" in script.read_text()
    assert re.findall(r"^(?:make|\.ci/audit)\b.*", script.read_text(), flags=re.M) == [
        "make setup",
        ".ci/audit || audited=$?",
        "make test",
    ]


@pytest.mark.parametrize(
    ("audit", "code", "told"),
    [
        ("echo No known vulnerabilities found", 0, "found no known vulnerability"),
        ("echo Found 2 known vulnerabilities in 1 package; exit 1", 1, "Found 2 known"),
        ("echo ERROR: no such index; exit 2", 0, "skipped: ERROR: no such index"),
        ("exit 124", 0, "skipped: it took too long"),
        (None, 0, "skipped: the advisory service cannot be reached"),
    ],
)
def test_the_audit_fails_over_vulnerabilities_alone(audit, code, told, tmp_path):
    """`make` is a stand-in, and so is the advisory service: a file that is there, or is not."""
    (tmp_path / "make").write_text(f"#!/bin/sh\n{audit}\n")
    (tmp_path / "make").chmod(0o755)
    advisories = tmp_path / "advisories"
    if audit:
        advisories.touch()
    done = run(
        ROOT / ".ci" / "audit",
        env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "ADVISORIES": advisories.as_uri()},
    )
    assert done.returncode == code, done.stderr
    assert told in done.stdout


def test_the_licence_is_apache_2_in_full():
    text = (ROOT / "LICENSE").read_text()
    assert "Apache License" in text
    assert "Version 2.0, January 2004" in text
    assert "END OF TERMS AND CONDITIONS" in text
    assert all(f"\n   {number}. " in text for number in range(1, 10))


def test_pre_commit_is_valid_and_needs_no_network(tmp_path):
    config = ROOT / ".pre-commit-config.yaml"
    done = run(
        SCRIPTS / "pre-commit",
        "validate-config",
        config,
        env={**os.environ, "PRE_COMMIT_HOME": str(tmp_path)},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (repository,) = yaml.safe_load(config.read_text())["repos"]
    assert repository["repo"] == "local"
    for hook in repository["hooks"]:
        assert hook["language"] == "system"
        assert (SCRIPTS / Path(hook["entry"].split()[0]).name).is_file()
