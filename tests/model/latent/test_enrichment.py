"""Enriched codes: counted by hand, tested and corrected as scipy does, and not found where there is nothing."""

import numpy as np
import pytest
from scipy import stats

from model.latent import enrichment as module
from model.latent.enrichment import (
    UNBOUNDED,
    column_counts,
    contains,
    enriched_codes,
    enrichment,
    image_counts,
)
from model.latent.errors import SettingError


@pytest.fixture
def codes():
    return np.random.default_rng(0).integers(0, 30, (300, 3, 2)).astype(np.uint8)


def by_hand(codes, size=30):
    return np.array([[(image == c).any() for c in range(size)] for image in codes])


def test_images_are_counted_not_cells(codes, monkeypatch):
    expected = by_hand(codes)
    np.testing.assert_array_equal(contains(codes, 30), expected)
    rows = np.arange(5, 300, 7)
    for size in (1 << 22, 100):  # in one chunk, and in many
        monkeypatch.setattr(module, "_CHUNK_BYTES", size)
        np.testing.assert_array_equal(image_counts(codes, 30), expected.sum(0))
        np.testing.assert_array_equal(image_counts(codes, 30, rows), expected[rows].sum(0))


def test_odds_ratio_and_its_interval():
    found = enrichment([40], [100], [60], [300])
    table = np.array([[40, 60], [20, 180]])
    theirs = stats.contingency.odds_ratio(table, kind="sample")
    interval = theirs.confidence_interval(0.95)
    assert 2 ** found.log2_odds[0] == pytest.approx(theirs.statistic, rel=0.03)  # they add nothing
    assert 2 ** found.low[0] == pytest.approx(interval.low, rel=0.05)
    assert 2 ** found.high[0] == pytest.approx(interval.high, rel=0.05)
    # At its limits the table is just not refused: the expected count is known from the noncentral hypergeometric.
    for limit in (found.low[0], found.high[0]):
        roots = np.roots([2**limit - 1, -(160 * 2**limit + 140), 6000 * 2**limit])
        (expected,) = (root for root in roots if 0 < root < 60)
        spread = sum(1 / field for field in (expected, 100 - expected, 60 - expected, 140 + expected))
        assert (40 - expected) ** 2 * spread == pytest.approx(stats.norm.ppf(0.975) ** 2)
    assert (found.share[0], found.share_elsewhere[0]) == (0.4, 0.1)
    assert found.p[0] == pytest.approx(2 * stats.fisher_exact(table, "greater").pvalue)


@pytest.mark.parametrize(
    ("everything", "n", "share", "ratio"),
    [
        (708_000, 546, 1e-5, 1),
        (708_000, 546, 1e-4, 20),
        (25_310, 546, 1e-3, 1),
        (9_958, 115, 2e-3, 1),
        (9_958, 115, 2e-3, 10),
        (9_958, 115, 0.998, 1),
        (1_250, 60, 0.01, 5),
        (300, 100, 0.2, 2),
    ],
)
def test_the_limits_cover_the_true_odds_ratio(everything, n, share, ratio):
    """Of tables that test something, and none with limits on the side that its own shares contradict."""
    rng = np.random.default_rng(2)
    odds = ratio * share / (1 - share)
    inside, elsewhere = (
        rng.binomial(n, odds / (1 + odds), 20_000),
        rng.binomial(everything - n, share, 20_000),
    )
    tested = (inside + elsewhere > 0) & (inside + elsewhere < everything)
    found = enrichment(inside[tested], n, (inside + elsewhere)[tested], everything)
    covered = (found.low <= np.log2(ratio)) & (np.log2(ratio) <= found.high)
    assert 0.94 <= covered.mean() <= 1
    assert not ((found.low > 0) & (found.share <= found.share_elsewhere)).any()
    assert not ((found.high < 0) & (found.share >= found.share_elsewhere)).any()


def test_a_rare_code_that_a_small_group_lacks_does_not_go_with_it():
    found = enrichment([0], [546], [3], [708_000])
    assert found.low[0] < found.log2_odds[0] < 0 < found.high[0]


def test_nothing_bounds_the_odds_where_a_field_is_empty():
    """6 of 261 images against none of 336 are next to no evidence: not 700 times the odds."""
    found = enrichment([6, 0], [261, 336], [6, 6], [597, 597])
    assert found.high[0] == UNBOUNDED
    assert found.low[1] == -UNBOUNDED
    assert 0 < found.low[0] < 2  # p = 0.0135: the limit lies just above one
    np.testing.assert_allclose(found.low[0], -found.high[1])


