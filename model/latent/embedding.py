"""The one vector that stands for an image."""

from collections.abc import Iterable, Iterator, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

EMBEDDING_DEFINITION = (  # a change of it is a new model.versions.EMBEDDING_VERSION
    "mean, standard deviation and maximum over the grid of each channel of the feature maps at the end of the encoder's"
    " trunk and before its projection, averaged over four views (moved a quarter of a cell along each diagonal, two of"
    " them mirrored), standardised on training images, asinh"
)

VIEWS = ((1, 1, False), (-1, -1, False), (1, -1, True), (-1, 1, True))
"""Of an image: rows and columns that it is moved by, in quarters of a cell, and whether it is mirrored first."""


def views(images: Tensor, cell: int) -> Iterator[Tensor]:
    """The views of images (B C H W) that an embedding is averaged over, one after another; borders are mirrored.

    Where an image lies on the grid is chance, and which way a lesion points seldom matters: what pooled features say
    of both is noise. Averaging it out is worth points of accuracy where training images are few
    (docs/experiments.md).

    Args:
        images: H and W larger than a quarter of a cell.
        cell: pixels of the image per cell of the grid, along one side.
    """
    step = max(1, cell // 4)
    height, width = images.shape[2:]
    padded = F.pad(images, (step,) * 4, mode="reflect")
    for rows, columns, mirrored in VIEWS:
        top, left = step * (1 + rows), step * (1 + columns)
        whole = padded.flip(-1) if mirrored else padded
        view = whole[:, :, top : top + height, left : left + width]
        yield view.contiguous(memory_format=torch.channels_last)


def pool(features: Sequence[Tensor]) -> Tensor:
    """Mean, deviation and maximum of each channel: M maps B C H' W', any float type -> B 3CM, float32.

    The deviation over the grid carries texture and the maximum what is rare, both of which the mean loses.
    """
    parts: list[Tensor] = []
    for feature_map in features:
        flat = feature_map.float().flatten(2)  # B C H' W' -> B C N
        mean = flat.mean(2)
        # torch.std takes twenty times as long on a processor, a twentieth of the whole embedding.
        deviation = (flat - mean[..., None]).square_().mean(2).sqrt_()
        parts += [mean, deviation, flat.amax(2)]
    return torch.cat(parts, dim=1)


class EmbeddingHead(nn.Module):
    """Pooled features -> embedding: standardised, tails drawn in.

    Label-free, and of fixed length whatever the grid. Without standardisation a few channels of large variance hold
    nine tenths of it, and without asinh (the logarithm for large values, the identity for small ones) very dark or
    bright images lie so far out that a map shows little else.
    """

    center: Tensor
    scale: Tensor

    def __init__(self, channels: int) -> None:
        """``channels``: of all feature maps together."""
        super().__init__()
        self.dim = 3 * channels
        self.register_buffer("center", torch.zeros(self.dim))
        self.register_buffer("scale", torch.ones(self.dim))

    def forward(self, pooled: Tensor) -> Tensor:
        """B E -> B E, as `pool` gives them, averaged over the views."""
        return torch.asinh((pooled - self.center) / self.scale)

    @torch.no_grad()
    def fit(self, batches: Iterable[Tensor]) -> None:
        """Standardise by mean and deviation over pooled features of training images (batches of B E)."""
        pooled = torch.cat(list(batches))
        self.center.copy_(pooled.mean(0))
        # A channel that never varies says nothing; it must not become noise either.
        self.scale.copy_(pooled.std(0, correction=0).clamp(min=1e-4))
