"""Exponential moving average of the weights while they are trained."""

from typing import Any

import torch
from lightning.pytorch.callbacks import WeightAveraging
from torch import Tensor, nn


class WeightsAverage(WeightAveraging):
    """Averages all weights after every step (Polyak & Juditsky 1992), and has the average validated.

    Buffers are averaged as well, so that batch statistics and codebook fit the averaged weights: both are themselves
    running means, of what the weights of the same steps produced. Early on the decay is lower, (1 + n) / (10 + n)
    after n steps, or the average would long remember the weights of the start.
    """

    def __init__(self, decay: float) -> None:
        def average(averaged: Any, current: Any, steps: Tensor | int) -> None:  # noqa: ANN401 - torch's signature
            share = 1 - min(decay, (1 + float(steps)) / (10 + float(steps)))
            if averaged[0].is_floating_point():
                torch._foreach_lerp_(averaged, current, share)
            else:  # counters and flags
                torch._foreach_copy_(averaged, current)

        super().__init__(multi_avg_fn=torch.no_grad()(average))

    @property
    def network(self) -> nn.Module:
        """The network with averaged weights; there is one from the start of a fit."""
        assert self._average_model is not None
        module = self._average_model.module
        assert isinstance(module, nn.Module)
        return module
