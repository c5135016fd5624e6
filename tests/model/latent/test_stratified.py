"""Tests over strata: against R's published answers, one table's own limits, and simulated strata."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import hypergeom

from model.latent.enrichment import UNBOUNDED, enrichment
from model.latent.stratified import common_odds, independence
from model.latent.stratified_exact import two_sided_over_strata

# Applicants to six departments of Berkeley, 1973 (P. J. Bickel et al. 1975, Science 187, 398): men and women, admitted
# and rejected.
BERKELEY = np.array(
    [
        [[512, 313], [89, 19]],
        [[353, 207], [17, 8]],
        [[120, 205], [202, 391]],
        [[138, 279], [131, 244]],
        [[53, 138], [94, 299]],
        [[22, 351], [24, 317]],
    ]
)
COUNTS = st.integers(0, 12)
TABLES = st.lists(st.tuples(COUNTS, COUNTS, COUNTS, COUNTS), min_size=1, max_size=6)


def margins(tables):
    """Tables (D, 2, 2), the last axis the other thing, as the functions take them."""
    tables = np.asarray(tables, np.int64).reshape(-1, 2, 2)
    return tables[:, 0, 0, None], tables[:, 0].sum(1), tables[:, :, 0].sum(1)[:, None], tables.sum((1, 2))


def test_admissions_to_berkeley_are_as_r_has_them():
    """``mantelhaen.test(UCBAdmissions)``: X-squared 1.4269, p 0.2323, odds ratio 0.9046968 (0.7719074 to 1.0603298)."""
    assert independence(*margins(BERKELEY)) == pytest.approx([0.2323], rel=2e-3)  # of the normal law
    odds, low, high = (2.0 ** float(found[0]) for found in common_odds(*margins(BERKELEY)))
    assert odds == pytest.approx(0.9046968, rel=2e-4)  # of 4,526 applicants, two more
    # R's limits are those of Robins, Breslow and Greenland, from the estimate's own variance.
    assert (low, high) == pytest.approx((0.7719074, 1.0603298), rel=2e-3)
    crude = BERKELEY.sum(0)
    together = enrichment(crude[0, 0], crude[0].sum(), crude[:, 0].sum(), crude.sum())
    assert 2.0 ** float(together.low) > 1.6  # without the departments, men seem to be preferred


@given(TABLES)
def test_one_stratum_is_judged_as_one_table(tables):
    both, one, other, n = margins(tables[:1])
    odds, low, high = common_odds(both, one, other, n)
    alone = enrichment(both[0], one, other[0], n)
    for found, expected in ((odds, alone.log2_odds), (low, alone.low), (high, alone.high)):
        assert found == pytest.approx(expected, abs=1e-6, nan_ok=True)
    assert independence(both, one, other, n) == pytest.approx(alone.p)


def law_of(one, other, n):
    """Of the sum over strata, by adding up every way in which it may come about; and the least sum."""
    law, least = np.ones(1), 0
    for a, b, whole in zip(one, other, n, strict=True):
        if whole:
            first = max(0, a + b - whole)
            law = np.convolve(law, hypergeom.pmf(np.arange(first, min(a, b) + 1), whole, b, a))
            least += first
    return law, least


def two_sided_of(law):
    return np.minimum(1, 2 * np.minimum(law.cumsum(), law[::-1].cumsum()[::-1]))


@given(TABLES)
def test_the_exact_law_is_the_convolution(tables):
    both, one, other, n = margins(tables)
    law, least = law_of(one, other[:, 0], n)
    found = two_sided_over_strata(both, one[:, None], other, n[:, None])
    assert found == pytest.approx([two_sided_of(law)[both.sum() - least]], rel=1e-8)


# Strata that lean the same way, others that lean against each other, and one that is large.
@pytest.mark.parametrize(
    ("n", "one", "other"),
    [
        ([4000, 2000, 700], [500, 60, 300], [80, 40, 14]),
        ([4000, 2000, 700], [500, 60, 300], [1200, 600, 210]),
        ([100_000, 100_000], [50, 1000], [1000, 99_950]),
        ([30_000, 5000, 20_000], [300, 100, 15_000], [400, 4900, 30]),
        ([20_000, 20_000], [2000, 19_000], [500, 19_000]),
        ([400_000, 300_000], [60, 30], [9000, 90_000]),
    ],
)
def test_p_values_are_those_of_the_exact_law(n, one, other):
    n, one, other = (np.array(a) for a in (n, one, other))
    law, _ = law_of(one, other, n)
    exact = two_sided_of(law)
    seen = np.flatnonzero(exact > 1e-9)
    # How the images are spread over the strata says nothing of the sum.
    low, high = np.maximum(0, one + other - n), np.minimum(one, other)
    both, left = np.repeat(low[:, None], len(seen), axis=1), seen.copy()
    for stratum in range(len(n)):
        more = np.minimum(left, high[stratum] - low[stratum])
        both[stratum] += more
        left -= more
    assert not left.any()
    found = independence(both, one, np.repeat(other[:, None], len(seen), axis=1), n)
    ratio = found / exact[seen]
    matters = exact[seen] < 0.1
    assert ratio[matters].min() >= 0.8
    assert ratio[matters].max() <= 1.5
    assert abs(ratio[~matters] - 1).max() <= 0.4


def test_rare_codes_are_not_called_companions_for_one_image():
    """Of 700,000 images in three data sets 20 have the one code; thousands of others are as rare, and independent."""
    rng = np.random.default_rng(0)
    n = np.array([400_000, 200_000, 100_000])
    one, other = np.array([11, 6, 3]), rng.poisson([[11], [6], [3]], (3, 4096))
    both = rng.hypergeometric(other, n[:, None] - other, one[:, None])
    both[0, 0] = max(both[0, 0], 1)
    p = independence(both, one, other, n)
    assert p.min() > 1e-4
    assert (p <= 0.05).mean() <= 0.05


@given(TABLES)
def test_symmetries(tables):
    tables = np.reshape(tables, (-1, 2, 2))
    odds, low, high = common_odds(*margins(tables))
    p = independence(*margins(tables))
    if np.isnan(odds[0]):
        assert p[0] == 1
        return
    assert low[0] <= odds[0] <= high[0]
    for turned, sign in ((tables.transpose(0, 2, 1), 1), (tables[:, ::-1], -1), (tables[:, :, ::-1], -1)):
        again = common_odds(*margins(turned))
        assert again[0] == pytest.approx(sign * odds, abs=1e-6)
        limits = (low, high) if sign == 1 else (-high, -low)
        assert np.ravel(again[1:]) == pytest.approx(np.ravel(limits), abs=1e-6)
        assert independence(*margins(turned)) == pytest.approx(p)
    # A stratum of which every image has the one thing says nothing.
    more = np.concatenate([tables, [[[5, 7], [0, 0]]]])
    for found, expected in zip(common_odds(*margins(more)), (odds, low, high), strict=True):
        assert found == pytest.approx(expected)


def test_what_nothing_bounds():
    odds, low, high = common_odds(*margins([[[6, 0], [4, 300]], [[3, 0], [1, 50]]]))
    assert high == UNBOUNDED
    assert 0 < low < odds < 20
    odds, low, high = common_odds(*margins([[[0, 6], [200, 100]]]))
    assert (low, high[0] < 0) == (-UNBOUNDED, True)


def test_limits_hold_the_truth_and_chance_is_not_taken_for_more():
    """2,000 draws of three strata of different size and base rate, in which the margins differ as data sets do."""
    rng = np.random.default_rng(3)
    n = np.array([60, 300, 900])
    rates = np.array([[0.6, 0.5], [0.05, 0.1], [0.3, 0.04]])
    for log2_odds in (0.0, 1.5):
        one = rng.binomial(n, rates[:, 0])
        base = rates[:, 1] / (1 - rates[:, 1])
        raised = base * 2**log2_odds
        both = rng.binomial(one[:, None], (raised / (1 + raised))[:, None], (3, 2000))
        without = rng.binomial((n - one)[:, None], rates[:, 1, None], (3, 2000))
        odds, low, high = common_odds(both, one, both + without, n)
        held = ((low <= log2_odds) & (log2_odds <= high)).mean()
        assert 0.94 <= held <= 0.965
        assert odds.mean() == pytest.approx(log2_odds, abs=0.06)
        p = independence(both, one, both + without, n)
        assert (p <= 0.05).mean() > 0.9 if log2_odds else (p <= 0.05).mean() <= 0.055
