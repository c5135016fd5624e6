"""How the gradient passes the choice of a code, which has none of its own."""

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

Gradient = Literal["straight_through", "rotation"]


def straight_through(latent: Tensor, chosen: Tensor) -> Tensor:
    """Forward the chosen codes, backward as if they were the latents (1711.00937, section 3.2). N D, N D -> N D."""
    return latent + (chosen - latent).detach()


def rotated(latent: Tensor, chosen: Tensor) -> Tensor:
    """Forward the chosen codes as the latents turned and scaled onto them; the gradient turns back with them.

    The rotation trick (Fifty et al. 2024, 2410.06424, section 4.2): latents of one cell then get different gradients,
    by where they lie around their code. N D, N D -> N D.
    """
    with torch.no_grad():
        length = latent.norm(dim=1, keepdim=True).clamp(min=1e-6)
        chosen_length = chosen.norm(dim=1, keepdim=True)
        start, goal = latent / length, chosen / chosen_length.clamp(min=1e-6)
        half = F.normalize(start + goal, dim=1)
        scale = chosen_length / length
    # Two reflections make the rotation; written out, no D x D matrix a latent is needed.
    turned = (
        latent
        - 2 * (latent * half).sum(1, keepdim=True) * half
        + 2 * (latent * start).sum(1, keepdim=True) * goal
    )
    onto: Tensor = scale * turned
    return onto


GRADIENTS: dict[Gradient, Callable[[Tensor, Tensor], Tensor]] = {
    "straight_through": straight_through,
    "rotation": rotated,
}
