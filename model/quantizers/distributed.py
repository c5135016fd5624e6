"""What keeps codebooks bit-identical across the ranks of a distributed run; no-ops in a single process."""

from collections.abc import Callable

import torch.distributed as dist
from torch import Tensor


def _several_ranks() -> bool:
    return dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1


def sum_over_ranks(tensor: Tensor) -> None:
    """Add up a tensor over all ranks, in place."""
    if _several_ranks():
        dist.all_reduce(tensor)


def from_rank_zero(make: Callable[[], Tensor]) -> Tensor:
    """Make a tensor on rank 0 and hand it to all; `make` gives the same shape on every rank."""
    tensor = make()
    if _several_ranks():
        dist.broadcast(tensor, src=0)
    return tensor
