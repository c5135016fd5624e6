import csv
import json
import math
import shutil
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
import torch
from PIL import Image

from model.checkpoints import read_model
from model.curves import COLUMNS
from model.data.datamodule import BiomedicalDataModule
from model.data.settings import DataSettings
from model.errors import VQScopeError
from model.metrics import image_figures
from model.networks.decoder import DecoderSettings
from model.networks.encoder import EncoderSettings
from model.optimization import OptimizerSettings
from model.quantizers.ema import EMASettings
from model.run_folder import begin
from model.training import TrainerSettings, TrainingFailed, TrainSettings, resume, train
from model.vqvae import VQVAESettings
from model.vqvae_module import VQVAEModule

TINY = VQVAESettings(
    encoder=EncoderSettings(stages=1, stem_pool=True, refine_blocks=0),
    quantizer=EMASettings(codebook_size=32),
    decoder=DecoderSettings(width=16, min_width=16, blocks=0, blocks_per_scale=0),
)


def settings(sample_dir, run_dir, *, learning_rate=1e-3, optimizer="adamw", schedule="cosine", **trainer):
    options = {"max_epochs": 1, "progress": False, "accelerator": "cpu", **trainer}
    return TrainSettings(
        data=DataSettings(datasets=("sample_ct",), data_dir=sample_dir),
        run_dir=run_dir,
        model=TINY,
        optimizer=OptimizerSettings(name=optimizer, learning_rate=learning_rate, schedule=schedule),
        trainer=TrainerSettings(**options),
    )


def rows(run_dir):
    with (run_dir / "metrics.csv").open() as file:
        return [{k: float(v) for k, v in row.items()} for row in csv.DictReader(file)]


def test_the_run_folder_is_complete(tiny_model_dir):
    assert {p.name for p in tiny_model_dir.iterdir()} >= {
        "model.safetensors", "config.json", "card.json", "metrics.csv", "curves.png"
    }  # fmt: skip
    with Image.open(tiny_model_dir / "curves.png") as picture:
        assert picture.size == (1200, 720)


def test_curves_have_a_row_per_epoch_of_that_epoch(tiny_model_dir):
    found = rows(tiny_model_dir)
    assert list(found[0]) == list(COLUMNS)
    assert [row["epoch"] for row in found] == [0, 1]
    assert all(math.isfinite(value) for row in found for value in row.values())
    # Per epoch, not a running average since the start: the second epoch is better than the first's mean.
    assert found[1]["train_loss"] < 0.7 * found[0]["train_loss"]
    assert found[1]["val_psnr"] > found[0]["val_psnr"]


def test_the_card_says_what_the_model_comes_from(tiny_model_dir, sample_names):
    card = read_model(tiny_model_dir).card
    assert [d["name"] for d in card["datasets"]] == list(sample_names)
    assert all(d["licence"] and d["md5"] for d in card["datasets"])
    assert card["bits_per_image"] == 49 * 6
    assert "Not for diagnosis" in card["intended_use"]
    assert card["training"]["epochs"] == 2
    assert card["caveats"] == []


def test_the_card_has_the_figures_of_the_saved_state(tmp_path, tiny_model_dir):
    best = max(rows(tiny_model_dir), key=lambda row: row["val_ssim"])
    card = read_model(tiny_model_dir).card
    for name in ("loss", "psnr", "ssim", "mae", "codebook_used", "codebook_perplexity"):
        assert card["validation"][name] == pytest.approx(best[f"val_{name}"], abs=1e-5)


def test_stand_ins_are_named_in_the_card(sample_dir, tmp_path):
    shutil.copy(sample_dir / "sample_ct.npz", tmp_path / "ct.npz")
    about = json.loads((sample_dir / "sample_ct.json").read_text())
    (tmp_path / "ct.json").write_text(json.dumps({**about, "name": "ct", "stands_for": "organamnist"}))
    chosen = settings(tmp_path, tmp_path / "run")
    train(replace(chosen, data=replace(chosen.data, datasets=("ct",))))
    (caveat,) = read_model(tmp_path / "run").card["caveats"]
    assert "official test split of organamnist" in caveat


def test_an_empty_split_is_told_before_training(tmp_path):
    images, labels = np.zeros((4, 28, 28), np.uint8), np.zeros((4, 1), np.uint8)
    arrays = {"train_images": images, "test_images": images, "val_images": images[:0]}
    np.savez(tmp_path / "odd.npz", **arrays, train_labels=labels, test_labels=labels, val_labels=labels[:0])
    chosen = settings(tmp_path, tmp_path / "run")
    with pytest.raises(VQScopeError, match="no images in their val splits"):
        train(replace(chosen, data=replace(chosen.data, datasets=("odd",))))


