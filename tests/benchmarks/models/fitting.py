"""Training one arm through Lightning: for a number of steps, or for a time."""

import logging
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any, Protocol

import torch
from lightning import LightningModule, Trainer, seed_everything
from lightning.pytorch.callbacks import Callback, Timer

from model.averaging import WeightsAverage
from model.data.datamodule import BiomedicalDataModule
from model.data.settings import DataSettings
from model.graphs import CapturedPasses
from model.vqvae_module import VQVAEModule
from tests.benchmarks.models.bars import bar


class Trainable(Protocol):
    """A LightningModule whose schedule asks which share of the budget is spent, as our VQVAE does."""

    budget_spent: Callable[[], float]


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How long to train, and how: the same for every arm that is compared."""

    steps: int | None = None
    seconds: float | None = None
    bfloat16: bool
    average_decay: float = 0.0
    """Of the moving average of the weights; 0: none."""
    accelerator: str = "cpu"
    """``cpu`` or ``gpu``."""
    validate: bool = False
    """Run the validation split after each epoch, for schedules that look at it."""


@dataclass(frozen=True)
class Fit:
    """How a training went."""

    steps: int
    images: int
    seconds: float
    """Of wall time from the first step's start to the last one's end, validation left out."""
    images_per_second: float
    between_steps: float
    """Share of that time between steps: fetching, assembling and flipping a batch, and the trainer's own doings."""
    threads: int

    def to_dict(self) -> dict[str, Any]:
        """JSON-able."""
        return asdict(self)


class StepClock(Callback):
    """Times the steps, and shows how far the training is; the first steps, which warm up, are not timed."""

    def __init__(
        self, limits: Limits, batch_size: int, *, label: str, progress: bool, warm_up: int = 0
    ) -> None:
        self._limits, self._batch, self._warm_up = limits, batch_size, warm_up
        self._bar = bar(
            100, label, shown=progress, bar_format="{desc} {percentage:3.0f}%|{bar}| {elapsed}<{remaining}"
        )
        self._began = time.monotonic()
        self._step_began = self._last_end = 0.0
        self._in_steps = self._between = 0.0
        self._timed = 0
        self.spent = 0.0
        """Share of the limits, in [0, 1]."""

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the clock."""
        self._began = time.monotonic()

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: object, batch_idx: int
    ) -> None:
        """A batch is there."""
        self._step_began = time.monotonic()
        if self._last_end and trainer.global_step >= self._warm_up:
            self._between += self._step_began - self._last_end

    def on_train_batch_end(self, trainer: Trainer, *_: object, **__: object) -> None:
        """A step is done."""
        now = time.monotonic()
        self._last_end = now
        if trainer.global_step > self._warm_up:
            self._in_steps += now - self._step_began
            self._timed += 1
        if self._limits.steps is not None:
            self.spent = min(trainer.global_step / self._limits.steps, 1.0)
        if self._limits.seconds is not None:
            self.spent = min(max(self.spent, (now - self._began) / self._limits.seconds), 1.0)
        self._bar.update(100 * self.spent - self._bar.n)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """What validation took is no time between steps."""
        self._last_end = 0.0

    def close(self) -> None:
        """Take the bar away."""
        self._bar.close()

    def result(self, steps: int) -> Fit:
        """How it went."""
        seconds = self._in_steps + self._between
        images = self._timed * self._batch
        return Fit(
            steps,
            steps * self._batch,
            seconds,
            images / seconds,
            self._between / seconds,
            torch.get_num_threads(),
        )


def fit(
    network: LightningModule,
    data: DataSettings,
    limits: Limits,
    *,
    seed: int,
    label: str,
    progress: bool = True,
    warm_up: int = 0,
) -> Fit:
    """Train; the order of the images depends on the seed alone.

    Raises:
        KeyboardInterrupt: Ctrl-C; the arm is lost, those before it are stored.
    """
    assert isinstance(network.budget_spent, Callable)  # type: ignore[arg-type]  # see Trainable
    clock = StepClock(limits, data.batch_size, label=label, progress=progress, warm_up=warm_up)
    callbacks: list[Callback] = [WeightsAverage(limits.average_decay)] if limits.average_decay else []
    if limits.accelerator == "gpu" and isinstance(network, VQVAEModule):
        callbacks.append(CapturedPasses(data.batch_size))
    if limits.seconds is not None:
        callbacks.append(Timer(timedelta(seconds=limits.seconds), verbose=False))
    with _quiet():
        trainer = Trainer(
            max_steps=-1 if limits.steps is None else limits.steps,
            max_epochs=-1,
            accelerator=limits.accelerator,
            devices=1,
            precision="bf16-mixed" if limits.bfloat16 else "32-true",
            callbacks=[*callbacks, clock],
            limit_val_batches=None if limits.validate else 0,
            use_distributed_sampler=False,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
        )
        network.budget_spent = lambda: clock.spent  # type: ignore[assignment]  # see Trainable
        seed_everything(seed, workers=True, verbose=False)
        try:
            trainer.fit(network, datamodule=BiomedicalDataModule(data))
        except SystemExit:  # what Lightning makes of Ctrl-C
            raise KeyboardInterrupt from None
        finally:
            clock.close()
    network.eval()
    return clock.result(trainer.global_step)


def parameters(network: torch.nn.Module) -> int:
    """Numbers that training moves by gradient."""
    return sum(p.numel() for p in network.parameters() if p.requires_grad)


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence Lightning and the peers: the bars and the table say what a reader needs."""
    loggers = [logging.getLogger(name) for name in ("lightning.pytorch", "lightning.fabric")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
