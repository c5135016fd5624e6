"""Batches of one of several processes that train together."""

from collections.abc import Iterator, Sized

from torch.utils.data import Sampler

from model.errors import VQScopeError


class RankBatches(Sampler[list[int]]):
    """Deals an order of indices out to the ranks of a run, batch by batch: no overlap, nothing lost or repeated.

    Of each ``ranks * batch_size`` consecutive indices, rank r takes r, r + ranks, r + 2 ranks …; so what all ranks
    do in one step is the same whatever their number, and with one rank these are ordinary batches. All ranks have
    the same number of batches, as their steps must keep time: a last piece that is too small to give everyone
    something goes with the one before.

    Args:
        sampler: gives the same order on every rank; Lightning finds it here and tells it the epoch.
        batch_size: of one rank.
        rank: this process, 0 … ranks - 1.
        ranks: how many there are.

    Raises:
        VQScopeError: there are fewer indices than ranks.
    """

    def __init__(self, sampler: Sampler[int], batch_size: int, *, rank: int = 0, ranks: int = 1) -> None:
        assert isinstance(sampler, Sized)
        self.sampler = sampler
        self._rank, self._ranks = rank, ranks
        n = len(sampler)
        if 0 < n < ranks:
            raise VQScopeError(f"{n} images are too few for {ranks} processes: lower --trainer.devices")
        starts = list(range(0, n, batch_size * ranks))
        if len(starts) > 1 and n - starts[-1] < ranks:
            starts.pop()
        self._bounds = list(zip(starts, [*starts[1:], n], strict=True))

    def __len__(self) -> int:
        return len(self._bounds)

    def __iter__(self) -> Iterator[list[int]]:
        order = list(self.sampler)
        for start, end in self._bounds:
            yield order[start + self._rank : end : self._ranks]
