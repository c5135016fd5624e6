"""Which training images an epoch shows, so that small data sets are not starved by large ones."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import Sampler


class BalancedSampler(Sampler[int]):
    """Shuffled indices over data sets laid end to end; one of n images gets a share ∝ n^(1 - balance).

    An epoch has as many draws as there are images. ``balance`` 0 shows every image once; 1 gives every data
    set the same number of draws. Within a data set no image is drawn a second time before all others have
    been, and shares are rounded by largest remainder, so that counts do not vary between epochs. The order
    depends on (seed, epoch) alone. Lightning calls ``set_epoch``; without it each new iterator begins the
    next epoch.
    """

    def __init__(self, counts: Sequence[int], *, balance: float, seed: int) -> None:
        if not 0 <= balance <= 1:
            raise ValueError(f"balance must lie in [0, 1], not {balance}")
        self.counts = np.asarray(counts, dtype=np.int64)
        self.draws = _shares(self.counts, balance)
        self.seed = seed
        self._next_epoch = 0

    def __len__(self) -> int:
        return int(self.counts.sum())

    def set_epoch(self, epoch: int) -> None:
        """Let the next iterator show this epoch."""
        self._next_epoch = epoch

    def __iter__(self) -> Iterator[int]:
        epoch, self._next_epoch = self._next_epoch, self._next_epoch + 1
        return iter(self.order(epoch).tolist())

    def order(self, epoch: int) -> NDArray[np.int64]:
        """The indices of one epoch, (N,)."""
        generator = np.random.default_rng([self.seed, epoch])
        offset, chosen = 0, []
        for n, draws in zip(self.counts.tolist(), self.draws.tolist(), strict=True):
            rounds = [generator.permutation(n) for _ in range(-(-draws // n))] if n else []
            if rounds:
                chosen.append(np.concatenate(rounds)[:draws] + offset)
            offset += n
        if not chosen:
            return np.empty(0, dtype=np.int64)
        order = np.concatenate(chosen)
        generator.shuffle(order)
        return order


def _shares(counts: NDArray[np.int64], balance: float) -> NDArray[np.int64]:
    """Draws per data set, whole numbers whose sum is the number of images."""
    total = int(counts.sum())
    if total == 0:
        return np.zeros_like(counts)
    weights = np.where(counts > 0, counts.astype(np.float64) ** (1 - balance), 0.0)
    exact = weights / weights.sum() * total
    if balance == 0:
        return counts.copy()
    shares: NDArray[np.int64] = np.floor(exact).astype(np.int64)
    remainder_order = np.argsort(shares - exact, kind="stable")
    shares[remainder_order[: total - int(shares.sum())]] += 1
    return shares
