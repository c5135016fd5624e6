"""The benchmark itself: storing, measuring, the report."""

import importlib
import json
from pathlib import Path

import numpy as np
import pytest

import model
from model.errors import VQScopeError
from model.optimization import build_optimizer
from model.quantizers.ema import EMAQuantizer
from tests.benchmarks.models.__main__ import build_settings, command, main
from tests.benchmarks.models.measuring import Reproduced, measure
from tests.benchmarks.models.settings import BenchSettings
from tests.benchmarks.models.store import Result, Store, files, sources


def test_a_finished_arm_is_not_run_again(tmp_path: Path) -> None:
    store, runs = Store(tmp_path / "work"), []

    def compute() -> Result:
        runs.append(1)
        return {"psnr": 30.0}

    for key in ({"steps": 1}, {"steps": 1}, {"steps": 2}):
        assert store.get("arm", key, compute) == {"psnr": 30.0}
    assert len(runs) == 2
    assert store.find("arm", {"steps": 3}) is None
    assert store.find("other", {"steps": 1}) is None


def test_a_digest_changes_with_code_that_is_only_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "tests_of_digest"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "used.py").write_text("def answer():\n    return 1\n")
    (package / "user.py").write_text(
        "from model.tests_of_digest.used import answer\n\ndef ask():\n    return answer()\n"
    )
    monkeypatch.setattr(model, "__path__", [*model.__path__, str(tmp_path)])
    user = importlib.import_module("model.tests_of_digest.user")
    before = sources([user.ask])
    assert sources([user.ask]) == before
    (package / "used.py").write_text("def answer():\n    return 2\n")
    assert sources([user.ask]) != before
    # What trains a network is reached from the network and the trainer.
    assert {"muon.py", "gradients.py", "kmeans.py"} <= {
        file.name for file in files([build_optimizer, EMAQuantizer])
    }


def test_figures_of_known_copies(sample_dir: Path, sample_names: tuple[str, ...]) -> None:
    settings = BenchSettings(
        data_dir=sample_dir, work=sample_dir, datasets=sample_names, limit=5, progress=False
    )
    perfect = measure(lambda pictures: Reproduced(pictures, bits=8.0 * len(pictures)), settings, "val")
    assert perfect["mean"]["psnr"] == 100
    assert perfect["mean"]["ssim"] == pytest.approx(1)
    assert perfect["mean"]["bits"] == 8
    assert all(row["n"] == 5 for row in perfect["datasets"].values())

    def two_codes(pictures: np.ndarray) -> Reproduced:
        changed = pictures.astype(np.int64) + np.where(pictures < 128, 10, -10)
        return Reproduced(changed.astype(np.uint8), np.arange(len(pictures) * 4) % 2)

    coded = measure(two_codes, settings, "val", codebook=8)
    assert coded["used"] == 2
    assert coded["perplexity"] == pytest.approx(2, rel=0.01)
    assert coded["mean"]["mae"] == pytest.approx(10 / 255, rel=1e-3)
    assert coded["mean"]["psnr"] == pytest.approx(20 * np.log10(25.5), rel=1e-3)


def test_the_command_is_told_without_folders() -> None:
    told = command(["--split", "val", "--data-dir", "/a", "--work=/b", "--arms", "ours", "--out", "/c"])
    assert told == 'make bench-models ARGS="--split val --arms ours"'
    assert command(["--out", "/c"]) == "make bench-models"


def test_numbers_that_cannot_be_are_refused(tmp_path: Path) -> None:
    with pytest.raises(VQScopeError, match="--paper-images must be more than 0, not -5"):
        build_settings(["--quick", "--work", str(tmp_path), "--paper-images", "-5"])


@pytest.mark.integration
def test_some_arms_to_a_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("vector_quantize_pytorch", "monai", "pythae", "pillow_jxl"):
        pytest.importorskip(name)
    argv = ["--quick", "--work", str(tmp_path), "--steps", "2", "--arms"]
    with pytest.raises(VQScopeError, match="no arm or table 'our'; there are codec-"):
        main([*argv, "our"])
    assert main([*argv, "ours"]) == 0
    stored = {path: path.stat().st_mtime_ns for path in tmp_path.glob("*-*.json")}
    assert main([*argv, "ours,monai-quantiser,codec-webp,codec-jpeg"]) == 0
    assert {path: path.stat().st_mtime_ns for path in stored} == stored
    content = json.loads((tmp_path / "benchmarks.json").read_text())
    assert [row["name"] for row in content["tables"]["quantisers"]] == ["ours", "monai-quantiser"]
    ours, monai = content["tables"]["quantisers"]
    assert ours["bits"] == monai["bits"] == 441
    assert ours["fit"]["steps"] == monai["fit"]["steps"] == 2
    assert ours["parameters"] == monai["parameters"]
    assert 5 < ours["val"]["mean"]["psnr"] < 30
    text = (tmp_path / "benchmarks.md").read_text()
    assert "| MONAI EMAQuantizer, defaults | 441 | " in text
    assert "## 2. Codecs at their smallest file" in text
    assert "| JPEG | " in text
    assert str(tmp_path) not in text
    capsys.readouterr()
    assert main([*argv, "quantisers", "--list"]) == 0
    listed = capsys.readouterr().out.splitlines()
    assert [line.split()[1] for line in listed if line.endswith("finished")] == ["ours", "monai-quantiser"]
