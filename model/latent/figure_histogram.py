"""How a figure of the reconstructions is distributed over some images."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from model.latent.composition import Summary, figure_summaries
from model.latent.images_table import FIGURES


@dataclass(frozen=True)
class FigureHistogram:
    """Counts in bins of equal width from ``low`` to ``high``; each bin holds its lower end, the last one both."""

    low: float
    high: float
    counts: tuple[int, ...]
    summary: Summary


def figure_histograms(images: pa.Table, bins: int) -> dict[str, FigureHistogram]:
    """Histograms of all `FIGURES` of a table of images, by name; none of an empty one.

    Each reaches from the smallest to the largest value of these images (half a unit to either side of the only one).

    Args:
        images: rows of an index's table of images.
        bins: how many, at least 1.
    """
    summaries = figure_summaries(images)
    return {
        name: _histogram(images[name].to_numpy(), bins, summaries[name])
        for name in FIGURES
        if name in summaries
    }


def _histogram(values: NDArray[np.floating[Any]], bins: int, summary: Summary) -> FigureHistogram:
    counts, edges = np.histogram(values.astype(np.float64), bins)
    return FigureHistogram(float(edges[0]), float(edges[-1]), tuple(counts.tolist()), summary)
