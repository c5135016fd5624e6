"""How well four measures of an image fit those of held-out images: one figure, for any strangeness."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MEASURES = ("knn_distance", "quantisation_error", "code_rarity", "reconstruction_error")
"""Cosine distance to the k-th nearest training image, in [0, 2]; squared distance from latent to code vector, mean over
the grid; nats a code; mean squared error on the [0, 1] scale."""

_P = len(MEASURES)
_LOGARITHMIC = np.array([True, True, False, True])  # rarity is a logarithm already
_NEAREST = 0.01
"""Quantile of the held-out distances below which all images count as equally near: a copy of a training image, at
distance zero, is no outlier, and its logarithm would spoil the covariance."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Typicality:
    """A normal distribution of the four measures of held-out images, three of them as logarithms.

    With mean m and covariance S of n images, a new image x of the same population has
    ``d2 = (x - m)' S^-1 (x - m)`` with ``n (n - p) / ((n + 1)(n - 1) p) d2 ~ F(p, n - p)`` (H. Hotelling 1931, The
    generalization of Student's ratio, Ann. Math. Stat. 2, 360: the prediction ellipse in p = 4 dimensions). Its upper
    tail, as -log10, is the strangeness: on one scale whatever n, so that data sets can be compared, and without a
    ceiling, so that outliers keep their order where a rank among n images would not tell them apart. Unusually *low*
    values count too: a blank image is reconstructed all too well. Nothing rests on normality but the weights of the
    four: what is reported is the rank of the strangeness among held-out images.
    """

    n: int
    floor: float
    """Smallest cosine distance that is told from others."""
    mean: Floats
    """(4,)"""
    covariance: Floats
    """(4, 4), ddof 1."""

    @classmethod
    def fit(cls, measures: Floats) -> "Typicality":
        """Fit to (n, 4) `MEASURES` of held-out images, n at least 6.

        Raises:
            ValueError: fewer images, another shape, or a measure that is not finite.
        """
        if measures.ndim != 2 or measures.shape[1] != _P or len(measures) < _P + 2:
            raise ValueError(
                f"typicality needs (n, {_P}) measures, n at least {_P + 2}, not {measures.shape}"
            )
        if not np.isfinite(measures).all():
            raise ValueError("a measure is not finite")
        floor = max(float(np.quantile(measures[:, 0], _NEAREST)), 1e-9)
        values = _on_scale(measures, floor)
        covariance = np.cov(values.T)
        # A measure that never varies must not divide by zero.
        covariance += np.diag(1e-9 * np.diag(covariance) + 1e-12)
        return cls(len(values), floor, values.mean(axis=0), covariance)

    def strangeness(self, measures: Floats) -> Floats:
        """-log10 of the tail probability of (N, 4) measures of new images: (N,), at least 0."""
        return _strangeness(self._squared_distance(measures), self.n)

    def strangeness_left_out(self, measures: Floats) -> Floats:
        """Strangeness of each of the (n, 4) measures that this was fitted to, under a fit to all the others.

        What an image did to mean and covariance would make it look typical. In closed form: taking u = x - m out of the
        scatter A = (n - 1) S leaves A - n/(n - 1) u u' (Sherman-Morrison).
        """
        n = self.n
        q = self._squared_distance(measures) / (n - 1)
        # Rounding, or the ridge, may take the denominator to zero for an image that is the whole of a direction.
        left = np.maximum(1 - n / (n - 1) * q, 1e-12)
        return _strangeness((n - 2) * (n / (n - 1)) ** 2 * q / left, n - 1)

    def _squared_distance(self, measures: Floats) -> Floats:
        offset = _on_scale(measures, self.floor) - self.mean
        squared: Floats = np.einsum("np,pn->n", offset, np.linalg.solve(self.covariance, offset.T))
        return np.maximum(squared, 0)


def _on_scale(measures: Floats, floor: float) -> Floats:
    values = np.array(measures, np.float64)
    values[:, 0] = np.maximum(values[:, 0], floor)
    values[:, _LOGARITHMIC] = np.log(np.maximum(values[:, _LOGARITHMIC], 1e-12))
    return values


def _strangeness(squared: Floats, n: int) -> Floats:
    """-log10 of the tail of F(4, n - 4) that belongs to squared distances from a fit to n images.

    The tail is the incomplete beta function I_x(a, 2) = x^a (1 + a (1 - x)) with a = (n - 4)/2 and
    x = 1 / (1 + d2 n / (n^2 - 1)); its logarithm does not underflow.
    """
    a = (n - _P) / 2
    ratio = squared * n / (n * n - 1)
    minus_log = a * np.log1p(ratio) - np.log1p(a * ratio / (1 + ratio))
    strange: Floats = np.maximum(minus_log, 0) / np.log(10)
    return strange
