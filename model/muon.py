"""Muon: momentum whose updates are made orthogonal."""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

MIN_CHANNELS = 16
"""Weights with fewer inputs or outputs than this lead in or out of the network; AdamW moves them."""

# Coefficients of the quintic iteration, tuned for a steep slope at zero: singular values come to lie
# between about 0.7 and 1.2, which serves as well as 1 (Jordan et al. 2024).
_A, _B, _C = 3.4445, -4.7750, 2.0315


class Muon(Optimizer):
    """Muon for weights between hidden layers, AdamW for everything else, in one optimiser.

    Muon (Jordan et al. 2024, https://kellerjordan.github.io/posts/muon) replaces the momentum of each weight matrix
    by the nearest semi-orthogonal matrix, so that every direction of a layer learns at the same pace; a convolution
    is a matrix of outputs x (inputs x kernel). Here it needs a fraction of AdamW's steps for the same error
    (docs/experiments.md). torch.optim.Muon takes only weights of two dimensions.

    Args:
        parameters: all parameters of the network.
        learning_rate: of Muon; the length of an update relative to an orthogonal matrix.
        adamw_learning_rate: of AdamW (Loshchilov & Hutter, 1711.05101), betas 0.9 and 0.99.
        momentum: of Muon, Nesterov's.
        weight_decay: decoupled, of weights; biases and normalisation are spared.
    """

    def __init__(
        self,
        parameters: Iterable[nn.Parameter],
        *,
        learning_rate: float,
        adamw_learning_rate: float,
        momentum: float = 0.95,
        weight_decay: float = 0.0,
    ) -> None:
        trained = [p for p in parameters if p.requires_grad]
        hidden = [p for p in trained if p.ndim > 1 and min(p.shape[:2]) >= MIN_CHANNELS]
        outer = [p for p in trained if p.ndim > 1 and min(p.shape[:2]) < MIN_CHANNELS]
        vectors = [p for p in trained if p.ndim <= 1]
        groups = [
            {"params": hidden, "lr": learning_rate, "weight_decay": weight_decay, "orthogonal": True},
            {"params": outer, "lr": adamw_learning_rate, "weight_decay": weight_decay, "orthogonal": False},
            {"params": vectors, "lr": adamw_learning_rate, "weight_decay": 0.0, "orthogonal": False},
        ]
        defaults = {"momentum": momentum, "betas": (0.9, 0.99), "eps": 1e-8}
        super().__init__([group for group in groups if group["params"]], defaults)

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """Move every parameter once by its gradient."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            move = self._muon if group["orthogonal"] else self._adamw
            for parameter in group["params"]:
                if parameter.grad is not None:
                    parameter.mul_(1 - group["lr"] * group["weight_decay"])
                    move(parameter, self.state[parameter], group)
        return loss

    @staticmethod
    def _muon(parameter: Tensor, state: dict[str, Any], group: dict[str, Any]) -> None:
        gradient = parameter.grad
        assert gradient is not None
        if not state:
            state["momentum"] = torch.zeros_like(parameter)
        momentum = state["momentum"].lerp_(gradient, 1 - group["momentum"])
        matrix = gradient.lerp(momentum, group["momentum"]).flatten(1)  # O I H W -> O (I H W)
        rows, columns = matrix.shape
        # With this factor an update changes a layer's output alike whatever its shape.
        factor = max(1.0, rows / columns) ** 0.5
        parameter.add_(orthogonalise(matrix).view_as(parameter), alpha=-group["lr"] * factor)

    @staticmethod
    def _adamw(parameter: Tensor, state: dict[str, Any], group: dict[str, Any]) -> None:
        gradient = parameter.grad
        assert gradient is not None
        if not state:
            state["step"] = torch.zeros(())
            state["mean"] = torch.zeros_like(parameter)
            state["square"] = torch.zeros_like(parameter)
        state["step"] += 1
        step, (beta_1, beta_2) = state["step"].item(), group["betas"]
        state["mean"].lerp_(gradient, 1 - beta_1)
        state["square"].lerp_(gradient.square(), 1 - beta_2)
        deviation = (state["square"] / (1 - beta_2**step)).sqrt_().add_(group["eps"])
        parameter.addcdiv_(state["mean"], deviation, value=-group["lr"] / (1 - beta_1**step))


def orthogonalise(matrix: Tensor, steps: int = 5) -> Tensor:
    """About the nearest semi-orthogonal matrix, in float32, by Newton-Schulz iterations in bfloat16.

    Args:
        matrix: R x C.
        steps: iterations; five bring singular values of a thousandth of the norm up to about one.
    """
    x = matrix.bfloat16()
    wide = x.mT if x.shape[0] > x.shape[1] else x  # the smaller side makes the smaller products
    wide = wide / (wide.norm() + 1e-7)
    for _ in range(steps):
        gram = wide @ wide.mT
        wide = _A * wide + (_B * gram + _C * gram @ gram) @ wide
    nearest: Tensor = (wide.mT if x.shape[0] > x.shape[1] else wide).float()
    return nearest
