import json
import shutil

import pytest

from model.checkpoints import read_model
from model.commands.evaluate import main
from model.errors import VQScopeError
from model.inference import load_model


@pytest.fixture
def run_dir(tiny_model_dir, tmp_path):
    return shutil.copytree(tiny_model_dir, tmp_path / "run")


def test_json_holds_what_is_printed(run_dir, sample_dir, tmp_path, capsys):
    out = tmp_path / "new" / "figures.json"
    arguments = [str(run_dir), "--data-dir", str(sample_dir), "--datasets", "sample_mr", "--no-probes"]
    assert main([*arguments, "--split", "val", "--json", str(out)]) == 0
    figures = json.loads(out.read_text())
    assert figures["split"] == "val"
    assert figures["bits_per_image"] == 294
    assert figures["codebook"]["used"] <= figures["codebook"]["size"] == 64
    assert {"n", "psnr", "ssim", "mae"} <= set(figures["datasets"]["sample_mr"])
    printed = capsys.readouterr().out
    assert f"{figures['datasets']['sample_mr']['psnr']:.2f} ± " in printed
    assert figures["model"] in printed


def test_the_card_is_given_the_figures_and_the_weights_stay(run_dir, sample_dir):
    before = read_model(run_dir)
    main([str(run_dir), "--data-dir", str(sample_dir), "--datasets", "sample_mr,sample_ct", "--card"])
    after = read_model(run_dir)
    assert after.sha256 == before.sha256 == after.card["sha256"]
    assert {k: v for k, v in after.card.items() if k != "figures"} == before.card
    assert set(after.card["figures"]["datasets"]) == {"sample_mr", "sample_ct"}
    assert after.card["figures"]["split"] == "test"


def test_the_shipped_model_is_the_default(sample_dir, tmp_path):
    out = tmp_path / "figures.json"
    arguments = ["--data-dir", str(sample_dir), "--datasets", "sample_mr", "--no-probes", "--json", str(out)]
    assert main(arguments) == 0
    assert json.loads(out.read_text())["model"] == load_model(device="cpu").version


def test_the_card_of_a_model_that_is_not_named_is_left_alone():
    with pytest.raises(VQScopeError, match="name the MODEL"):
        main(["--datasets", "x", "--card"])


def test_a_card_carries_no_figures_of_another_split(run_dir, sample_dir):
    with pytest.raises(VQScopeError, match="test split"):
        main([str(run_dir), "--data-dir", str(sample_dir), "--datasets", "x", "--split", "val", "--card"])


def test_a_folder_that_is_no_report_is_refused_before_anything_is_computed(run_dir, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    with pytest.raises(VQScopeError, match="is not a report"):
        main([str(run_dir), "--datasets", "no_such_set", "--report", str(tmp_path / "mine")])


def test_a_report_is_written_and_replaced(run_dir, sample_dir, tmp_path, capsys):
    page = tmp_path / "deep" / "report" / "index.html"
    arguments = [str(run_dir), "--data-dir", str(sample_dir), "--datasets", "sample_mr", "--no-probes"]
    for _ in range(2):
        main([*arguments, "--report", str(page.parent)])
        assert str(page) in capsys.readouterr().out
    assert [path.name for path in page.parent.iterdir()] == ["index.html"]
    assert "sample_mr" in page.read_text()
