"""The data as Lightning takes them: one training stream over several data sets, whole splits to test on."""

from pathlib import Path

import torch
from lightning import LightningDataModule
from torch.utils.data import DataLoader, Sampler, SequentialSampler

from model.data.augmentation import AUGMENTATIONS
from model.data.catalogue import find_dataset, report_warnings
from model.data.datasets import Batch, BiomedicalDataset, whole_batch
from model.data.download import ensure_available
from model.data.npz import SPLITS
from model.data.sampler import BalancedSampler
from model.data.settings import DataSettings
from model.data.sharding import RankBatches


class BiomedicalDataModule(LightningDataModule):
    """Batches of (images (B,3,S,S) float32 in [-1, 1], data set numbers (B,) int64, in the settings' order).

    The training order depends on (seed, epoch) alone (BalancedSampler); validation and test go through their
    splits once, in order. While training, images are augmented at random, drawn from torch's generator of the device
    (seed it with ``lightning.seed_everything``).
    """

    def __init__(self, settings: DataSettings, *, cache: Path | None = None) -> None:
        super().__init__()
        self.settings = settings
        self._cache = cache
        self._splits: dict[str, BiomedicalDataset] = {}

    def prepare_data(self) -> None:
        """Download what is absent, show warnings, unpack what is not yet in the cache: in one process only."""
        data_dir = self.settings.data_dir
        ensure_available(self.settings.datasets, data_dir, cache=self._cache)
        report_warnings(find_dataset(name, data_dir, cache=self._cache) for name in self.settings.datasets)
        for split in SPLITS:
            self.split(split)

    def split(self, split: str) -> BiomedicalDataset:
        """The images of one split (train, val, test); opened on first use."""
        if split not in self._splits:
            self._splits[split] = BiomedicalDataset(
                self.settings.datasets,
                split,
                data_dir=self.settings.data_dir,
                image_size=self.settings.image_size,
                cache=self._cache,
            )
        return self._splits[split]

    def train_dataloader(self) -> DataLoader[Batch]:
        """Training batches; an epoch has as many images as the training splits together."""
        dataset = self.split("train")
        counts = dataset.counts.tolist()
        sampler = BalancedSampler(counts, balance=self.settings.balance, seed=self.settings.seed)
        if self.trainer is not None:  # a resumed run begins later, and workers fetch before Lightning tells
            sampler.set_epoch(self.trainer.current_epoch)
        return self._loader(dataset, sampler)

    def val_dataloader(self) -> DataLoader[Batch]:
        """Validation batches, in order."""
        return self._loader(self.split("val"), SequentialSampler(self.split("val")))

    def test_dataloader(self) -> DataLoader[Batch]:
        """Test batches, in order."""
        return self._loader(self.split("test"), SequentialSampler(self.split("test")))

    def on_after_batch_transfer(self, batch: Batch, dataloader_idx: int) -> Batch:
        """Augment images while training, on the device."""
        del dataloader_idx
        if self.trainer is None or not self.trainer.training:
            return batch
        images, ids = batch
        return AUGMENTATIONS[self.settings.augment](images), ids

    def _loader(self, dataset: BiomedicalDataset, sampler: Sampler[int]) -> DataLoader[Batch]:
        workers = self.settings.num_workers
        rank, ranks = (self.trainer.global_rank, self.trainer.world_size) if self.trainer else (0, 1)
        return DataLoader(
            dataset,
            batch_sampler=RankBatches(sampler, self.settings.batch_size, rank=rank, ranks=ranks),
            # Of its own: a loader that is asked for batches must not move the generator that training draws from.
            generator=torch.Generator(),
            collate_fn=whole_batch,  # type: ignore[arg-type]  # whole already: see __getitems__
            num_workers=workers,
            persistent_workers=workers > 0,
            pin_memory=torch.cuda.is_available(),
        )
