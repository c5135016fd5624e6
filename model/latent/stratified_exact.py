"""Exact p-values of how many images share two things, over strata: where a law of few moments has the tails wrong."""

import numpy as np

from model.latent.hypergeometric import Counts, Floats, log_choose

FEW = 50.0
"""Variance of the number of shared images, below which p-values that matter are exact."""
_REACH, _DEVIATIONS = 30.0, 8.0
"""A law is followed so many images, and so many standard deviations more, to either side of its mean: beyond lies less
than 1e-15, also of laws as skew as Poisson's."""
_AT_A_TIME = 256


def moments(one: Counts, other: Counts, n: Counts) -> tuple[Floats, Floats, Floats]:
    """Mean, variance and third central moment of the hypergeometric number of shared images; 0 where n is 0."""
    whole = np.maximum(n, 1)
    mean = one * other / whole
    variance = mean * (whole - one) / whole * (whole - other) / np.maximum(whole - 1, 1)
    third = variance * (whole - 2 * one) / whole * (whole - 2 * other) / np.maximum(whole - 2, 1)
    return mean, variance, third


def two_sided_over_strata(both: Counts, one: Counts, other: Counts, n: Counts) -> Floats:
    """Twice the smaller tail, at most 1, of the sum of independent hypergeometric numbers, at the sum seen.

    The law of the sum is the convolution of those of the strata. What lies farther out than it is followed has the
    p-value of its end, far below 1e-12.

    Args:
        both, one, other, n: (D, K) each: images with both things, with either, and all.

    Returns:
        (K,)
    """
    variance = moments(one, other, n)[1].sum(axis=0)
    p = np.empty(both.shape[1])
    order = np.argsort(variance, kind="stable")  # those followed equally far together
    for start in range(0, len(order), _AT_A_TIME):
        part = order[start : start + _AT_A_TIME]
        law, least = _law(one[:, part], other[:, part], n[:, part])
        place = np.clip(both[:, part].sum(axis=0) - least, 0, law.shape[1] - 1)[:, None]
        at = np.arange(law.shape[1])
        lower, upper = (np.where(side, law, 0).sum(axis=1) for side in (at <= place, at >= place))
        p[part] = np.minimum(1, 2 * np.minimum(lower, upper))
    return p


def _law(one: Counts, other: Counts, n: Counts) -> tuple[Floats, Counts]:
    """(D, K) -> probabilities (K, W) of the sums from the least one followed (K,) on."""
    columns = one.shape[1]
    law, least = np.ones((columns, 1)), np.zeros(columns, np.int64)
    so_far = np.zeros((2, columns))
    for a, b, whole, mean, variance in zip(one, other, n, *moments(one, other, n)[:2], strict=True):
        own, first = _of_stratum(a, b, whole, mean, variance)
        before, law = law, np.zeros((columns, law.shape[1] + own.shape[1] - 1))
        for step in range(own.shape[1]):
            law[:, step : step + before.shape[1]] += own[:, step, None] * before
        least = least + first
        so_far += mean, variance
        law, least = _cropped(law, least, *so_far)
    return law, least


def _of_stratum(a: Counts, b: Counts, whole: Counts, mean: Floats, variance: Floats) -> tuple[Floats, Counts]:
    """(K,) margins -> probabilities (K, W) of one stratum, from the first number followed (K,) on."""
    reach = _REACH + _DEVIATIONS * np.sqrt(variance)
    first = np.maximum(np.maximum(0, a + b - whole), np.floor(mean - reach).astype(np.int64))
    last = np.minimum(np.minimum(a, b), np.ceil(mean + reach).astype(np.int64))
    low, ones, others, n = (x[:, None].astype(np.float64) for x in (first, a, b, whole))
    x = low + np.arange(int((last - first).max()))
    steps = (
        np.maximum(ones - x, 0)
        * np.maximum(others - x, 0)
        / ((x + 1) * np.maximum(n - ones - others + x + 1, 1))
    )
    start = np.exp(log_choose(others, low) + log_choose(n - others, ones - low) - log_choose(n, ones))
    return start * np.cumprod(np.hstack([np.ones_like(low), steps]), axis=1), first


def _cropped(law: Floats, least: Counts, mean: Floats, variance: Floats) -> tuple[Floats, Counts]:
    """Without what lies too far from the mean of the sum."""
    reach = _REACH + _DEVIATIONS * np.sqrt(variance)
    width = int(2 * reach.max()) + 2
    if law.shape[1] <= width:
        return law, least
    start = np.clip(np.floor(mean - reach).astype(np.int64) - least, 0, law.shape[1] - width)
    return np.take_along_axis(law, start[:, None] + np.arange(width), axis=1), least + start