def outcome(run_dir):
    """What two runs that are the same have in common: curves but for timings, and the weights' SHA-256."""
    timings = {"seconds", "images_per_second", "data_wait"}
    return [{k: v for k, v in row.items() if k not in timings} for row in rows(run_dir)], read_model(
        run_dir
    ).sha256


def test_the_same_seed_gives_the_same_run_and_another_seed_another(sample_dir, tmp_path):
    first, second, other = (
        outcome(train(settings(sample_dir, tmp_path / name, max_epochs=2, seed=seed)).run_dir)
        for name, seed in (("a", 0), ("b", 0), ("c", 1))
    )
    assert first == second
    assert first[0] != other[0]
    assert first[1] != other[1]


def test_the_state_that_is_saved_is_that_of_the_best_epoch(sample_dir, tmp_path, monkeypatch):
    """Averaged weights, too: what the curves say of an epoch, the saved model gives."""
    chosen = settings(
        sample_dir, tmp_path, learning_rate=3e-2, schedule="constant", max_epochs=3, average_decay=0.5,
        precision="32",
    )  # fmt: skip

    def spoil(network, batch, batch_idx):
        if network.current_epoch == 2:
            with torch.no_grad():
                for parameter in network.decoder.parameters():
                    parameter.normal_()

    monkeypatch.setattr(VQVAEModule, "on_train_batch_start", spoil)
    train(chosen)
    ssim = [row["val_ssim"] for row in rows(tmp_path)]
    assert max(ssim) > ssim[-1] + 0.01
    network = read_model(tmp_path).network.eval()
    with torch.no_grad():
        found = torch.cat(
            [
                image_figures(network(images)[0].clamp(-1, 1) / 2 + 0.5, images / 2 + 0.5).ssim
                for images, _ in BiomedicalDataModule(chosen.data).val_dataloader()
            ]
        ).mean()
    assert found.item() == pytest.approx(max(ssim), abs=1e-3)


def test_averaged_weights_are_not_the_last_ones(sample_dir, tmp_path):
    plain = train(settings(sample_dir, tmp_path / "plain"))
    averaged = train(settings(sample_dir, tmp_path / "averaged", average_decay=0.9))
    assert outcome(plain.run_dir)[0][0]["train_loss"] == outcome(averaged.run_dir)[0][0]["train_loss"]
    assert outcome(plain.run_dir)[0][0]["val_loss"] != outcome(averaged.run_dir)[0][0]["val_loss"]


def test_the_papers_sgd_trains(sample_dir, tmp_path):
    result = train(
        settings(sample_dir, tmp_path, optimizer="sgd", schedule="plateau", learning_rate=2e-2, max_epochs=2)
    )
    assert result.epochs == 2
    assert result.best_ssim > 0


def test_a_loss_that_is_no_number_ends_with_a_clear_line(sample_dir, tmp_path):
    with pytest.raises(TrainingFailed, match="no longer a number"):
        train(settings(sample_dir, tmp_path, learning_rate=1e30, schedule="constant", max_epochs=60))


def test_a_folder_that_holds_a_run_is_refused_unless_told_otherwise(sample_dir, tmp_path):
    chosen = settings(sample_dir, tmp_path)
    begin(chosen)
    with pytest.raises(VQScopeError, match="unfinished run: go on with `vqscope train --resume"):
        train(chosen)
    train(chosen, overwrite=True)
    before = outcome(tmp_path)
    with pytest.raises(VQScopeError, match="finished run"):
        train(replace(chosen, trainer=replace(chosen.trainer, seed=1)))
    assert outcome(tmp_path) == before
    train(replace(chosen, trainer=replace(chosen.trainer, seed=1)), overwrite=True)
    assert outcome(tmp_path) != before


def test_a_finished_run_is_left_as_it_is(tiny_model_dir):
    before = {path: path.stat().st_mtime_ns for path in tiny_model_dir.iterdir()}
    result = resume(tiny_model_dir)
    assert (result.epochs, result.interrupted) == (2, False)
    assert result.best_ssim == pytest.approx(max(row["val_ssim"] for row in rows(tiny_model_dir)), abs=1e-5)
    assert {path: path.stat().st_mtime_ns for path in tiny_model_dir.iterdir()} == before


def test_a_run_folder_that_cannot_be_made_is_a_clear_line(sample_dir, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(VQScopeError, match="cannot make the run folder"):
        train(settings(sample_dir, tmp_path / "file" / "run"))


@pytest.mark.parametrize("wrong", [{"max_epochs": 0}, {"max_time": timedelta(0)}, {"average_decay": 1.0}])
def test_impossible_limits_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        TrainerSettings(**wrong)
