"""What the processes of one training (ranks) must agree on; no-ops in a single process."""

import torch
import torch.distributed as dist
from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.strategies.launchers import _SubprocessScriptLauncher
from lightning.pytorch.utilities import rank_zero_only


def is_rank_zero() -> bool:
    """Whether this process is the one that writes files and talks; known before any training begins."""
    return rank_zero_only.rank == 0  # type: ignore[attr-defined,no-any-return]


def greatest(trainer: Trainer, value: float) -> float:
    """The greatest of the ranks' values, the same on all: a decision on it cannot leave one rank waiting."""
    if trainer.world_size == 1:
        return value
    reduced = trainer.strategy.reduce(
        torch.tensor(value, dtype=torch.float64, device=trainer.strategy.root_device), reduce_op="max"
    )
    return float(reduced)


class SameBuffers(Callback):
    """Gives all ranks rank 0's running statistics before they validate: one network is measured, the saved one.

    In training DistributedDataParallel does so at every step, but each rank's last step still moves its own.
    Stands after the callback that averages weights.
    """

    def on_validation_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Hand them out."""
        if trainer.world_size > 1:
            for buffer in pl_module.buffers():
                dist.broadcast(buffer, src=0)


def lost_contact(error: RuntimeError) -> bool:
    """Whether an error says that another rank has gone (as gloo and NCCL tell it)."""
    return isinstance(error, dist.DistError) or any(
        sign in str(error)
        for sign in ("Connection closed by peer", "Connection reset by peer", "Broken pipe")
    )


def end_other_ranks(trainer: Trainer) -> None:
    """End the processes that this one started: after its own failure they would wait for it for ever."""
    launcher = trainer.strategy.launcher
    if not isinstance(launcher, _SubprocessScriptLauncher):
        return
    started = launcher.procs.copy()
    launcher.procs.clear()  # Lightning's observer would take their end for a reason to kill us while we save
    for process in started:
        process.kill()
        process.wait()
