"""Everything that fixes a training run."""

from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Literal

import torch

from model.data.settings import DataSettings
from model.optimization import OptimizerSettings
from model.precision import native_bfloat16
from model.snapshots import MAX_IMAGES
from model.vqvae import VQVAESettings


@dataclass(frozen=True, kw_only=True)
class TrainerSettings:
    """How long and on what to train."""

    max_epochs: int = 30
    """Epochs at most; one epoch shows as many images as the training splits hold."""
    max_time: timedelta | None = None
    """Wall time at most; the learning rate falls in time with whichever limit comes first."""
    patience: int = 8
    """Epochs without a better validation SSIM before training stops."""
    average_decay: float = 0.0
    """Decay per step of an exponential moving average of the weights, which is then what is validated and saved;
    0: none."""
    seed: int = 0
    accelerator: Literal["auto", "cpu", "gpu"] = "auto"
    devices: int = 1
    """GPUs, or processes on a CPU; each takes batches of data.batch_size: a step sees devices x batch_size images."""
    precision: Literal["auto", "32", "bf16"] = "auto"
    """``auto``: bfloat16 mixed precision where the hardware multiplies it natively, else float32."""
    cuda_graphs: bool = True
    """On a single GPU, replay the passes of encoder and decoder from CUDA graphs: several times as fast."""
    progress: bool = True
    snapshot_images: int = 1000
    """Validation images, 2000 at most, whose place on a map is kept after every epoch, with reconstructions of a few,
    for the explorer's page on training; 0: keep nothing."""

    def __post_init__(self) -> None:
        if self.max_epochs < 1:
            raise ValueError(f"max_epochs must be at least 1, not {self.max_epochs}")
        if self.patience < 0:
            raise ValueError(f"trainer.patience cannot be negative, not {self.patience}")
        if not 0 <= self.average_decay < 1:
            raise ValueError(f"trainer.average_decay must lie in [0, 1), not {self.average_decay}")
        if self.devices < 1:
            raise ValueError(f"trainer.devices must be at least 1, not {self.devices}")
        if not 0 <= self.seed < 2**32:
            raise ValueError(f"seed must lie in 0 … {2**32 - 1}, not {self.seed}")
        if not 0 <= self.snapshot_images <= MAX_IMAGES:
            raise ValueError(
                f"trainer.snapshot_images must lie in 0 … {MAX_IMAGES}, not {self.snapshot_images}"
            )
        if self.accelerator == "gpu" and not torch.cuda.is_available():
            raise ValueError("there is no GPU that torch can use: leave out --trainer.accelerator gpu")
        if self.max_time is not None and self.max_time <= timedelta(0):
            raise ValueError("max_time must be positive, such as 00:10:00")

    @property
    def bfloat16(self) -> bool:
        """Whether to train in bfloat16 mixed precision."""
        if self.precision != "auto":
            return self.precision == "bf16"
        on_gpu = self.accelerator != "cpu" and torch.cuda.is_available()
        return native_bfloat16("cuda" if on_gpu else "cpu")


@dataclass(frozen=True, kw_only=True)
class TrainSettings:
    """Everything that fixes a run."""

    data: DataSettings
    run_dir: Path
    model: VQVAESettings = field(default_factory=VQVAESettings)
    optimizer: OptimizerSettings = field(default_factory=OptimizerSettings)
    trainer: TrainerSettings = field(default_factory=TrainerSettings)
