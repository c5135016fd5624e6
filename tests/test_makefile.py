"""`make help`, `make explore` and `make zoo` do what they say; what they call is a stand-in."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def run(*arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run(arguments, capture_output=True, text=True, cwd=ROOT)


def test_make_help_lists_the_targets_and_they_exist():
    done = run("make", "help")
    targets = re.findall(r"^make (\S+)", done.stdout, flags=re.M)
    assert {"help", "explore", "test", "lint", "format", "zoo", "setup", "clean"} <= set(targets)
    for target in targets:
        assert run("make", "--dry-run", target).returncode == 0


def test_make_refuses_an_old_or_missing_python(tmp_path):
    old = tmp_path / "oldpython"
    old.write_text('#!/bin/sh\n[ "$1" = --version ] && echo Python 3.9.2\nexit 1\n')
    old.chmod(0o755)
    for python in (str(old), str(tmp_path / "absent")):
        done = run("make", "check-python", f"PYTHON={python}")
        assert done.returncode != 0
        assert "VQScope needs Python 3.11 or newer" in done.stderr
    assert "Python 3.9.2" in run("make", "check-python", f"PYTHON={old}").stderr


@pytest.fixture
def make(tmp_path):
    """Run `make` in a folder with a stamped environment, whose `vqscope` is the given lines of shell."""

    def make(vqscope: str, *arguments: str) -> subprocess.CompletedProcess:
        shutil.copy(ROOT / "Makefile", tmp_path)
        (tmp_path / "pyproject.toml").touch()
        scripts = tmp_path / ".venv" / "bin"
        scripts.mkdir(parents=True, exist_ok=True)
        (scripts / "vqscope").write_text(f"#!/bin/sh\n{vqscope}\n")
        (scripts / "vqscope").chmod(0o755)
        for stamp in (".made", ".installed"):
            (tmp_path / ".venv" / stamp).touch()
        inherited = ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "ARGS", "ZOO", "TORCH_INDEX_URL", "PYTHON")
        environment = {key: value for key, value in os.environ.items() if key not in inherited}
        return subprocess.run(
            ["make", *arguments], cwd=tmp_path, capture_output=True, text=True, env=environment
        )

    return make


def test_make_explore_passes_options_and_the_data_folder_on(make):
    done = make('echo "$@ VQSCOPE_DATA=$VQSCOPE_DATA"', "explore", "ARGS=--port 9000", "VQSCOPE_DATA=/images")
    assert done.stdout == "explore --port 9000 VQSCOPE_DATA=/images\n", done.stderr


def test_make_zoo_goes_on_where_it_was_cut_and_ships_what_is_finished(make, tmp_path):
    """The first training is cut, then all is run again: base goes on, paper begins, each is evaluated and copied."""
    cut = 'echo "$@"; mkdir -p runs/zoo/base; touch runs/zoo/base/last.ckpt; exit 130'
    five = "--datasets ham10000,pneumoniamnist,retinamnist,breastmnist,bloodcells_pbc"
    done = make(cut, "zoo")
    assert done.returncode != 0
    assert done.stdout == f"train --preset base {five} --run-dir runs/zoo/base --overwrite\n"
    assert not (tmp_path / "model").exists()

    finished = """
echo "$@"
case "$1 $2" in
  "train --resume") run=$3; rm $run/last.ckpt ;;
  train*) run=$7 ;;
  *) exit 0 ;;
esac
mkdir -p $run; cd $run
for file in model.safetensors config.json card.json metrics.csv curves.png train.yaml; do echo $run > $file; done"""
    done = make(finished, "zoo")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "train --resume runs/zoo/base",
        f"evaluate runs/zoo/base {five} --card",
        f"train --preset paper {five} --run-dir runs/zoo/paper --overwrite",
        f"evaluate runs/zoo/paper {five} --card",
    ]
    for name in ("base", "paper"):
        shipped = tmp_path / "model" / "zoo" / name
        copied = ["card.json", "config.json", "metrics.csv", "model.safetensors"]
        assert sorted(path.name for path in shipped.iterdir()) == copied
        assert (shipped / "model.safetensors").read_text() == f"runs/zoo/{name}\n"

    told, evaluated = make(finished, "zoo", "ZOO=base").stdout.splitlines()
    assert told.startswith("runs/zoo/base is finished")
    assert evaluated.startswith("evaluate runs/zoo/base")
