"""The one vector that stands for an image."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

EMBEDDING_DEFINITION = (  # a change of it is a new model.versions.EMBEDDING_VERSION
    "mean and standard deviation over the grid of each channel of the encoder's last feature map,"
    " standardised on training images, asinh"
)


class EmbeddingHead(nn.Module):
    """Feature map -> embedding: pooled, standardised, tails drawn in.

    Label-free, and of fixed length whatever the grid. The deviation over the grid carries texture, which the mean
    alone loses. Without standardisation a few channels of large variance hold nine tenths of it, and without
    asinh (the logarithm for large values, the identity for small ones) very dark or bright images lie so far out
    that a map shows little else.
    """

    center: Tensor
    scale: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.dim = 2 * channels
        self.register_buffer("center", torch.zeros(self.dim))
        self.register_buffer("scale", torch.ones(self.dim))

    def forward(self, features: Tensor) -> Tensor:
        """B C H' W', any float type -> B 2C, float32."""
        return torch.asinh((_pool(features) - self.center) / self.scale)

    @torch.no_grad()
    def fit(self, features: Iterable[Tensor]) -> None:
        """Standardise by mean and deviation over feature maps of training images (batches of B C H' W')."""
        pooled = torch.cat([_pool(batch) for batch in features])
        self.center.copy_(pooled.mean(0))
        # A channel that never varies says nothing; it must not become noise either.
        self.scale.copy_(pooled.std(0, correction=0).clamp(min=1e-4))


def _pool(features: Tensor) -> Tensor:
    flat = features.float().flatten(2)  # B C H' W' -> B C N
    return torch.cat([flat.mean(2), flat.std(2, correction=0)], dim=1)
