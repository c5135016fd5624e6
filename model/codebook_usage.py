"""How much of a codebook is used."""

import torch
from torch import Tensor
from torchmetrics import Metric


class CodebookUsage(Metric):
    """How many codes are in use, and how evenly, over all that was seen since the last reset.

    Over a whole split, not per batch: the perplexity of a batch depends on its size.
    """

    full_state_update = False
    counts: Tensor

    def __init__(self, codebook_size: int) -> None:
        super().__init__()
        self.codebook_size = codebook_size
        self.add_state("counts", torch.zeros(codebook_size, dtype=torch.int64), dist_reduce_fx="sum")

    def update(self, codes: Tensor) -> None:
        """Count codes, of any shape."""
        self.counts += torch.bincount(codes.flatten().long(), minlength=self.codebook_size)

    def compute(self) -> dict[str, Tensor]:
        """``used``: share of codes seen at all, in [0, 1]; ``perplexity``: exp of the entropy, 1 to the size."""
        share = self.counts / self.counts.sum().clamp(min=1)
        entropy = -torch.xlogy(share, share).sum()
        return {"used": (self.counts > 0).float().mean(), "perplexity": entropy.exp()}
