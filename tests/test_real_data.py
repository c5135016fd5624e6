"""The commands as a user types them, on real MedMNIST files: train, evaluate, index; then the index is opened."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from model import load_model, open_index
from model.data.catalogue import find_dataset

pytestmark = pytest.mark.integration


def vqscope(*arguments: object) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "model.cli", *map(str, arguments)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    return done


@pytest.fixture(scope="module")
def run_dir(real_data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run folder of a small model, trained for one epoch of BreastMNIST."""
    folder = tmp_path_factory.mktemp("runs") / "real"
    vqscope(
        *("train", "--data-dir", real_data_dir, "--datasets", "breastmnist", "--run-dir", folder),
        *("--preset", "quick", "--max-epochs", 1, "--seed", 0),
    )
    assert {"model.safetensors", "config.json", "card.json", "metrics.csv"} <= {
        path.name for path in folder.iterdir()
    }
    return folder


def test_figures_of_a_trained_model(run_dir: Path, real_data_dir: Path, tmp_path: Path) -> None:
    vqscope(
        *("evaluate", run_dir, "--data-dir", real_data_dir, "--datasets", "breastmnist"),
        *("--json", tmp_path / "figures.json"),
    )
    figures = json.loads((tmp_path / "figures.json").read_text())
    breast = figures["datasets"]["breastmnist"]
    assert breast["n"] == 156
    # One epoch of 546 images learns little; a constant grey of the mean reaches 13 dB on this split.
    assert 13 < breast["psnr"] < 60
    assert 0 < breast["ssim"] < 1
    assert 0 < breast["mae"] < 0.2
    assert 0 < figures["codebook"]["used"] <= figures["codebook"]["size"]


def test_an_index_of_an_official_and_an_unofficial_file(
    run_dir: Path, real_data_dir: Path, tmp_path: Path
) -> None:
    names = [name for name in ("breastmnist", "pneumoniamnist") if (real_data_dir / f"{name}.npz").is_file()]
    told = vqscope(
        *("index", run_dir, "--data-dir", real_data_dir, "--datasets", ",".join(names)),
        *("--splits", "test", "--out", tmp_path / "index"),
    ).stderr
    infos = [find_dataset(name, real_data_dir) for name in names]
    for info in infos:
        remarks = told.count(f"vqscope: warning: {info.name}: this is not the official")
        assert remarks == (0 if info.official else 1)
    model = load_model(run_dir, "cpu")
    index = open_index(tmp_path / "index", model)
    assert [described["name"] for described in index.datasets] == names
    assert index.n == sum(info.n_samples["test"] for info in infos)
    assert np.isfinite(index.embeddings).all()
    assert index.images["label"].to_numpy()[:156].sum() > 0
    coordinates = index.map("pca").coordinates
    assert np.ptp(coordinates, axis=0).min() > 0
