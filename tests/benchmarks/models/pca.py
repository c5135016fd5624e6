"""PCA with quantised coefficients: the linear reference at a given number of bits an image."""

import heapq
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
MAX_COMPONENTS = 600
"""Of which quantisers are made; at the rates that are asked for here, later ones would hardly ever leave zero."""


@dataclass(frozen=True)
class Principal:
    """Principal components of images as vectors."""

    mean: Array
    """(P,)"""
    components: Array
    """(P, R), orthonormal columns, largest variance first."""
    variances: Array
    """(P,), of all directions, not only the first R."""

    @classmethod
    def fit(cls, images: NDArray[np.float32]) -> "Principal":
        """Of N x P images."""
        mean = images.mean(0, dtype=np.float64)
        centred = images - mean.astype(np.float32)
        values, vectors = np.linalg.eigh((centred.T @ centred / len(images)).astype(np.float64))
        return cls(mean, vectors[:, ::-1][:, :MAX_COMPONENTS].copy(), np.maximum(values[::-1], 0))

    def transform(self, images: NDArray[np.float32]) -> Array:
        """N x P -> N x R."""
        coefficients: Array = (images - self.mean) @ self.components
        return coefficients

    def inverse(self, coefficients: Array) -> Array:
        """N x R' -> N x P; components after the R' first are at their mean."""
        images: Array = coefficients @ self.components[:, : coefficients.shape[1]].T + self.mean
        return images


def gaussian_distortion(variances: Array, bits: float) -> float:
    """Least mean squared error, summed over directions, of a Gaussian source at a rate.

    Reverse water-filling (Cover & Thomas, Elements of Information Theory, theorem 10.3.3): every direction is
    reproduced with error min(theta, variance), at sum max(0, log2(variance / theta) / 2) bits.
    """
    low, high = 1e-12, float(variances.max())
    for _ in range(100):
        theta = np.sqrt(low * high)
        rate = 0.5 * np.log2(np.maximum(variances / theta, 1)).sum()
        low, high = (theta, high) if rate > bits else (low, theta)
    return float(np.minimum(variances, high).sum())


class EntropyCoded:
    """One step for all components, each cell rebuilt at the mean of what fell into it; an ideal entropy coder.

    A common step is reverse water-filling for uniform quantisers (Gish & Pierce 1968): all components that get bits
    have the same error. The step is the smallest whose empirical entropy on the training images fits.
    """

    def __init__(self, coefficients: Array, bits: float) -> None:
        low, high = 1e-4, float(np.abs(coefficients).max())
        for _ in range(30):
            step = float(np.sqrt(low * high))
            low, high = (step, high) if self._entropy(coefficients, step) > bits else (low, step)
        self.step = high
        cells = np.rint(coefficients / high).astype(np.int64)
        self.components = int((np.ptp(cells, axis=0) > 0).nonzero()[0].max(initial=-1)) + 1
        self._tables = [self._table(cells[:, i], coefficients[:, i]) for i in range(self.components)]
        self.bits = self._entropy(coefficients, high)
        """Empirical entropy of an image on the training images."""

    def __call__(self, coefficients: Array) -> tuple[Array, float]:
        """N x R -> quantised N x R', and the bits of all N under a code made for the training images."""
        out, bits = np.empty((len(coefficients), self.components)), 0.0
        for i, (first, centres, lengths) in enumerate(self._tables):
            # A cell that training never saw has no code word: the outermost one is taken.
            cells = np.clip(
                np.rint(coefficients[:, i] / self.step).astype(np.int64) - first, 0, len(centres) - 1
            )
            out[:, i] = centres[cells]
            bits += float(lengths[cells].sum())
        return out, bits

    def _table(self, cells: NDArray[np.int64], values: Array) -> tuple[int, Array, Array]:
        first = int(cells.min())
        counts = np.bincount(cells - first).astype(np.float64)
        middles = (first + np.arange(len(counts))) * self.step
        centres = np.where(counts > 0, np.bincount(cells - first, values) / np.maximum(counts, 1), middles)
        return first, centres, -np.log2((counts + 1) / (counts + 1).sum())

    @staticmethod
    def _entropy(coefficients: Array, step: float) -> float:
        total = 0.0
        for column in np.rint(coefficients / step).astype(np.int64).T:
            counts = np.bincount(column - column.min())
            share = counts[counts > 0] / len(column)
            total -= float((share * np.log2(share)).sum())
        return total


class FixedRate:
    """Whole bits for each component, Lloyd-Max quantisers: as ours, every image takes the same number of bits.

    Bits go one by one to the component whose training error falls most (Segall 1976).
    """

    def __init__(self, coefficients: Array, bits: int, most: int = 10) -> None:
        columns = [np.sort(column) for column in coefficients.T]
        levels = [np.array([column.mean()]) for column in columns]
        errors = [_error(column, level) for column, level in zip(columns, levels, strict=True)]
        self.allocation = np.zeros(len(columns), np.int64)
        queue: list[tuple[float, int, float, Array]] = []

        def offer(i: int) -> None:
            if self.allocation[i] < most:
                better = lloyd_max(columns[i], 2 ** int(self.allocation[i] + 1))
                error = _error(columns[i], better)
                heapq.heappush(queue, (error - errors[i], i, error, better))

        for i in range(len(columns)):
            offer(i)
        for _ in range(bits):
            _, i, errors[i], levels[i] = heapq.heappop(queue)
            self.allocation[i] += 1
            offer(i)
        self.levels = levels[: int(self.allocation.nonzero()[0].max()) + 1]

    def __call__(self, coefficients: Array) -> Array:
        """N x R -> quantised N x R'."""
        return np.stack(
            [
                level[_nearest(column, level)]
                for column, level in zip(coefficients.T, self.levels, strict=False)
            ],
            1,
        )


def lloyd_max(values: Array, levels: int, steps: int = 30) -> Array:
    """Levels (ascending) of the scalar quantiser of least squared error (Lloyd 1982, Max 1960), from quantiles.

    Args:
        values: ascending.
        levels: how many.
        steps: of Lloyd's iteration.
    """
    centres = np.quantile(values, (np.arange(levels) + 0.5) / levels)
    sums = np.concatenate([[0.0], np.cumsum(values)])
    for _ in range(steps):
        edges = np.searchsorted(values, (centres[1:] + centres[:-1]) / 2)
        edges = np.concatenate([[0], edges, [len(values)]])
        counts = np.diff(edges)
        centres = np.where(counts > 0, np.diff(sums[edges]) / np.maximum(counts, 1), centres)
    return centres


def _nearest(values: Array, levels: Array) -> NDArray[np.int64]:
    return np.searchsorted((levels[1:] + levels[:-1]) / 2, values)


def _error(values: Array, levels: Array) -> float:
    return float(np.square(values - levels[_nearest(values, levels)]).mean())
