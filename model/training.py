"""Training a VQ-VAE: from settings to a run folder."""

import logging
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import islice
from pathlib import Path
from typing import Literal

import torch
from lightning import Trainer, seed_everything
from lightning.pytorch.callbacks import Callback, EarlyStopping, ModelCheckpoint, Timer

from model.card import describe_training
from model.checkpoints import save_model
from model.curves import CurveWriter
from model.data.datamodule import BiomedicalDataModule, DataSettings
from model.errors import VQScopeError
from model.interrupts import GracefulStop
from model.optimization import OptimizerSettings
from model.progress import BudgetBar
from model.vqvae import VQVAE, VQVAESettings


class TrainingFailed(VQScopeError):
    """Training ended without a usable model."""


@dataclass(frozen=True, kw_only=True)
class TrainerSettings:
    """How long and on what to train."""

    max_epochs: int = 30
    """Epochs at most; one epoch shows as many images as the training splits hold."""
    max_time: timedelta | None = None
    """Wall time at most; the learning rate falls in time with whichever limit comes first."""
    patience: int = 8
    """Epochs without a better validation SSIM before training stops."""
    seed: int = 0
    accelerator: Literal["auto", "cpu", "gpu"] = "auto"
    devices: int = 1
    precision: Literal["auto", "32", "bf16"] = "auto"
    """``auto``: bfloat16 mixed precision where the hardware multiplies it natively, else float32."""
    progress: bool = True

    def __post_init__(self) -> None:
        if self.max_epochs < 1:
            raise ValueError(f"max_epochs must be at least 1, not {self.max_epochs}")
        if self.patience < 0:
            raise ValueError(f"trainer.patience cannot be negative, not {self.patience}")
        if self.devices < 1:
            raise ValueError(f"trainer.devices must be at least 1, not {self.devices}")
        if not 0 <= self.seed < 2**32:
            raise ValueError(f"seed must lie in 0 … {2**32 - 1}, not {self.seed}")
        if self.accelerator == "gpu" and not torch.cuda.is_available():
            raise ValueError("there is no GPU that torch can use: leave out --trainer.accelerator gpu")
        if self.max_time is not None and self.max_time <= timedelta(0):
            raise ValueError("max_time must be positive, such as 00:10:00")


@dataclass(frozen=True, kw_only=True)
class TrainSettings:
    """Everything that fixes a run."""

    data: DataSettings
    run_dir: Path
    model: VQVAESettings = field(default_factory=VQVAESettings)
    optimizer: OptimizerSettings = field(default_factory=OptimizerSettings)
    trainer: TrainerSettings = field(default_factory=TrainerSettings)


@dataclass(frozen=True)
class TrainResult:
    """How a run ended."""

    run_dir: Path
    epochs: int
    best_ssim: float
    """Validation SSIM of the state that was saved."""
    interrupted: bool
    """Ended by Ctrl-C or SIGTERM; the best state so far was saved all the same."""


def train(settings: TrainSettings) -> TrainResult:
    """Train, and leave `model.safetensors`, `config.json`, `card.json`, `metrics.csv`, `curves.png` in the run folder.

    The state with the best validation SSIM is kept. Ctrl-C (or SIGTERM) ends after the current step, validates
    and saves; a second one ends at once.

    Raises:
        TrainingFailed: the loss is no longer a number, or nothing was trained.
        VQScopeError: data that cannot be read, a folder that cannot be written.
    """
    options = settings.trainer
    run_dir = settings.run_dir
    try:
        run_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise VQScopeError(
            f"cannot make the run folder {run_dir} ({error.strerror}): choose another"
        ) from error
    with _quiet_lightning():
        seed_everything(options.seed, workers=True, verbose=False)
        data = BiomedicalDataModule(settings.data)
        data.prepare_data()  # before anything heavy: what cannot be read is told at once
        for split in ("train", "val"):
            if not len(data.split(split)):
                raise VQScopeError(
                    f"the data sets have no images in their {split} splits: training needs some"
                )
        network = VQVAE(settings.model, settings.optimizer)
        network.to(memory_format=torch.channels_last)
        best = ModelCheckpoint(
            run_dir / "checkpoints", "best", monitor="val_ssim", mode="max", enable_version_counter=False
        )
        stop = GracefulStop()
        curves = CurveWriter(run_dir)
        budget = Budget(options)
        callbacks: list[Callback] = [
            best,
            NotANumber(),  # before EarlyStopping, which would take it for a plain end
            EarlyStopping("val_ssim", patience=options.patience, mode="max"),
            curves,
            budget,
            stop,
        ]
        if options.max_time is not None:
            callbacks.append(Timer(options.max_time, verbose=False))
        if options.progress:
            callbacks.append(BudgetBar(lambda: budget.spent))
        network.budget_spent = lambda: budget.spent
        trainer = Trainer(
            max_epochs=options.max_epochs,
            accelerator=options.accelerator,
            devices=options.devices,
            precision="bf16-mixed" if use_bfloat16(options) else "32-true",
            callbacks=callbacks,
            default_root_dir=run_dir,
            logger=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
        )
        started = time.monotonic()

        def save() -> None:
            if best.best_model_path and trainer.is_global_zero:
                # weights_only: even our own checkpoint is read without unpickling.
                checkpoint = torch.load(best.best_model_path, map_location="cpu", weights_only=True)
                network.load_state_dict(checkpoint["state_dict"])
                fit_embedding(network, data)
                seconds = time.monotonic() - started
                card = describe_training(settings, data, trainer, network, seconds, curves.best())
                save_model(run_dir, network, card)

        try:
            trainer.fit(network, datamodule=data)
        except (
            SystemExit
        ):  # what Lightning makes of a Ctrl-C that is not ours: before training, or the second
            raise KeyboardInterrupt from None
        except TrainingFailed:
            save()  # what was good before that is the user's
            raise
        save()
    if best.best_model_score is None:
        raise TrainingFailed(
            "stopped before the first validation, nothing was saved: allow more time or fewer images"
        )
    return TrainResult(run_dir, trainer.current_epoch, float(best.best_model_score), stop.requested)


