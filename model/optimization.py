"""Optimisers and learning-rate schedules."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from torch import nn
from torch.optim import SGD, AdamW, Optimizer
from torch.optim.lr_scheduler import LambdaLR, ReduceLROnPlateau

from model.muon import Muon

if TYPE_CHECKING:
    from lightning.pytorch.utilities.types import OptimizerLRScheduler

MOST_PENALTY = 0.02
"""Weight decay that SGD takes: presets are made for a decoupled one, of which 0.1 would hold the weights at nothing."""


@dataclass(frozen=True, kw_only=True)
class OptimizerSettings:
    """How the weights are moved."""

    name: Literal["muon", "adamw", "sgd"] = "muon"
    """``muon``: for weights between hidden layers, with AdamW for the rest; ``sgd``: with Nesterov momentum 0.9, as
    in the paper (there: learning rate 0.02, weight decay 0.001)."""
    learning_rate: float = 1e-3
    """Of AdamW or SGD; under ``muon``, of what AdamW moves."""
    muon_learning_rate: float = 0.02
    """Of what Muon moves."""
    weight_decay: float = 1e-4
    """Decoupled, times the learning rate, under ``muon`` and ``adamw``; under ``sgd`` a penalty in the loss, which
    wants a hundredth of theirs: more than `MOST_PENALTY` is refused."""
    schedule: Literal["cosine", "plateau", "constant"] = "cosine"
    """``cosine``: down to nothing over the budget; ``plateau``: x 0.1 when validation SSIM stalls (paper)."""
    warmup: float = 0.02
    """Share of the budget over which the cosine schedule climbs to the learning rate."""
    warmup_shape: Literal["linear", "exponential"] = "linear"
    """How it climbs: evenly from nothing, or by even factors from a thousandth (the paper's increase)."""
    patience: int = 2
    """Epochs without a better validation SSIM before ``plateau`` lowers the rate."""

    def __post_init__(self) -> None:
        for rate in ("learning_rate", "muon_learning_rate"):
            if getattr(self, rate) <= 0:
                raise ValueError(f"optimizer.{rate} must be positive, not {getattr(self, rate)}")
        if self.weight_decay < 0 or self.patience < 0:
            raise ValueError("optimizer.weight_decay and optimizer.patience cannot be negative")
        if self.name == "sgd" and self.weight_decay > MOST_PENALTY:
            raise ValueError(
                f"optimizer.weight_decay {self.weight_decay:g} is too much for sgd, which takes it as a penalty in the"
                f" loss: {MOST_PENALTY:g} at most; the paper has --optimizer.weight_decay 1e-3"
            )
        if not 0 <= self.warmup < 1:
            raise ValueError(f"optimizer.warmup must lie in [0, 1), not {self.warmup}")


def cosine_factor(spent: float, warmup: float, exponential: bool = False) -> float:
    """Factor of the learning rate when a share ``spent`` of the budget is gone (Loshchilov & Hutter, 1608.03983)."""
    spent = min(max(spent, 0.0), 1.0)
    if spent < warmup:
        climbed = spent / warmup
        return float(1000 ** (climbed - 1)) if exponential else max(climbed, 0.01)
    return 0.5 * (1 + math.cos(math.pi * (spent - warmup) / (1 - warmup)))


def build_optimizer(
    module: nn.Module, settings: OptimizerSettings, budget_spent: Callable[[], float]
) -> "OptimizerLRScheduler":
    """Optimiser with its schedule, in Lightning's terms.

    Weight decay spares biases and normalisation (every parameter of one dimension): decaying them only
    shrinks what the next layer rescales.
    """
    matrices = [p for p in module.parameters() if p.requires_grad and p.ndim > 1]
    vectors = [p for p in module.parameters() if p.requires_grad and p.ndim <= 1]
    groups = [
        {"params": matrices, "weight_decay": settings.weight_decay},
        {"params": vectors, "weight_decay": 0.0},
    ]
    optimizer: Optimizer
    if settings.name == "sgd":
        optimizer = SGD(groups, lr=settings.learning_rate, momentum=0.9, nesterov=True)
    elif settings.name == "muon":
        optimizer = Muon(
            module.parameters(),
            learning_rate=settings.muon_learning_rate,
            adamw_learning_rate=settings.learning_rate,
            weight_decay=settings.weight_decay,
        )
    else:
        optimizer = AdamW(groups, lr=settings.learning_rate, betas=(0.9, 0.99))
    if settings.schedule == "constant":
        return {"optimizer": optimizer}
    if settings.schedule == "plateau":
        plateau = ReduceLROnPlateau(optimizer, mode="max", factor=0.1, patience=settings.patience)
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": plateau, "monitor": "val_ssim", "interval": "epoch"},
        }
    # The schedule follows the budget (steps or wall time, whichever ends first), not a number of steps that a
    # limit on time would cut short with the rate still high.
    exponential = settings.warmup_shape == "exponential"
    cosine = LambdaLR(optimizer, lambda _: cosine_factor(budget_spent(), settings.warmup, exponential))
    return {"optimizer": optimizer, "lr_scheduler": {"scheduler": cosine, "interval": "step"}}
