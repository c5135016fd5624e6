"""Training a VQ-VAE: from settings to a run folder, at one go or in several."""

import contextlib
import logging
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import torch
from lightning import Trainer, seed_everything
from lightning.pytorch.callbacks import Callback, EarlyStopping, Timer

from model import run_folder
from model.averaging import WeightsAverage
from model.card import describe_training
from model.checkpoints import read_model, save_model
from model.curve_writing import CurveWriter
from model.data.datamodule import BiomedicalDataModule
from model.errors import VQScopeError
from model.graphs import CapturedPasses
from model.interrupts import GracefulStop, Interrupted
from model.progress import BudgetBar
from model.ranks import SameBuffers, end_other_ranks, is_rank_zero, lost_contact
from model.run_state import AtomicCheckpoints, BestState, EpochSeed, LastCheckpoint
from model.snapshot_writing import SnapshotWriter
from model.training_settings import TrainerSettings, TrainSettings
from model.vqvae_module import VQVAEModule
from model.watching import Budget, NotANumber, Throughput, TrainingFailed

__all__ = [
    "TrainResult",
    "TrainSettings",
    "TrainerSettings",
    "TrainingFailed",
    "fit_embedding",
    "resume",
    "train",
]


@dataclass(frozen=True)
class TrainResult:
    """How a run ended."""

    run_dir: Path
    epochs: int
    """That were finished."""
    best_ssim: float | None
    """Validation SSIM of the state that was saved; None: interrupted in the first epoch, nothing was."""
    interrupted: bool
    """Ended by Ctrl-C or SIGTERM; the best state so far was saved all the same, and `resume` goes on."""


def train(settings: TrainSettings, *, overwrite: bool = False) -> TrainResult:
    """Train, and leave `model.safetensors`, `config.json`, `card.json`, `metrics.csv`, `curves.png` in the run folder.

    The state with the best validation SSIM is kept. Ctrl-C (or SIGTERM) ends after the current step and saves the
    best state; a second one ends at once. Whatever cuts a run, `resume` goes on after its last finished epoch.

    With several devices Lightning starts this program again, with its command line, for each of the others.

    Args:
        settings: everything that fixes the run; `train.yaml` records them.
        overwrite: remove the run that the folder holds, if any.

    Raises:
        TrainingFailed: the loss is no longer a number, or nothing was trained.
        VQScopeError: data that cannot be read, a folder that cannot be written or that holds a run.
    """
    if not is_rank_zero():
        return _Run(settings, _open_data(settings)).run(None)
    with run_folder.held(settings.run_dir):
        if not overwrite:
            run_folder.refuse_other_run(settings.run_dir)
        data = _open_data(settings)
        run_folder.begin(settings)
        with run_folder.being_written(settings.run_dir):
            return _Run(settings, data).run(None)


def resume(run_dir: Path) -> TrainResult:
    """Go on with a run that was cut, with the settings it was started with; a finished one is left as it is.

    On one machine the result is, bit for bit, that of a run that was never cut (but for runs limited by time).

    Raises:
        RunDamaged: what the folder holds of a run cannot be used.
        VQScopeError: the folder holds no run; and as `train`.
    """
    settings = run_folder.recorded_settings(run_dir)
    with run_folder.held(run_dir) if is_rank_zero() else contextlib.nullcontext():
        if run_folder.status(run_dir) == "finished":
            card = read_model(run_dir).card
            return TrainResult(
                run_dir, card["training"]["epochs"], card["validation"]["ssim"], interrupted=False
            )
        checkpoint = run_dir / run_folder.CHECKPOINT
        with run_folder.being_written(run_dir) if is_rank_zero() else contextlib.nullcontext():
            return _Run(settings, _open_data(settings)).run(checkpoint if checkpoint.exists() else None)


def _open_data(settings: TrainSettings) -> BiomedicalDataModule:
    """Before anything heavy: what cannot be read is told at once."""
    data = BiomedicalDataModule(settings.data)
    data.prepare_data()
    for split in ("train", "val"):
        if not len(data.split(split)):
            raise VQScopeError(f"the data sets have no images in their {split} splits: training needs some")
    return data


