"""Exact p-values of few images that two things share, over strata: where a normal law would call chance impossible."""

import numpy as np

from model.latent.hypergeometric import Counts, Floats, log_choose

_BEYOND = 40
"""Images above those seen that are still added up; of a law with a mean below `FEW`, less than 1e-20 lies beyond."""
_AT_A_TIME = 1 << 20
"""Probabilities."""
FEW = 10.0
"""Images between the number expected and the least or most possible, below which p-values are exact. From there on a
law of three moments gives a p-value of 1e-5 as 2e-5 at most, and none as less than it is."""


def two_sided_over_strata(both: Counts, one: Counts, other: Counts, n: Counts) -> Floats:
    """Twice the smaller tail, at most 1, of the sum of independent hypergeometric numbers, at the sum seen.

    The law of the sum is the convolution of those of the strata. It is followed from its least value to a little above
    what was seen.

    Args:
        both, one, other, n: (D, K) each: images with both things, with either, and all, of tables of which at least
            one side of the expected sum has less than `FEW` images of room.

    Returns:
        (K,)
    """
    both, other = _from_the_near_end(both, one, other, n)
    least = np.maximum(0, one + other - n)
    seen = (both - least).sum(axis=0)
    room = (one * other / np.maximum(n, 1) - least).sum(axis=0)
    p = np.ones(len(seen))
    # With half an image expected, none is at least as likely as not (Markov's inequality): p is 1.
    open_ = np.flatnonzero((seen > 0) | (room > 0.5))
    open_ = open_[np.argsort(seen[open_], kind="stable")]
    while len(open_):
        width = int(seen[open_[0]]) + 2 * _BEYOND
        many = max(1, _AT_A_TIME // (width * len(both)))
        part = open_[:many][seen[open_[:many]] <= width - _BEYOND]
        open_ = open_[len(part) :]
        law = _law(least[:, part], one[:, part], other[:, part], n[:, part], width)
        place = np.arange(width)
        lower = np.where(place <= seen[part, None], law, 0).sum(axis=1)
        upper = np.where(place >= seen[part, None], law, 0).sum(axis=1)
        p[part] = np.minimum(1, 2 * np.minimum(lower, upper))
    return p


def _from_the_near_end(both: Counts, one: Counts, other: Counts, n: Counts) -> tuple[Counts, Counts]:
    """``both`` and ``other``, where the most possible is nearer than the least, of the images without the other."""
    expected = (one * other / np.maximum(n, 1)).sum(axis=0)
    least, most = np.maximum(0, one + other - n).sum(axis=0), np.minimum(one, other).sum(axis=0)
    turned = most - expected < expected - least
    return np.where(turned, one - both, both), np.where(turned, n - other, other)


def _law(least: Counts, one: Counts, other: Counts, n: Counts, width: int) -> Floats:
    """(D, K) -> (K, width): probabilities of the least sum and of those that follow."""
    law = np.zeros((least.shape[1], width))
    law[:, 0] = 1
    for margins in zip(least, one, other, n, strict=True):
        low, a, b, whole = (margin[:, None].astype(np.float64) for margin in margins)
        x = low + np.arange(width - 1)
        steps = np.maximum(a - x, 0) * np.maximum(b - x, 0) / ((x + 1) * (whole - a - b + x + 1))
        first = np.exp(log_choose(b, low) + log_choose(whole - b, a - low) - log_choose(whole, a))
        own = first * np.cumprod(np.hstack([np.ones_like(low), steps]), axis=1)
        longest = np.flatnonzero(own.any(axis=0))[-1] + 1
        before, law = law, np.zeros_like(law)
        for step in range(longest):
            law[:, step:] += own[:, step, None] * before[:, : width - step]
    return law
