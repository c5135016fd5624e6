"""What fixes a benchmark."""

from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from model.commands.train import parse
from model.data.catalogue import find_dataset
from model.data.settings import DataSettings
from model.training_settings import TrainSettings

FIVE_SETS = ("ham10000", "pneumoniamnist", "retinamnist", "breastmnist", "bloodcells_pbc")


@dataclass(frozen=True, kw_only=True)
class BenchSettings:
    """Options of one benchmark; arms are trained and measured by nothing else."""

    data_dir: Path
    work: Path
    """Folder of the results of single arms."""
    datasets: tuple[str, ...] = FIVE_SETS
    split: str = "val"
    """Which split the table reports; choices are made on the validation split whatever it says."""
    seed: int = 0
    steps: int = 650
    """Steps of each quantiser inside our own network."""
    accelerator: str = "cpu"
    """Where those are trained: ``cpu`` or ``gpu``; everything is measured on the CPU."""
    minutes: float = 5.0
    """Wall time of each whole model."""
    paper_images: int = 100_000
    """Images shown to the paper's model and to our preset of its setting: some four epochs of the five sets."""
    timed_steps: int = 40
    """Steps of each timing."""
    repeats: int = 3
    """Timings of each model."""
    stages: int = 49
    """Stages of residual k-means, 9 bits each."""
    limit: int | None = None
    """Images of each data set that are measured; None: all."""
    codec_limit: int = 150
    """Images of each data set that go through the codecs."""
    progress: bool = True

    def preset(self, name: str, *overrides: str) -> TrainSettings:
        """Settings of one of our presets, as `vqscope train` would take them."""
        return _parsed(
            *("--preset", name, "--data-dir", str(self.data_dir), "--datasets", ",".join(self.datasets)),
            *("--run-dir", str(self.work / "run"), "--seed", str(self.seed), *overrides),
        )

    def data(self, like: DataSettings) -> dict[str, Any]:
        """What of the data a result depends on (JSON-able): files by content, sampling, batches."""
        settings = asdict(replace(like, data_dir=Path()))
        settings.pop("data_dir")
        settings["md5"] = {name: find_dataset(name, self.data_dir).md5 for name in self.datasets}
        return settings


@cache
def _parsed(*arguments: str) -> TrainSettings:
    """Parsing takes a fifth of a second, and every arm asks."""
    return parse(list(arguments))
