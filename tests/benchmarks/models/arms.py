"""What is measured: one arm is one row of one table, trained and measured on its own."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import nn

from model.data.datamodule import BiomedicalDataModule
from model.optimization import build_optimizer
from model.precision import native_bfloat16
from model.training_settings import TrainSettings
from tests.benchmarks.models.fitting import Limits, fit
from tests.benchmarks.models.measuring import measure
from tests.benchmarks.models.settings import BenchSettings
from tests.benchmarks.models.store import Result, Store, sources


@dataclass(frozen=True, kw_only=True)
class Arm:
    """One row of one table."""

    name: str
    table: str
    title: str
    note: str = ""
    key: dict[str, Any]
    """All that the result depends on (JSON-able)."""
    compute: Callable[[], Result]

    def run(self, store: Store) -> Result:
        """The result: from the store, or computed now and stored."""
        return store.get(self.name, self.key, self.compute)

    def stored(self, store: Store) -> Result | None:
        """The result, if the arm was run under the same settings before."""
        return store.find(self.name, self.key)


def training_key(
    settings: BenchSettings, run: TrainSettings, network: nn.Module, limits: Limits, **more: object
) -> dict[str, Any]:
    """Key of an arm that trains a network: settings, data, code, and what the machine brings."""
    code = [*network.modules(), build_optimizer, BiomedicalDataModule, fit, measure]
    return {
        "model": asdict(run.model),
        "optimizer": asdict(run.optimizer),
        "data": settings.data(run.data),
        "limits": asdict(limits),
        "seed": settings.seed,
        "measured": settings.limit,
        "code": sources(code),
        "torch": torch.__version__,
        # What a number of steps comes to does not hang on them; what a time comes to does.
        "threads": None if limits.seconds is None else torch.get_num_threads(),
        **more,
    }


def limits_of(
    run: TrainSettings, *, steps: int | None = None, seconds: float | None = None, accelerator: str = "cpu"
) -> Limits:
    """How long to train, with precision and averaging as `vqscope train` would choose them."""
    device = "cuda" if accelerator == "gpu" else "cpu"
    chosen = run.trainer.precision
    return Limits(
        steps=steps,
        seconds=seconds,
        bfloat16=native_bfloat16(device) if chosen == "auto" else chosen == "bf16",
        accelerator=accelerator,
        average_decay=run.trainer.average_decay,
        validate=run.optimizer.schedule == "plateau",
    )
