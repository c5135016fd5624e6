"""Which images a training is shown. Apart from the data module: who reads a run's settings needs no Lightning."""

from dataclasses import dataclass
from pathlib import Path

from model.data.augmentation import Augmentation
from model.errors import VQScopeError


@dataclass(frozen=True, kw_only=True)
class DataSettings:
    """Which images are shown to the network, and how."""

    datasets: tuple[str, ...]  # names as `vqscope data list` shows them
    data_dir: Path
    image_size: int = 28  # pixels a side; other images are resized to it
    batch_size: int = 128
    num_workers: int = 0  # processes that read; at 28 px reading in the main process is faster
    balance: float = 0.5  # 0: data sets in proportion to their size; 1: all equally often
    augment: Augmentation = (
        "flip"  # training images: mirrored; cut and joined, moved, or turned by right angles as well
    )
    seed: int = 0  # of the order of the training images

    def __post_init__(self) -> None:
        """Raise VQScopeError for what cannot be."""
        if not self.datasets:
            raise VQScopeError("no data set is named; name at least one (vqscope data list shows them)")
        if len(set(self.datasets)) != len(self.datasets):
            raise VQScopeError(f"a data set is named twice: {', '.join(self.datasets)}")
        for name, least in (("image_size", 1), ("batch_size", 1), ("num_workers", 0), ("seed", 0)):
            if getattr(self, name) < least:
                raise VQScopeError(f"{name} must be at least {least}, not {getattr(self, name)}")
        if not 0 <= self.balance <= 1:
            raise VQScopeError(f"balance must lie between 0 and 1, not {self.balance}")