@torch.no_grad()
def fit_embedding(network: VQVAE, data: BiomedicalDataModule, images: int = 5000) -> None:
    """Standardise the embedding on training images, drawn as in training but not augmented."""
    network.eval()
    device = network.device
    batches = data.train_dataloader()
    enough = islice(batches, min(-(-images // data.settings.batch_size), len(batches)))
    network.embedding.fit(network.encoder(batch.to(device)).features for batch, _ in enough)


def use_bfloat16(options: TrainerSettings) -> bool:
    """Whether to train in bfloat16 mixed precision."""
    if options.precision != "auto":
        return options.precision == "bf16"
    if options.accelerator != "cpu" and torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    # Where the processor only emulates bfloat16 it is slower than float32.
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())


class Budget(Callback):
    """Knows which share of the run's limits (epochs, wall time) is spent."""

    def __init__(self, options: TrainerSettings) -> None:
        self._max_epochs = options.max_epochs
        self._max_seconds = options.max_time.total_seconds() if options.max_time else None
        self._started = time.monotonic()
        self.spent = 0.0

    def on_train_start(self, trainer: Trainer, pl_module: "VQVAE") -> None:  # type: ignore[override]
        """Start the clock."""
        self._started = time.monotonic()

    def on_train_batch_end(self, trainer: Trainer, *_: object, **__: object) -> None:
        """Bring the share up to date before the scheduler's next step reads it."""
        total = self._max_epochs * int(trainer.num_training_batches)
        spent = trainer.global_step / max(total, 1)
        if self._max_seconds is not None:
            spent = max(spent, (time.monotonic() - self._started) / self._max_seconds)
        self.spent = min(spent, 1.0)


class NotANumber(Callback):
    """Ends a run whose loss is no longer a number."""

    def on_train_batch_end(self, trainer: Trainer, pl_module: "VQVAE", outputs: object, *_: object) -> None:  # type: ignore[override]
        """Check every 50th step: looking at the loss makes a GPU wait."""
        loss = outputs["loss"] if isinstance(outputs, dict) else outputs
        if trainer.global_step % 50 == 0 and isinstance(loss, torch.Tensor):
            self._check(loss, trainer)

    def on_validation_end(self, trainer: Trainer, pl_module: "VQVAE") -> None:  # type: ignore[override]
        """Check what the epoch came to."""
        self._check(trainer.callback_metrics["val_loss"], trainer)

    def _check(self, loss: torch.Tensor, trainer: Trainer) -> None:
        if not bool(torch.isfinite(loss)):
            raise TrainingFailed(
                f"the loss is no longer a number at step {trainer.global_step}: lower --optimizer.learning_rate"
                " (the best state before that, if any, is in the run folder)"
            )


@contextmanager
def _quiet_lightning() -> Iterator[None]:
    """Silence what Lightning prints about itself; our progress bar and errors say what a user needs."""
    loggers = [logging.getLogger(name) for name in ("lightning.pytorch", "lightning.fabric")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    with warnings.catch_warnings():
        # Batches are assembled whole from memory-mapped arrays: worker processes would only cost.
        warnings.filterwarnings("ignore", ".*does not have many workers.*")
        # A run folder may be trained into again; the best checkpoint is replaced.
        warnings.filterwarnings("ignore", ".*exists and is not empty.*")
        warnings.filterwarnings("ignore", ".*number of training batches.*")
        # Lightning's own use of torch's pytree, of no concern to users.
        warnings.filterwarnings("ignore", ".*treespec, LeafSpec.*")
        try:
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)
