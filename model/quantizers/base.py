"""The interface of every quantiser."""

from abc import ABC, abstractmethod
from typing import NamedTuple

from torch import Tensor, nn


class Quantized(NamedTuple):
    """What a quantiser makes of a latent grid."""

    latent: Tensor
    """B D H' W': the chosen code vectors, with a gradient to the encoder."""
    codes: Tensor
    """B H' W', int64: which code each cell took."""
    loss: Tensor
    """Scalar, added to the reconstruction loss (commitment and the like)."""
    error: Tensor
    """B: squared distance from latent to code vector, mean over cells (no gradient)."""


class Quantizer(nn.Module, ABC):
    """Latent grid -> codes -> latent grid.

    Channels stay where PyTorch puts them at this boundary (B D H W); whoever flattens the grid moves them last
    first, else one "vector" would mix neighbouring cells.
    """

    codebook_size: int
    code_dim: int

    @abstractmethod
    def forward(self, latent: Tensor) -> Quantized:
        """B D H' W' -> codes; updates the codebook when in training mode."""

    @abstractmethod
    def lookup(self, codes: Tensor) -> Tensor:
        """B H' W' (int) -> B D H' W'."""