def test_q_is_benjamini_hochberg_over_all_tests():
    rng = np.random.default_rng(1)
    inside = rng.integers(0, 20, (4, 25))
    found = enrichment(inside, 20, inside + rng.integers(0, 60, (4, 25)), 90)
    np.testing.assert_allclose(found.q.ravel(), stats.false_discovery_control(found.p.ravel()))


def test_what_cannot_be_tested_is_no_test():
    found = enrichment([0, 9, 5, 10], [10, 10, 10, 10], [0, 12, 12, 40], 40)
    np.testing.assert_allclose(found.q[[1, 2]], stats.false_discovery_control(found.p[[1, 2]]))
    assert found.q[[0, 3]].tolist() == [1, 1]
    for figures in (found.log2_odds, found.low, found.high):
        assert np.isnan(figures).tolist() == [True, False, False, True]
    alone = enrichment([3], [10], [3], [10])  # no other images
    assert np.isnan(alone.log2_odds).all()


def test_what_was_planted_is_found_and_chance_is_not(codes):
    planted = codes.copy()
    selection = np.arange(0, 300, 5)
    planted[selection[:50], 1, 1] = 17
    found = enriched_codes(planted, selection, codebook_size=30)
    assert [code.code for code in found] == [17]
    expected = by_hand(planted)
    assert found[0].inside == expected[selection, 17].sum()
    assert found[0].total == expected[:, 17].sum()
    assert found[0].low > 0
    chance = [
        len(enriched_codes(codes, np.random.default_rng(s).choice(300, 60, replace=False), codebook_size=30))
        for s in range(60)
    ]
    assert np.mean(np.array(chance) > 0) < 0.12  # of families without a true one, 5 % are expected


@pytest.mark.parametrize("wanted", [60, 190])
def test_known_totals_spare_a_pass_and_change_nothing(codes, wanted, monkeypatch):
    background = np.arange(40, 300)
    selection = background[np.argsort(~(codes[background] == 3).any(axis=(1, 2)), kind="stable")[:wanted]]
    for given in ({}, {"background": background}):
        found = enriched_codes(codes, selection, codebook_size=30, depleted=True, level=1, **given)
        totals = image_counts(codes, 30, given.get("background"))
        read = []
        with monkeypatch.context() as patched:
            patched.setattr(
                module,
                "contains",
                lambda chunk, size, read=read: read.append(len(chunk)) or contains(chunk, size),
            )
            again = enriched_codes(
                codes, selection, codebook_size=30, depleted=True, level=1, totals=totals, **given
            )
        assert found == again
        assert sum(read) == min(wanted, (260 if given else 300) - wanted)
    assert found[0].code == 3
    assert found[0].inside == by_hand(codes)[selection, 3].sum()


def test_sums_of_more_images_than_a_byte_counts():
    table = np.random.default_rng(2).random((1000, 5)) < [0, 0.1, 0.5, 0.999, 1]
    np.testing.assert_array_equal(column_counts(table), table.sum(axis=0))


def test_a_background_and_depleted_codes(codes):
    codes = codes.copy()
    codes[200:][codes[200:] == 9] = 8  # nobody outside the background has 9
    selection = np.arange(200, 260)
    found = enriched_codes(codes, selection, codebook_size=30, background=np.arange(100, 300), depleted=True)
    assert [code.code for code in found if code.log2_odds < 0] == [9]
    inside = by_hand(codes)
    (nine,) = [code for code in found if code.code == 9]
    assert nine.total == inside[100:300, 9].sum()
    assert len(enriched_codes(codes, selection, codebook_size=30, depleted=True, limit=1)) == 1


def test_selections_that_leave_nothing_to_compare(codes):
    assert enriched_codes(codes, [], codebook_size=30) == []
    assert enriched_codes(codes, np.arange(300), codebook_size=30) == []


def test_a_code_of_every_image_is_enriched_nowhere(codes):
    codes[:, 0, 0] = 4
    found = enriched_codes(codes, np.arange(60), codebook_size=30, level=1, depleted=True)
    assert 4 not in [code.code for code in found]


@pytest.mark.parametrize(
    "given",
    [
        {"rows": [1, 1]},
        {"rows": [300]},
        {"rows": [-1]},
        {"rows": [0.5]},
        {"rows": [1], "level": 0},
        {"rows": [1], "background": [2], "totals": np.ones(30)},
    ],
)
def test_what_is_refused(codes, given):
    with pytest.raises(SettingError):
        enriched_codes(codes, **given, codebook_size=30)
    with pytest.raises(SettingError, match="cannot have more"):
        enrichment([5], [4], [9], [20])
