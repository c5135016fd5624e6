"""Snapshots of real, tiny trainings."""

from dataclasses import replace

import numpy as np
import pytest

from model import run_folder, snapshots
from model.checkpoints import read_model
from model.data.datamodule import BiomedicalDataModule
from model.data.npz import SPLITS
from model.data.settings import DataSettings
from model.latent.embedding import pool
from model.latent.evolving import frame_of
from model.networks.decoder import DecoderSettings
from model.networks.encoder import EncoderSettings
from model.quantizers.ema import EMASettings
from model.snapshot_writing import SnapshotWriter, chosen
from model.training import TrainerSettings, TrainSettings, resume, train
from model.vqvae import VQVAESettings
from model.vqvae_module import VQVAEModule

EPOCHS = 2


@pytest.fixture(scope="module")
def few(sample_dir, tmp_path_factory):
    """A grey and a coloured data set of 16 images a split."""
    folder = tmp_path_factory.mktemp("few")
    for name in ("sample_ct", "sample_ihc"):
        with np.load(sample_dir / f"{name}.npz") as whole:
            parts = [f"{split}_{kind}" for split in SPLITS for kind in ("images", "labels")]
            np.savez(folder / f"{name}.npz", **{part: whole[part][:16] for part in parts})
        (folder / f"{name}.json").write_text((sample_dir / f"{name}.json").read_text())
    return folder


def settings(few, run_dir, **trainer):
    options = {
        "max_epochs": EPOCHS,
        "progress": False,
        "accelerator": "cpu",
        "snapshot_images": 20,
        **trainer,
    }
    return TrainSettings(
        data=DataSettings(datasets=("sample_ct", "sample_ihc"), data_dir=few, batch_size=16),
        run_dir=run_dir,
        model=VQVAESettings(
            encoder=EncoderSettings(refine_blocks=0),
            quantizer=EMASettings(codebook_size=16),
            decoder=DecoderSettings(width=16, min_width=16, blocks=0, blocks_per_scale=0),
        ),
        trainer=TrainerSettings(**options),
    )


@pytest.fixture(scope="module")
def run(few, tmp_path_factory):
    """A run with snapshots, averaged weights and all."""
    return train(settings(few, tmp_path_factory.mktemp("run") / "with", average_decay=0.9)).run_dir


def test_there_is_a_snapshot_of_each_epoch(run):
    assert snapshots.epochs_in(run) == [1, 2]
    shown = snapshots.read_images(run)
    assert [one.name for one in shown.datasets] == ["sample_ct", "sample_ihc"]
    assert [one.grey for one in shown.datasets] == [True, False]
    assert len(shown.dataset) == 20
    assert len(shown.pictured) == 8
    for epoch in (1, 2):
        snapshot = snapshots.read_epoch(run, epoch)
        assert snapshot.points.shape == (20, 2)
        assert snapshot.reconstructions.shape == shown.originals.shape
        assert 0 < sum(snapshot.explained_variance_ratio) <= 1


def test_the_pictures_are_the_images_of_the_data_set(run, few):
    shown = snapshots.read_images(run)
    for row, picture in zip(shown.pictured, shown.originals, strict=True):
        name = shown.datasets[shown.dataset[row]].name
        with np.load(few / f"{name}.npz") as whole:
            image = whole["val_images"][shown.position[row]]
            assert whole["val_labels"][shown.position[row]].item() == shown.label[row]
        np.testing.assert_array_equal(picture, image if image.ndim == 3 else np.stack([image] * 3, axis=-1))


def test_reconstructions_of_grey_images_are_grey(run):
    shown, snapshot = snapshots.read_images(run), snapshots.read_epoch(run, 2)
    grey = np.array([shown.datasets[d].grey for d in shown.dataset[shown.pictured]])
    assert np.ptp(snapshot.reconstructions[grey], axis=-1).max() == 0
    assert np.ptp(snapshot.reconstructions[~grey], axis=-1).max() > 0


