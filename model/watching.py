"""What a training keeps an eye on: its budget, its speed, and that its loss is a number."""

import time

import torch
from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback, Timer

from model.errors import VQScopeError
from model.ranks import greatest
from model.training_settings import TrainerSettings


class TrainingFailed(VQScopeError):
    """Training ended without a usable model."""


class Budget(Callback):
    """Knows which share of the run's limits (epochs, wall time) is spent, in [0, 1], the same on all ranks."""

    def __init__(self, options: TrainerSettings, timer: Timer) -> None:
        self._max_epochs = options.max_epochs
        self._max_seconds = options.max_time.total_seconds() if options.max_time else None
        self._timer = timer
        self.spent = 0.0

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Count what was spent before a run was cut."""
        self._count(trainer)

    def on_train_batch_end(self, trainer: Trainer, *_: object, **__: object) -> None:
        """Bring the share up to date before the scheduler's next step reads it."""
        self._count(trainer)

    def _count(self, trainer: Trainer) -> None:
        total = self._max_epochs * int(trainer.num_training_batches)
        spent = trainer.global_step / max(total, 1)
        if self._max_seconds is not None:
            spent = greatest(trainer, max(spent, self._timer.time_elapsed() / self._max_seconds))
        self.spent = min(spent, 1.0)


class NotANumber(Callback):
    """Ends a run whose loss is no longer a number."""

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: object, *_: object
    ) -> None:
        """Check every 50th step: looking at the loss makes a GPU wait."""
        loss = outputs["loss"] if isinstance(outputs, dict) else outputs
        if trainer.global_step % 50 == 0 and isinstance(loss, torch.Tensor):
            self._check(loss, trainer)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Check what the epoch came to."""
        self._check(trainer.callback_metrics["val_loss"], trainer)

    def _check(self, loss: torch.Tensor, trainer: Trainer) -> None:
        if greatest(trainer, float(not torch.isfinite(loss))):
            raise TrainingFailed(
                f"the loss is no longer a number at step {trainer.global_step}: lower --optimizer.learning_rate"
                " (the best state before that, if any, is in the run folder)"
            )


class Throughput(Callback):
    """Measures images per second and the share of time that steps wait for their batch, over one epoch.

    From the first step's start to the last one's end, without validation; to be the last of the callbacks, so that
    what others do after a step counts as the step's.
    """

    def __init__(self) -> None:
        self.images_per_second = 0.0
        """Of all ranks together, in the latest epoch."""
        self.data_wait = 0.0
        """Share in [0, 1], of this rank: fetching and assembling batches, flips, transfer to the device."""
        self._started = self._ended = self._waited = 0.0
        self._images = 0

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begin anew."""
        self._waited, self._images = 0.0, 0

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: tuple[torch.Tensor, ...], batch_idx: int
    ) -> None:
        """A batch is there."""
        now = time.perf_counter()
        if batch_idx == 0:
            self._started = now
        else:
            self._waited += now - self._ended

    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: object,
        batch: tuple[torch.Tensor, ...],
        batch_idx: int,
    ) -> None:
        """A step is done."""
        self._ended = time.perf_counter()
        self._images += len(batch[0]) * trainer.world_size
        took = self._ended - self._started
        self.images_per_second, self.data_wait = self._images / took, self._waited / took
