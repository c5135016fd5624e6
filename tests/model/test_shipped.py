"""The models that come with the package: they are there, whole and small, and their cards say what must be known."""

import csv
import hashlib
import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path, PurePosixPath

import numpy as np
import pytest

from model import load_model
from model.checkpoints import read_model
from model.data.arrays import open_split
from model.shipped import DEFAULT_MODEL, ZOO, ModelNotFound, find_model, shipped_models

ROOT = ZOO.parent.parent
FILES = {"model.safetensors", "config.json", "card.json", "metrics.csv"}
FIVE = {"ham10000", "pneumoniamnist", "retinamnist", "breastmnist", "bloodcells_pbc"}


@pytest.fixture(params=shipped_models())
def shipped(request) -> Path:
    return ZOO / request.param


@pytest.fixture
def card(shipped):
    return json.loads((shipped / "card.json").read_text())


def test_these_are_shipped():
    assert shipped_models() == ["base", "paper"]
    assert DEFAULT_MODEL == "base"
    assert {path.name for path in ZOO.iterdir()} == set(shipped_models())


def test_each_is_whole_and_small(shipped):
    assert {path.name for path in shipped.iterdir()} == FILES
    assert sum(path.stat().st_size for path in shipped.iterdir()) <= 10_000_000


def test_each_card_belongs_to_its_weights(shipped, card):
    sha256 = hashlib.sha256((shipped / "model.safetensors").read_bytes()).hexdigest()
    assert card["sha256"] == sha256 == read_model(shipped).sha256


def test_each_loads_by_name_and_reproduces_images_it_was_not_trained_on(shipped, sample_dir):
    model = load_model(shipped.name, "cpu")
    assert model.version.startswith(f"{shipped.name}@")
    images = np.array(open_split("sample_cell", "test", data_dir=sample_dir).images[:50]).astype(np.float64)
    error = (images - model.reconstruct(images.astype(np.uint8))) ** 2
    flat = (images - images.mean(axis=(1, 2), keepdims=True)) ** 2  # of the best picture without any detail
    assert error.mean() < 0.5 * flat.mean()


def test_each_card_says_what_it_is_for_and_what_not(card):
    assert "Not for diagnosis" in card["intended_use"]
    assert "other modalities" in card["limits"]


def test_each_card_names_its_data_and_their_licences(card):
    assert {entry["name"] for entry in card["datasets"]} == FIVE
    for entry in card["datasets"]:
        assert all(entry[field] for field in ("title", "modality", "licence", "note", "n_train")), entry
        assert len(entry["md5"]) == 32
        assert entry["licence"].startswith("CC BY")
    assert "NC" in next(e["licence"] for e in card["datasets"] if e["name"] == "ham10000")


def test_each_card_has_figures_of_every_data_set(card):
    figures = card["figures"]
    assert figures["split"] == "test"
    assert figures["bits_per_image"] == card["bits_per_image"]
    assert 0.9 * card["codebook_size"] < figures["codebook"]["used"] <= card["codebook_size"]
    assert set(figures["datasets"]) == FIVE
    trained_on = {entry["name"]: entry["md5"] for entry in card["datasets"]}
    for name, entry in figures["datasets"].items():
        assert (
            entry["md5"] == trained_on[name]
        )  # the same file: its test split is not among the training images
        for figure in ("psnr", "ssim", "mae"):
            low, high = entry[f"{figure}_interval"]
            assert low < entry[figure] < high
    means = [np.mean([entry["psnr"] for entry in figures["datasets"].values()]), figures["mean"]["psnr"]]
    assert means[0] == pytest.approx(means[1])


def test_the_default_is_as_good_as_was_promised():
    card = json.loads((ZOO / DEFAULT_MODEL / "card.json").read_text())
    figures, size = card["figures"], card["codebook_size"]
    assert figures["bits_per_image"] <= 441
    assert figures["mean"]["psnr"] >= 32.5
    assert figures["mean"]["ssim"] >= 0.93
    assert min(entry["psnr"] for entry in figures["datasets"].values()) >= 30
    assert figures["codebook"]["used"] >= 0.95 * size
    assert figures["codebook"]["perplexity"] >= 0.8 * size


