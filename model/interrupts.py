"""Ending a training cleanly on Ctrl-C or SIGTERM."""

import signal
import sys
import threading
from types import FrameType
from typing import Any

from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback

from model.ranks import greatest


class Interrupted(Exception):
    """A training was asked to end before its time."""


class GracefulStop(Callback):
    """The first Ctrl-C or SIGTERM ends the run after the current step, on all ranks; the second ends at once.

    The epoch that was begun is dropped: going on with it later would not give what an undisturbed run gives.
    """

    def __init__(self) -> None:
        self._requested = False
        self._previous: dict[int, Any] = {}
        self._trainer: Trainer | None = None

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Take the signals over, after Lightning has set its own handlers."""
        if threading.current_thread() is not threading.main_thread():
            return  # signals reach the main thread only; whoever trains in a thread stops it otherwise
        self._trainer = trainer
        for number in (signal.SIGINT, signal.SIGTERM):
            self._previous[number] = signal.signal(number, self._on_signal)

    def on_train_batch_end(self, trainer: Trainer, *_: object, **__: object) -> None:
        """End here if any rank was told to.

        Raises:
            Interrupted: it was.
        """
        if greatest(trainer, float(self._requested)):
            raise Interrupted

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Give the signals back."""
        self._give_back()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Give the signals back: Lightning calls no teardown then."""
        self._give_back()

    def _give_back(self) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        self._previous.clear()

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self._requested or self._trainer is None:
            raise KeyboardInterrupt
        self._requested = True
        if self._trainer.is_global_zero:
            print("\nstopping, with the best state saved (again to end at once)", file=sys.stderr)
