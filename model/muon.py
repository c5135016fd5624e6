"""Muon: momentum whose updates are made orthogonal."""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from model.precision import native_bfloat16

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
            moved: list[Tensor] = [p for p in group["params"] if p.grad is not None]
            if not moved:
                continue
            torch._foreach_mul_(moved, 1 - group["lr"] * group["weight_decay"])
            move = self._muon if group["orthogonal"] else self._adamw
            move(moved, group)
        return loss

    def _muon(self, parameters: list[Tensor], group: dict[str, Any]) -> None:
        gradients = [_gradient(p) for p in parameters]
        states = [self.state[p] for p in parameters]
        for parameter, state in zip(parameters, states, strict=True):
            if not state:
                state["momentum"] = torch.zeros_like(parameter)
        momenta = [state["momentum"] for state in states]
        torch._foreach_lerp_(momenta, gradients, 1 - group["momentum"])
        directions = torch._foreach_lerp(gradients, momenta, group["momentum"])
        # Matrices of one shape go through the iteration together: a GPU is kept waiting by many small products.
        alike: dict[tuple[int, int], list[int]] = {}
        for i, direction in enumerate(directions):
            alike.setdefault((len(direction), direction[0].numel()), []).append(i)
        for (rows, columns), members in alike.items():
            # O I H W -> O (I H W)
            updates = orthogonalise(torch.stack([directions[i].flatten(1) for i in members]))
            # With this factor an update changes a layer's output alike whatever its shape.
            factor = max(1.0, rows / columns) ** 0.5
            shaped = [update.view_as(parameters[i]) for update, i in zip(updates, members, strict=True)]
            torch._foreach_add_([parameters[i] for i in members], shaped, alpha=-group["lr"] * factor)

    def _adamw(self, parameters: list[Tensor], group: dict[str, Any]) -> None:
        gradients = [_gradient(p) for p in parameters]
        states = [self.state[p] for p in parameters]
        for parameter, state in zip(parameters, states, strict=True):
            if not state:
                state["step"] = 0
                state["mean"] = torch.zeros_like(parameter)
                state["square"] = torch.zeros_like(parameter)
            state["step"] = int(state["step"]) + 1  # a number: a tensor on a GPU would have to be waited for
        steps = [state["step"] for state in states]
        means, squares = [state["mean"] for state in states], [state["square"] for state in states]
        beta_1, beta_2 = group["betas"]
        torch._foreach_lerp_(means, gradients, 1 - beta_1)
        torch._foreach_lerp_(squares, torch._foreach_mul(gradients, gradients), 1 - beta_2)
        deviations = torch._foreach_div(squares, [1 - beta_2**step for step in steps])
        torch._foreach_sqrt_(deviations)
        torch._foreach_add_(deviations, group["eps"])
        torch._foreach_addcdiv_(
            parameters, means, deviations, [-group["lr"] / (1 - beta_1**step) for step in steps]
        )


def _gradient(parameter: Tensor) -> Tensor:
    assert parameter.grad is not None
    return parameter.grad


def orthogonalise(matrix: Tensor, steps: int = 5) -> Tensor:
    """About the nearest semi-orthogonal matrix, in float32, by Newton-Schulz iterations.

    They run in bfloat16, which is precise enough, where the device multiplies it itself.

    Args:
        matrix: R x C, or several, N x R x C; float32.
        steps: iterations; five bring singular values of a thousandth of the norm up to about one.
    """
    x = matrix.bfloat16() if native_bfloat16(matrix.device.type) else matrix
    tall = x.shape[-2] > x.shape[-1]
    wide = x.mT if tall else x  # the smaller side makes the smaller products
    wide = wide / (wide.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(steps):
        gram = wide @ wide.mT
        wide = _A * wide + (_B * gram + _C * gram @ gram) @ wide
    nearest: Tensor = (wide.mT if tall else wide).float()
    return nearest
