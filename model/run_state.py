"""What makes a cut run go on as if it had never been cut: one checkpoint between epochs, and its parts.

Lightning keeps weights, optimiser, schedule, loops and the state of each callback. Added here: the best state so
far, in the same file, so that the two can never disagree; randomness that depends on the epoch alone; and
files that are whole or not written.
"""

import io
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning import LightningModule, Trainer, seed_everything
from lightning.fabric.plugins import TorchCheckpointIO
from lightning.pytorch.callbacks import Callback, Checkpoint
from torch import Tensor

from model.averaging import WeightsAverage
from model.checkpoints import write_atomically
from model.run_folder import RunDamaged


class EpochSeed(Callback):
    """Seeds every generator anew at each epoch, from (seed, epoch, rank): flips, restarts of codes, k-means.

    So an epoch is the same whether or not the run was cut before it, and nothing of a generator need be kept.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Seed."""
        entropy = np.random.SeedSequence([self._seed, trainer.current_epoch, trainer.global_rank])
        seed_everything(int(entropy.generate_state(1)[0]), verbose=False)


class BestState(Callback):
    """Keeps the weights of the epoch with the best validation SSIM, and that epoch's validation figures."""

    def __init__(self, average: WeightsAverage | None) -> None:
        self._average = average
        self.figures: dict[str, float] = {}
        """Empty until the first validation; names without their ``val_``."""
        self.weights: dict[str, Tensor] = {}

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Copy the weights that were validated, if they are better than all before."""
        figures = {
            name.removeprefix("val_"): float(value)
            for name, value in trainer.callback_metrics.items()
            if name.startswith("val_")
        }
        if not figures["ssim"] > self.figures.get("ssim", -float("inf")):
            return
        validated = pl_module if self._average is None else self._average.network
        self.figures = figures
        self.weights = {name: tensor.cpu().clone() for name, tensor in validated.state_dict().items()}

    def state_dict(self) -> dict[str, Any]:
        """Figures and weights, into the checkpoint."""
        return {"figures": self.figures, "weights": self.weights}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Figures and weights, from the checkpoint."""
        self.figures, self.weights = state_dict["figures"], state_dict["weights"]


class LastCheckpoint(Checkpoint):
    """Writes the state between any two epochs, and at the end, to one file.

    Not Lightning's ModelCheckpoint: that one writes before schedules that go by epochs have stepped, and a resumed
    run would lose the step. As a `Checkpoint` it runs after all other callbacks.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._ended = False

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begin no epoch after a run that had ended: early, or its time over."""
        trainer.should_stop = trainer.should_stop or self._ended

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write; also before the first epoch, so that a disk that is too small is told at once."""
        # Lightning takes any resumed epoch for one that was left half done; ours never are.
        trainer.fit_loop.restarting = False
        trainer.save_checkpoint(self._path)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write that training has ended, with the last state."""
        self._ended = True
        trainer.save_checkpoint(self._path)

    def state_dict(self) -> dict[str, Any]:
        """Whether training had ended."""
        return {"ended": self._ended}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Whether training had ended."""
        self._ended = state_dict["ended"]


class AtomicCheckpoints(TorchCheckpointIO):
    """Checkpoints that are whole or not written, and are read without unpickling objects."""

    def save_checkpoint(
        self,
        checkpoint: dict[str, Any],
        path: str | Path,
        storage_options: Any | None = None,  # noqa: ANN401 - Lightning's signature
    ) -> None:
        """Write; what stood there before stays until the new file is whole on the disk.

        Raises:
            VQScopeError: the disk is full or the folder cannot be written.
        """
        file = io.BytesIO()
        torch.save(checkpoint, file)
        write_atomically(Path(path), file.getvalue())

    def load_checkpoint(
        self,
        path: str | Path,
        map_location: Any | None = "cpu",  # noqa: ANN401 - Lightning's signature
        weights_only: bool | None = True,
    ) -> dict[str, Any]:
        """Read tensors and plain types, whatever the caller allows.

        Raises:
            RunDamaged: the file is damaged or holds anything else.
        """
        try:
            checkpoint: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        except Exception as error:  # torch raises whatever its parts meet in a damaged file
            raise RunDamaged(
                f"{path} is damaged ({type(error).__name__}): start anew with --overwrite"
            ) from error
        return checkpoint