def test_looking_leaves_the_training_as_it_is(run, few, tmp_path):
    blind = train(settings(few, tmp_path / "without", average_decay=0.9, snapshot_images=0)).run_dir
    assert not (blind / snapshots.FOLDER).exists()
    assert read_model(blind).sha256 == read_model(run).sha256


def test_a_resumed_run_goes_on_with_its_snapshots(run, few, tmp_path, monkeypatch):
    """Killed after the second snapshot was written and before the checkpoint that knows of it."""
    cut = settings(few, tmp_path / "cut", average_decay=0.9)
    write = snapshots.write_epoch

    def killed(run_dir, epoch, *content):
        write(run_dir, epoch, *content)
        if epoch == 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("model.snapshot_writing.write_epoch", killed)
        with pytest.raises(KeyboardInterrupt):
            train(cut)
    stale = snapshots.epoch_path(cut.run_dir, 2)
    stale.write_bytes(b"not whole")
    images = snapshots.images_path(cut.run_dir).stat().st_mtime_ns
    resume(cut.run_dir)
    assert snapshots.epochs_in(cut.run_dir) == [1, 2]
    for epoch in (1, 2):
        found, undisturbed = (snapshots.read_epoch(folder, epoch) for folder in (cut.run_dir, run))
        np.testing.assert_array_equal(found.points, undisturbed.points)
        np.testing.assert_array_equal(found.reconstructions, undisturbed.reconstructions)
    assert snapshots.images_path(cut.run_dir).stat().st_mtime_ns == images


def test_a_run_begun_anew_has_no_snapshots_of_the_old_one(few, tmp_path):
    chosen_settings = settings(few, tmp_path / "run")
    snapshots.images_path(chosen_settings.run_dir).parent.mkdir(parents=True)
    snapshots.epoch_path(chosen_settings.run_dir, 7).write_bytes(b"")
    run_folder.begin(chosen_settings)
    assert snapshots.epochs_in(chosen_settings.run_dir) == []


def test_the_network_is_left_in_its_modes_and_points_come_from_its_features(few, tmp_path):
    chosen_settings = settings(few, tmp_path)
    data = BiomedicalDataModule(chosen_settings.data)
    network = VQVAEModule(chosen_settings.model)
    network.decoder.eval()
    modes = [part.training for part in network.modules()]

    class FirstEpoch:
        is_global_zero, current_epoch = True, 0

    writer = SnapshotWriter(tmp_path, data, 20, None)
    writer.on_fit_start(FirstEpoch(), network)
    writer.on_train_epoch_end(FirstEpoch(), network)
    assert [part.training for part in network.modules()] == modes
    rows, _ = chosen(data.split("val").counts, 20)
    images, _ = data.split("val").__getitems__(rows.tolist())
    pooled = pool(network.eval().encoder(images).features).detach()
    embeddings = ((pooled - pooled.mean(0)) / pooled.std(0, correction=0).clamp(min=1e-4)).asinh()
    expected = frame_of(embeddings.numpy(), None).points
    np.testing.assert_allclose(snapshots.read_epoch(tmp_path, 1).points, expected, atol=2e-3)


def test_each_data_set_is_shown_and_the_choice_is_always_the_same():
    counts = np.array([1000, 0, 3, 200])
    rows, pictured = chosen(counts, 50)
    again, _ = chosen(counts, 50)
    np.testing.assert_array_equal(rows, again)
    assert len(rows) == pytest.approx(50, abs=3)
    assert {int(row) for row in rows if 1000 <= row < 1003} != set()
    assert len(pictured) == 10  # 4 + 2 + 4: of three images two are drawn
    assert len(chosen(np.full(40, 10), 400)[1]) == snapshots.MAX_PICTURES


def test_too_many_images_are_refused(few, tmp_path):
    with pytest.raises(ValueError, match="snapshot_images must lie in 0 … 2000"):
        replace(settings(few, tmp_path).trainer, snapshot_images=2001)
