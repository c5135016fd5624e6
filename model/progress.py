"""One progress bar for a whole training run."""

import sys
from typing import Any

from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback
from tqdm import tqdm

from model.watching import Budget, Throughput


class BudgetBar(Callback):
    """Percent of the run's budget (epochs or wall time, whichever ends first), with the latest figures."""

    def __init__(self, budget: Budget, throughput: Throughput) -> None:
        self._budget = budget
        self._throughput = throughput
        self._bar: tqdm[Any] | None = None

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Draw the empty bar, on rank 0 alone."""
        if trainer.is_global_zero:
            # A bar that is not on a terminal (a log) is redrawn once in 30 s rather than ten times a second.
            pace = 0.5 if sys.stderr.isatty() else 30
            self._bar = tqdm(
                total=100,
                desc="training",
                mininterval=pace,
                bar_format="{desc} {percentage:3.0f}%|{bar}| {elapsed}<{remaining}{postfix}",
            )

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: object, batch: object, batch_idx: int
    ) -> None:
        """Move the bar."""
        if self._bar is not None:
            self._bar.update(100 * self._budget.spent - self._bar.n)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Show the epoch and its validation figures."""
        if self._bar is not None:
            figures = trainer.callback_metrics
            self._bar.set_postfix_str(
                f"epoch {trainer.current_epoch + 1}, validation PSNR {figures['val_psnr']:.1f} dB,"
                f" SSIM {figures['val_ssim']:.3f}, codes {figures['val_codebook_used']:.0%},"
                f" {self._throughput.images_per_second:.0f} images/s"
            )

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Leave the bar as it stands."""
        self._close()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Leave the bar as it stands: Lightning calls no teardown then."""
        self._close()

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None
