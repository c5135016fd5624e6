"""The one vector that stands for an image."""

import torch
from torch import Tensor

EMBEDDING_VERSION = "pooled-v1"
"""Named in every model card and index: vectors of different versions are never compared."""


def embed(features: Tensor) -> Tensor:
    """Pool the encoder's last feature map over the grid: mean and standard deviation of each channel.

    Label-free and of fixed length whatever the grid. The deviation carries texture, which the mean alone loses.

    Args:
        features: B C H' W', any float type.

    Returns:
        B 2C, float32.
    """
    flat = features.float().flatten(2)  # B C H' W' -> B C N
    return torch.cat([flat.mean(2), flat.std(2, correction=0)], dim=1)


def embedding_dim(channels: int) -> int:
    """Length of the vector that ``embed`` makes of C channels."""
    return 2 * channels
