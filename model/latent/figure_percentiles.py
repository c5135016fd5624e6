"""Where the figures of an image of the index stand among those of its own data set and split."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from model.latent.images_table import FIGURES

if TYPE_CHECKING:
    from model.latent.index import LatentIndex


@dataclass(frozen=True)
class FigurePercentiles:
    """Percentile ranks of an image's figures, in per cent: they describe, and test nothing.

    Unlike an outlier's percentile they are there for every image: no reference is fitted, so that it does not matter
    of which split the image is, as it is compared with others of the same.
    """

    n: int
    """Images of its data set and split, itself among them."""
    percentiles: dict[str, float]
    """By figure, in (0, 100): 100 · (images with a smaller one + half of those with an equal one) / n."""


def figure_percentiles(index: "LatentIndex", row: int) -> FigurePercentiles:
    """Rank the figures of the image at a row of an index among those of its data set and split."""
    block = next(block for block in index.blocks if block.start <= row < block.stop)
    n = block.stop - block.start
    images = index.images.slice(block.start, n)
    found = {}
    for name in FIGURES:
        values = images[name].to_numpy()
        own = values[row - block.start]
        found[name] = float(100 * ((values < own).sum() + 0.5 * (values == own).sum()) / n)
    return FigurePercentiles(n, found)