def test_each_card_warns_of_stand_ins(card):
    """Where the pictures are another set's under other splits, scores must not be held against that set's."""
    stand_ins = {
        e["name"]: e["stands_for"] for e in card["datasets"] if e["stands_for"] not in (None, e["name"])
    }
    assert stand_ins == {"ham10000": "dermamnist", "bloodcells_pbc": "bloodmnist"}
    for name, official in stand_ins.items():
        (caveat,) = [caveat for caveat in card["caveats"] if caveat.startswith(f"{name} holds")]
        assert f"the pictures of {official} under other splits" in caveat
        assert not card["figures"]["datasets"][name]["comparable"]


def test_each_card_says_that_some_images_are_for_non_commercial_use(card):
    (caveat,) = [caveat for caveat in card["caveats"] if "non-commercial" in caveat]
    assert "ham10000" in caveat
    assert "CC BY-NC 4.0" in caveat


def test_each_card_counts_the_images_that_two_splits_share(card):
    shared = [caveat for caveat in card["caveats"] if " of its " in caveat]
    assert [caveat.split()[:3:2] for caveat in shared] == [
        ["pneumoniamnist", "8"],
        ["breastmnist", "1"],
        ["bloodcells_pbc", "5"],
        ["bloodcells_pbc", "4"],
    ]


def test_each_metrics_file_is_of_this_training(shipped, card):
    with (shipped / "metrics.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == card["training"]["epochs"]
    assert max(float(row["val_ssim"]) for row in rows) == pytest.approx(card["validation"]["ssim"], abs=1e-5)


def test_none_named_is_the_shipped_one_whatever_lies_around(tmp_path, monkeypatch):
    for name in ("base", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "model.safetensors").touch()
    monkeypatch.chdir(tmp_path)
    assert find_model() == ZOO / "base"
    assert find_model("other") == Path("other")
    assert find_model("base") == Path("base")  # named, so one's own run comes first
    monkeypatch.chdir(tmp_path / "other")
    assert find_model("base") == ZOO / "base"


def test_what_is_no_model_is_told(tmp_path):
    with pytest.raises(ModelNotFound, match=r"holds no model\.safetensors"):
        find_model(tmp_path)
    with pytest.raises(ModelNotFound, match=r"no model 'nowhere': .* a shipped model \(base"):
        find_model("nowhere")


def test_an_installation_without_its_model_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr("model.shipped.ZOO", tmp_path)
    with pytest.raises(ModelNotFound, match="lacks its model 'base'"):
        find_model()
    with pytest.raises(ModelNotFound, match=r"a shipped model \(none\)"):
        find_model("base")


def test_a_model_is_found_without_torch():
    source = (
        "import sys; from model.shipped import find_model; find_model(); assert 'torch' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(not (ROOT / "pyproject.toml").is_file(), reason="not a checkout")
class TestDistribution:
    """What is in the checkout also reaches those who install a wheel, clone the repository or build the image."""

    def test_a_wheel_holds_them(self, tmp_path):
        for name in ("pyproject.toml", "README.md", "LICENSE"):
            shutil.copy(ROOT / name, tmp_path)
        for name in ("model", "backend", "dashboard"):
            shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
        source = "from setuptools.build_meta import build_wheel; build_wheel('out')"
        done = subprocess.run([sys.executable, "-c", source], cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        (wheel,) = (tmp_path / "out").glob("*.whl")
        held = {name for name in zipfile.ZipFile(wheel).namelist() if name.startswith("model/zoo/")}
        assert held == {f"model/zoo/{model}/{file}" for model in shipped_models() for file in FILES}

    def test_git_ignores_none_of_their_files(self, shipped):
        if shutil.which("git") is None or not (ROOT / ".git").exists():
            pytest.skip("no git here")
        for name in FILES:
            done = subprocess.run(["git", "check-ignore", "--no-index", "--quiet", shipped / name], cwd=ROOT)
            assert done.returncode != 0, name

    def test_the_build_context_of_the_image_holds_them(self, shipped):
        lines = (ROOT / ".dockerignore").read_text().splitlines()
        assert "!model" in lines
        again_left_out = [line for line in lines[lines.index("!model") :] if line and line[0] not in "!#"]
        for name in FILES:
            file = PurePosixPath("model", "zoo", shipped.name, name)
            assert not [pattern for pattern in again_left_out if file.match(pattern)]
