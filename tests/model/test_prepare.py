import contextlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from model import prepare
from model.cli_parser import CommandParser
from model.commands.train import parse
from model.data.choose import choose_data
from model.errors import VQScopeError
from model.latent import manifest
from model.prepare import Prepared
from model.prepare_settings import PrepareSettings, add_arguments, settings_from, to_arguments
from model.run_folder import begin, status
from model.shipped import ZOO
from model.versions import FORMAT


def cut(source: Path, target: Path, *, n: int = 40, size: int = 28) -> None:
    """Write a small data set: the first ``n`` images of each split of a set of the sample."""
    with np.load(source) as arrays:
        cut = {name: array[:n] for name, array in arrays.items()}
    if size != 28:
        cut = {
            name: array.repeat(size // 28, 1).repeat(size // 28, 2) if name.endswith("images") else array
            for name, array in cut.items()
        }
    np.savez_compressed(target, **cut)


@pytest.fixture
def home(tmp_path, monkeypatch):
    """An empty home folder and cache, and no VQSCOPE_DATA."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("VQSCOPE_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("VQSCOPE_DATA", raising=False)
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


@pytest.fixture
def small(tmp_path, sample_dir):
    folder = tmp_path / "small"
    folder.mkdir()
    cut(sample_dir / "sample_ct.npz", folder / "one.npz")
    cut(sample_dir / "sample_fundus.npz", folder / "two.npz")
    return folder


def test_a_named_model_gets_an_index_once(small, home, tiny_model_dir, capsys):
    settings = PrepareSettings(data_dir=small, model=str(tiny_model_dir))
    first = prepare.prepare(settings)
    assert first.model == tiny_model_dir
    assert first.datasets == ("one", "two")
    assert "building it" in capsys.readouterr().err
    assert prepare.prepare(settings) == first
    assert "built on an earlier start" in capsys.readouterr().err

    (first.index / "embeddings.npy").write_bytes(b"damaged")
    abandoned = first.index.parent / ".of-another-key.partial"  # by a preparation that was killed
    abandoned.mkdir()
    assert prepare.prepare(settings) == first
    assert capsys.readouterr().err.count("made again") == 1
    assert {p.name for p in first.index.parent.iterdir()} == {first.index.name, f".{first.index.name}.lock"}
    assert (first.index / "embeddings.npy").stat().st_size > 1000

    cut(small / "one.npz", small / "one.npz", n=30)  # other data: another index, the old one stays
    assert prepare.prepare(settings).index != first.index
    assert first.index.is_dir()


def test_a_damaged_manifest_does_not_block_the_start(small, home, tiny_model_dir):
    settings = PrepareSettings(data_dir=small, model=str(tiny_model_dir))
    first = prepare.prepare(settings)
    (first.index / "index.json").write_text("{}")
    assert prepare.prepare(settings) == first
    assert json.loads((first.index / "index.json").read_text())["n"] > 0


def test_an_unofficial_file_is_remarked_once(small, home, tiny_model_dir, capsys):
    (small / "one.npz").rename(small / "breastmnist.npz")
    prepare.prepare(PrepareSettings(data_dir=small, model=str(tiny_model_dir)))
    assert capsys.readouterr().err.count("not the official BreastMNIST file") == 1


@pytest.mark.parametrize("changed", ["EMBEDDING_VERSION", "FORMAT", "FORMAT_VERSION"])
def test_another_version_is_another_key(small, home, monkeypatch, changed):
    """Also without a model and torch: what is made is only asked for its name."""
    made = []

    @contextlib.contextmanager
    def asked(final, *_):
        made.append(final.name)
        yield None

    monkeypatch.setattr(prepare, "made_once", asked)
    _, infos = choose_data(small, (), or_sample=False, say=made.append)

    def keys():
        model = prepare.choose_model(PrepareSettings(model="quick"), small, infos)
        weights = home / "model"
        weights.mkdir(exist_ok=True)
        (weights / "model.safetensors").touch()
        indexed = []
        monkeypatch.setattr(prepare, "_fault", lambda index: indexed.append(index.name))
        prepare.choose_index(weights, small, infos)
        return model.name, *indexed

    before = keys()
    assert keys() == before
    monkeypatch.setattr(manifest if changed == "FORMAT_VERSION" else prepare, changed, "99")
    model, index = keys()
    assert (model != before[0]) == (changed != "FORMAT_VERSION")
    assert (index != before[1]) == (changed != "FORMAT")


def test_a_model_that_does_not_exist_is_refused(small, home):
    with pytest.raises(VQScopeError, match="no model 'nonsense'"):
        prepare.prepare(PrepareSettings(data_dir=small, model="nonsense"))


def run_without_torch(*arguments: str) -> subprocess.CompletedProcess:
    """Prepare in a process that fails if torch was imported: a start that finds everything is ready in a moment."""
    source = (
        "import sys; from model.prepare import main; code = main(sys.argv[1:]); "
        "assert 'torch' not in sys.modules; sys.exit(code)"
    )
    return subprocess.run([sys.executable, "-c", source, *arguments], capture_output=True, text=True)


@pytest.mark.integration
def test_without_a_model_the_shipped_one_is_taken(small, home, tmp_path, capsys):
    prepared = prepare.prepare(PrepareSettings(data_dir=small))
    assert prepared.model == ZOO / "base"
    told = capsys.readouterr().err
    assert "model: base" in told
    assert "training" not in told
    assert not (tmp_path / "cache" / "models").exists()
    assert json.loads((prepared.index / "index.json").read_text())["model"]["version"].startswith("base@")

    second = run_without_torch(f"--data-dir={small}", f"--result={tmp_path / 'again.json'}")
    assert second.returncode == 0, second.stderr
    assert "built on an earlier start" in second.stderr
    assert Prepared.from_dict(json.loads((tmp_path / "again.json").read_text())) == prepared


@pytest.mark.integration
def test_a_quick_one_is_trained_where_it_is_asked_for_and_kept(small, home, tmp_path):
    options = [f"--data-dir={small}", "--model=quick", "--train-time=00:00:03"]
    command = [sys.executable, "-m", "model.prepare", *options]
    result = tmp_path / "result.json"
    first = subprocess.run([*command, f"--result={result}"], capture_output=True, text=True)
    assert first.returncode == 0, first.stderr
    assert "training a quick one" in first.stderr
    prepared = Prepared.from_dict(json.loads(result.read_text()))
    assert sorted(p.name for p in prepared.model.iterdir() if p.suffix != ".png") == [
        "card.json",
        "config.json",
        "metrics.csv",
        "model.safetensors",
        "seal.json",
        "snapshots",
        "train.yaml",
    ]
    left = [p.name for p in prepared.model.parent.iterdir()]
    assert sorted(left) == sorted([prepared.model.name, f".{prepared.model.name}.lock"])

    second = run_without_torch(*options, f"--result={tmp_path / 'again.json'}")
    assert second.returncode == 0, second.stderr
    assert "trained on an earlier start" in second.stderr
    assert json.loads((tmp_path / "again.json").read_text()) == json.loads(result.read_text())

    # A damaged one is told, and trained again.
    (prepared.model / "config.json").write_text("{}")
    third = subprocess.run([*command, f"--result={result}"], capture_output=True, text=True)
    assert third.returncode == 0, third.stderr
    assert third.stderr.count(f"model: {prepared.model.name} is damaged, training a quick one") == 1
    assert json.loads((prepared.model / "config.json").read_text())["format"] == FORMAT


def test_a_training_that_was_interrupted_is_gone_on_with(small, home, tmp_path, capsys):
    _, infos = choose_data(small, (), or_sample=False, say=print)
    run_dir = tmp_path / "run"
    arguments = ["--data-dir", str(small), "--datasets", "one,two", "--run-dir", str(run_dir)]
    run_dir.mkdir()
    begin(parse([*arguments, "--preset", "quick", "--max-time", "00:00:02"]))
    prepare._train(run_dir, "00:00:02", small, infos)
    assert "going on with a training" in capsys.readouterr().err
    assert status(run_dir) == "finished"

    prepare._train(run_dir, "00:00:01", small, infos)  # not that run: made anew
    assert "going on" not in capsys.readouterr().err


@pytest.mark.parametrize(
    "settings",
    [
        PrepareSettings(),
        PrepareSettings(
            data_dir=Path("/a b"), datasets=("x", "y"), model="quick", or_sample=True, train_time="01:02:03"
        ),
    ],
)
def test_settings_survive_the_command_line(settings):
    parser = CommandParser(prog="try")
    add_arguments(parser)
    assert settings_from(parser.parse_args(to_arguments(settings))) == settings


@pytest.mark.parametrize("model", [None, "base", "runs/mine"])
def test_a_training_time_without_a_training_is_refused(model):
    with pytest.raises(VQScopeError, match="goes with --model quick only") as caught:
        PrepareSettings(model=model, train_time="00:01:00")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["10", "00:00:00", "00:99:00", "-1:00:00", ""])
def test_a_training_time_that_is_none_is_refused(text, capsys):
    parser = CommandParser(prog="try")
    add_arguments(parser)
    with pytest.raises(SystemExit, match="2"):
        parser.parse_args([f"--train-time={text}"])
    assert "is not a time such as 00:02:30" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("n", "limit"), [(0, "00:02:30"), (4_387, "00:02:15"), (14_000, "00:01:40"), (10**6, "00:01:00")]
)
def test_the_quick_training_leaves_time_for_the_index(n, limit):
    assert prepare.quick_time(n) == limit


def test_data_that_the_model_has_not_learnt_from_are_named(small, home, tiny_model_dir, capsys):
    _, infos = choose_data(small, (), or_sample=False, say=print)
    prepare.choose_model(PrepareSettings(), small, infos)
    assert "has not learnt from one, two: " in capsys.readouterr().err
