"""Samples of an index's images, drawn in proportion from each block, and means estimated from them."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from model.intervals import LEVEL, Interval


@dataclass(frozen=True, eq=False)
class Sample:
    """Rows drawn without replacement from consecutive strata."""

    rows: NDArray[np.int64]
    """(n,) ascending."""
    stratum: NDArray[np.int64]
    """(n,) the stratum of each, an index into ``there``."""
    there: NDArray[np.int64]
    """Rows of each stratum, drawn or not; none is empty."""

    @property
    def complete(self) -> bool:
        """Whether every row was drawn."""
        return len(self.rows) == int(self.there.sum())

    def mean(self, values: NDArray[np.floating]) -> tuple[float, Interval | None]:
        """Mean of a figure over all rows of all strata, and its 95 % interval (None of a complete sample).

        The stratified estimate and its variance, finite populations corrected for (W. G. Cochran 1977, Sampling
        Techniques, sections 5.3 to 5.6), with a normal quantile.

        Args:
            values: (n,) the figure of each row drawn.
        """
        if self.complete:
            return float(values.mean()), None
        drawn = np.bincount(self.stratum, minlength=len(self.there))
        means = np.bincount(self.stratum, values, minlength=len(self.there)) / drawn
        weights = self.there / self.there.sum()
        mean = float(weights @ means)
        squares = np.bincount(self.stratum, (values - means[self.stratum]) ** 2, minlength=len(self.there))
        variance = squares / np.maximum(drawn - 1, 1) * (1 - drawn / self.there) / drawn
        half = NormalDist().inv_cdf((1 + LEVEL) / 2) * float(np.sqrt(weights**2 @ variance))
        return mean, (mean - half, mean + half)


def draw(sizes: Sequence[int], n: int, *, seed: int) -> Sample:
    """About ``n`` rows, from each stratum its share; all of them where there are no more.

    Args:
        sizes: rows of each stratum, in their order, each at least 1.
        n: how many to draw; of a stratum at least two come, or the one that it has, so that its spread is known.
        seed: the same one draws the same rows.
    """
    there = np.asarray(sizes, dtype=np.int64)
    total = int(there.sum())
    share = np.rint(n / total * there).astype(np.int64)
    wanted = there if total <= n else np.clip(share, np.minimum(2, there), there)
    generator = np.random.default_rng(seed)
    starts = np.cumsum(there) - there
    rows = [
        start + np.sort(generator.choice(size, count, replace=False))
        for start, size, count in zip(starts.tolist(), there.tolist(), wanted.tolist(), strict=True)
    ]
    return Sample(np.concatenate(rows), np.repeat(np.arange(len(there)), wanted), there)