class _Run:
    """One run in this process: its parts, wired."""

    def __init__(self, settings: TrainSettings, data: BiomedicalDataModule) -> None:
        options = settings.trainer
        seed_everything(options.seed, workers=True, verbose=False)
        self._settings, self._data = settings, data
        self._network = VQVAEModule(settings.model, settings.optimizer)
        self._network.to(memory_format=torch.channels_last)
        self._timer = Timer(options.max_time, verbose=False)
        throughput = Throughput()
        budget = Budget(options, self._timer)
        self._network.budget_spent = lambda: budget.spent
        average = WeightsAverage(options.average_decay) if options.average_decay else None
        self._best = BestState(average)
        self._curves = CurveWriter(settings.run_dir, self._timer, throughput)
        images = options.snapshot_images
        callbacks: list[Callback] = [
            *([average] if average else []),
            *([CapturedPasses(settings.data.batch_size)] if options.cuda_graphs else []),
            SameBuffers(),
            EpochSeed(options.seed),
            self._timer,
            budget,
            NotANumber(),  # before EarlyStopping, which would take it for a plain end
            self._best,
            EarlyStopping("val_ssim", patience=options.patience, mode="max"),
            *([SnapshotWriter(settings.run_dir, data, images, average)] if images else []),
            self._curves,
            GracefulStop(),  # before the bar: whoever sees it may press Ctrl-C
            *([BudgetBar(budget, throughput)] if options.progress else []),
            throughput,
            LastCheckpoint(settings.run_dir / run_folder.CHECKPOINT),
        ]
        with _quiet_lightning():
            self._trainer = Trainer(
                max_epochs=options.max_epochs,
                accelerator=options.accelerator,
                devices=options.devices,
                precision="bf16-mixed" if options.bfloat16 else "32-true",
                callbacks=callbacks,
                plugins=[AtomicCheckpoints()],
                default_root_dir=settings.run_dir,
                use_distributed_sampler=False,  # the data module deals the batches out itself
                logger=False,
                enable_progress_bar=False,
                enable_model_summary=False,
                num_sanity_val_steps=0,
            )

    def run(self, checkpoint: Path | None) -> TrainResult:
        """Train from a checkpoint, or from the start, to the end, and save."""
        interrupted = False
        try:
            with _quiet_lightning():
                self._fit(checkpoint)
        except Interrupted:
            interrupted = True
        except VQScopeError:
            end_other_ranks(self._trainer)
            with contextlib.suppress(VQScopeError):  # a full disk may have no room for the model either
                self._save()  # what was good before that is the user's
            raise
        if not interrupted and not self._best.weights:
            raise TrainingFailed(
                "there was no validation, nothing was saved: allow more time or fewer images"
            )
        self._save()
        if is_rank_zero() and not interrupted:
            (self._settings.run_dir / run_folder.CHECKPOINT).unlink(
                missing_ok=True
            )  # from here on it is finished
        epochs = self._trainer.current_epoch
        return TrainResult(self._settings.run_dir, epochs, self._best.figures.get("ssim"), interrupted)

    def _fit(self, checkpoint: Path | None) -> None:
        try:
            self._trainer.fit(self._network, datamodule=self._data, ckpt_path=checkpoint, weights_only=True)
        except (
            SystemExit
        ):  # what Lightning makes of a Ctrl-C that is not ours: before training, or the second
            raise KeyboardInterrupt from None
        except RuntimeError as error:
            if self._trainer.world_size == 1 or not lost_contact(error):
                raise
            raise TrainingFailed(
                "another process of this training has ended: go on with"
                f" `vqscope train --resume {self._settings.run_dir}`"
            ) from error

    def _save(self) -> None:
        """Write the model with the best weights so far, if there are any, and the curves."""
        if not self._best.weights or not is_rank_zero():
            return
        self._network.load_state_dict(self._best.weights)
        fit_embedding(self._network, self._settings)
        card = describe_training(
            self._settings,
            self._data,
            self._trainer,
            self._network,
            self._timer.time_elapsed(),
            self._curves.speed(),
            self._best.figures,
        )
        save_model(self._settings.run_dir, self._network, card)
        self._curves.draw()


@torch.no_grad()
def fit_embedding(network: VQVAEModule, settings: TrainSettings, images: int = 5000) -> None:
    """Standardise the embedding on training images, drawn as in training but not augmented."""
    network.eval()
    device = network.device
    # A data module of its own: the one of the trainer flips, and deals only this rank's part out.
    batches = BiomedicalDataModule(settings.data).train_dataloader()
    enough = islice(batches, min(-(-images // settings.data.batch_size), len(batches)))
    network.embedding.fit(network.pooled(batch.to(device)) for batch, _ in enough)


@contextlib.contextmanager
def _quiet_lightning() -> Iterator[None]:
    """Silence what Lightning prints about itself; our progress bar and errors say what a user needs."""
    loggers = [logging.getLogger(name) for name in ("lightning.pytorch", "lightning.fabric")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    with warnings.catch_warnings():
        # Batches are assembled whole from memory-mapped arrays: worker processes would only cost.
        warnings.filterwarnings("ignore", ".*does not have many workers.*")
        warnings.filterwarnings("ignore", ".*number of training batches.*")
        # What is logged is reduced over the ranks already, by torchmetrics.
        warnings.filterwarnings("ignore", ".*sync_dist=True.*")
        # Capturing CUDA graphs takes a stream of its own; that gradients then cross to the usual one is meant.
        warnings.filterwarnings("ignore", ".*AccumulateGrad node's stream.*")
        # Lightning's own use of torch's pytree, of no concern to users.
        warnings.filterwarnings("ignore", ".*treespec, LeafSpec.*")
        try:
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)
