import dataclasses
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning import LightningModule, Trainer
from torch import Tensor

from model.data import download as download_module
from model.data.datamodule import BiomedicalDataModule
from model.data.settings import DataSettings
from model.errors import VQScopeError


@pytest.fixture
def settings(write_npz: Callable[..., Path], data_dir: Path) -> DataSettings:
    write_npz("grey", seed=1)
    write_npz("colour", seed=2, colour=True, counts={"train": 33, "val": 5, "test": 6})
    return DataSettings(datasets=("grey", "colour"), data_dir=data_dir, batch_size=8)


def test_batches_have_the_promised_form(settings: DataSettings, cache: Path) -> None:
    module = BiomedicalDataModule(settings, cache=cache)
    module.prepare_data()
    batches = list(module.train_dataloader())
    assert sum(len(images) for images, _ in batches) == 44
    for images, ids in batches:
        assert images.shape == (len(ids), 3, 28, 28)
        assert images.dtype == torch.float32
        assert ids.dtype == torch.int64
    drawn = torch.cat([ids for _, ids in batches]).bincount()
    assert drawn.tolist() == [16, 28]  # 44 shared out as sqrt(11) to sqrt(33)


def test_validation_and_test_are_whole_and_in_order(settings: DataSettings, cache: Path) -> None:
    module = BiomedicalDataModule(settings, cache=cache)
    for loader, split in ((module.val_dataloader(), "val"), (module.test_dataloader(), "test")):
        dataset = module.split(split)
        images = torch.cat([batch for batch, _ in loader])
        ids = torch.cat([ids for _, ids in loader])
        assert torch.equal(images, torch.stack([dataset[i][0] for i in range(len(dataset))]))
        assert ids.tolist() == dataset.dataset_ids.tolist()


def test_workers_deliver_the_same_batches(settings: DataSettings, cache: Path) -> None:
    def epoch(workers: int) -> list[Tensor]:
        module = BiomedicalDataModule(dataclasses.replace(settings, num_workers=workers), cache=cache)
        with warnings.catch_warnings():
            # torch counts the cores and remarks on their number
            warnings.filterwarnings("ignore", message="This DataLoader will create")
            warnings.filterwarnings("ignore", category=DeprecationWarning, message=".*fork")
            return [images for images, _ in module.train_dataloader()]

    assert all(torch.equal(a, b) for a, b in zip(epoch(0), epoch(1), strict=True))


class _Recorder(LightningModule):
    """Counts what it is shown; its one weight keeps Lightning content."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))
        self.epochs: list[list[int]] = []
        self.train_images: list[Tensor] = []
        self.val_images: list[Tensor] = []

    def on_train_epoch_start(self) -> None:
        self.epochs.append([])

    def training_step(self, batch: tuple[Tensor, Tensor], index: int) -> Tensor:
        self.epochs[-1] += batch[1].tolist()
        self.train_images.append(batch[0])
        return self.weight.sum()

    def validation_step(self, batch: tuple[Tensor, Tensor], index: int) -> None:
        self.val_images.append(batch[0])

    def configure_optimizers(self) -> Any:
        return torch.optim.SGD(self.parameters(), lr=0.1)


def test_under_lightning_epochs_differ_and_only_training_is_flipped(
    settings: DataSettings, cache: Path, tmp_path: Path
) -> None:
    def fit() -> _Recorder:
        recorder = _Recorder()
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*does not have many workers")
            warnings.filterwarnings("ignore", message=".*treespec, LeafSpec")  # Lightning and torch
            Trainer(
                max_epochs=2, accelerator="cpu", logger=False, enable_checkpointing=False, log_every_n_steps=1,
                enable_progress_bar=False, enable_model_summary=False, default_root_dir=tmp_path,
                num_sanity_val_steps=0,
            ).fit(recorder, datamodule=BiomedicalDataModule(settings, cache=cache))  # fmt: skip
        return recorder

    first, second = fit(), fit()
    assert first.epochs[0] != first.epochs[1]
    assert first.epochs == second.epochs
    module = BiomedicalDataModule(settings, cache=cache)
    plain = torch.cat([images for images, _ in module.val_dataloader()])
    assert torch.equal(torch.cat(first.val_images[: len(first.val_images) // 2]), plain)
    originals = {image.numpy().tobytes() for image in _all_images(module)}
    mirrored = {image.flip(-1).contiguous().numpy().tobytes() for image in _all_images(module)}
    shown = [image.contiguous().numpy().tobytes() for batch in first.train_images for image in batch]
    as_they_are = sum(image in originals for image in shown)
    assert all(image in originals or image in mirrored for image in shown)
    assert 0 < as_they_are < len(shown)


def _all_images(module: BiomedicalDataModule) -> Tensor:
    dataset = module.split("train")
    return dataset.__getitems__(range(len(dataset)))[0]


def test_an_unofficial_file_is_remarked_once(
    write_npz: Callable[..., Path], data_dir: Path, cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_npz("breastmnist")
    settings = DataSettings(datasets=("breastmnist",), data_dir=data_dir)
    module = BiomedicalDataModule(settings, cache=cache)
    module.prepare_data()
    for _ in module.train_dataloader():
        pass
    assert capsys.readouterr().err.count("not the official BreastMNIST file") == 1


def test_what_is_absent_is_downloaded_first(
    write_npz: Callable[..., Path], data_dir: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fetch(url: str, target: Path, *, md5: str) -> None:
        assert target == data_dir / "breastmnist.npz"
        write_npz("breastmnist")

    monkeypatch.setattr(download_module, "fetch", fetch)
    module = BiomedicalDataModule(DataSettings(datasets=("breastmnist",), data_dir=data_dir), cache=cache)
    module.prepare_data()
    assert len(module.split("train")) == 11


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"datasets": ()}, "no data set"),
        ({"datasets": ("a", "a")}, "twice"),
        ({"batch_size": 0}, "batch_size"),
        ({"image_size": 0}, "image_size"),
        ({"num_workers": -1}, "num_workers"),
        ({"balance": 1.5}, "balance"),
        ({"balance": float("nan")}, "balance"),
    ],
)
def test_impossible_settings_are_refused(data_dir: Path, change: dict[str, Any], complaint: str) -> None:
    with pytest.raises(VQScopeError, match=complaint):
        DataSettings(**{"datasets": ("a",), "data_dir": data_dir, **change})
