"""One process of a training on two, started without Lightning's launcher, as torchrun would start it.

Run by `test_ranks` with the globals ``run_dir``, ``rank`` and ``port``; leaves what this rank ends with in
``rankN.pt`` beside the run folder.
"""

import os
import sys

import torch
from lightning import LightningModule, Trainer
from lightning.pytorch.utilities import rank_zero_only

from model import training
from model.cli import guarded
from model.commands.train import main
from model.run_state import LastCheckpoint

address = {"LOCAL_RANK": rank, "RANK": rank, "WORLD_SIZE": 2, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}  # noqa: F821
os.environ.update({name: str(value) for name, value in address.items()})
rank_zero_only.rank = rank  # noqa: F821 - Lightning read it from the environment when it was imported


class Dumping(LastCheckpoint):
    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        super().on_train_end(trainer, pl_module)
        torch.save(pl_module.state_dict(), run_dir.with_name(f"rank{trainer.global_rank}.pt"))  # noqa: F821


training.LastCheckpoint = Dumping
sys.exit(guarded(main, ["--resume", str(run_dir)]))  # noqa: F821
