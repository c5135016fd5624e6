"""How far the distances on a map go with those between embeddings (R. N. Shepard 1962, Psychometrika 27)."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from model.intervals import LEVEL
from model.latent.map_quality import Vectors
from model.latent.neighbours import Metric
from model.latent.quality import DistanceCorrelation, Figure
from model.latent.spaces import Space

_BATCHES = 20


def distance_correlation(
    embeddings: Vectors,
    coordinates: Vectors,
    *,
    pairs: int = 100_000,
    metric: Metric = "euclidean",
    seed: int = 0,
) -> DistanceCorrelation:
    """Correlate distances on the map with those between embeddings, over pairs of different images.

    All pairs if there are no more than ``pairs``; else so many drawn at random with replacement, which estimates the
    correlation over all. The interval then comes from the correlations of 20 parts of the draw, by Student's t.

    Args:
        embeddings: (N, D), N at least 3; may be memory-mapped.
        coordinates: (N, 2 or 3) of the map.
        pairs: at least 1,000.
        metric: of the embeddings.
        seed: of the draw.
    """
    n = len(embeddings)
    exact = n * (n - 1) // 2 <= pairs
    if exact:
        first, second = np.triu_indices(n, 1)
    else:
        generator = np.random.default_rng(seed)
        first = generator.integers(0, n, pairs)
        second = (first + generator.integers(1, n, pairs)) % n
    ours = _distances(embeddings, first, second, metric)
    theirs = _distances(coordinates, first, second, "euclidean")
    return DistanceCorrelation(
        pairs=len(first),
        exact=exact,
        spearman=_correlation(stats.rankdata(ours), stats.rankdata(theirs), exact),
        pearson=_correlation(ours, theirs, exact),
    )


def _distances(
    vectors: Vectors, first: NDArray[np.intp], second: NDArray[np.intp], metric: Metric
) -> NDArray[np.float64]:
    found = Space(vectors, metric, np.zeros(vectors.shape[1])).apart(first, second)
    return found if metric == "cosine" else np.sqrt(found)


def _correlation(ours: NDArray[Any], theirs: NDArray[Any], exact: bool) -> Figure | None:
    value = _pearson(ours, theirs)
    if value is None:
        return None
    parts = [] if exact else [_pearson(ours[i::_BATCHES], theirs[i::_BATCHES]) for i in range(_BATCHES)]
    known = [part for part in parts if part is not None]
    interval = None
    if known:
        half = float(stats.t.ppf((1 + LEVEL) / 2, len(known) - 1) * np.std(known, ddof=1) / len(known) ** 0.5)
        interval = max(value - half, -1.0), min(value + half, 1.0)
    return Figure(value, interval, 0.0)


def _pearson(ours: NDArray[Any], theirs: NDArray[Any]) -> float | None:
    spreads = ours.std(), theirs.std()
    if min(spreads) <= 1e-12 * max(abs(ours).max(), abs(theirs).max()):
        return None
    return float(
        np.clip(((ours - ours.mean()) * (theirs - theirs.mean())).mean() / (spreads[0] * spreads[1]), -1, 1)
    )
