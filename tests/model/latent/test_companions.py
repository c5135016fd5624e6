"""Codes that share images: counted directly, and judged within data sets."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy.stats import false_discovery_control

from model.latent.codebook import codebook_use, rows_containing
from model.latent.companions import companions
from model.latent.enrichment import enrichment
from model.latent.manifest import Block
from model.latent.stratified import common_odds, independence

pytestmark = pytest.mark.integration


def strata(index, there, code, others):
    """What is counted, image by image: (D, K), (D,), (D, K), (D,)."""
    names = np.array(index.images["dataset"].to_pylist())
    parts = [there[names == name] for name in dict.fromkeys(names.tolist())]
    both = np.array([(part[:, [code]] & part[:, others]).sum(0) for part in parts])
    return (
        both,
        np.array([part[:, code].sum() for part in parts]),
        np.array([part[:, others].sum(0) for part in parts]),
        np.array([len(part) for part in parts]),
    )


def test_codes_that_go_together(index, use, there):
    code = int(use.images.argmax())
    others = np.delete(np.arange(64), code)
    both, one, other, n = strata(index, there, code, others)
    found = companions(index, use, code, rows_containing(index, code), limit=64)
    assert [c.images for c in found] == sorted((count for count in both.sum(0) if count), reverse=True)
    told, low, high = common_odds(both, one, other, n)
    p = independence(both, one, other, n)
    tested = np.isfinite(told)
    q = np.ones(63)
    q[tested] = false_discovery_control(p[tested])
    place = {int(number): k for k, number in enumerate(others)}
    assert code not in [c.code for c in found]
    assert len(found) > 5
    for c in found:
        k = place[c.code]
        assert c.images == both[:, k].sum()
        assert c.lift == pytest.approx(c.images / (one * other[:, k] / n).sum())
        assert c.q == pytest.approx(q[k])
        if tested[k]:
            assert (c.log2_odds, *c.interval) == pytest.approx((told[k], low[k], high[k]))
    assert companions(index, use, code, rows_containing(index, code), limit=5) == found[:5]


def _index(codes, blocks):
    return SimpleNamespace(
        codes=codes,
        manifest={"model": {"codebook_size": 3}},
        blocks=blocks,
        datasets=tuple({"name": block.dataset, "multi_label": False} for block in blocks),
        images={"label": np.zeros(len(codes), np.int32)},
    )


def _of(index, code):
    index.images = {"label": SimpleNamespace(to_numpy=lambda: np.zeros(len(index.codes), np.int32))}
    use = codebook_use(index)
    return companions(index, use, code, rows_containing(index, code))


def test_codes_of_one_data_set_are_not_companions_for_that():
    """Both are common in one data set and rare in the other, and independent within each."""
    rng = np.random.default_rng(0)
    rates = np.repeat([[0.7, 0.6], [0.03, 0.05]], 4000, axis=0)
    has = rng.random((8000, 2)) < rates
    codes = np.where(has, [0, 1], 2)[:, None].astype(np.uint8)
    index = _index(codes, (Block("one", "train", 0, 4000), Block("two", "train", 4000, 4000)))
    found = next(c for c in _of(index, 0) if c.code == 1)
    assert found.lift == pytest.approx(1, abs=0.03)
    low, high = found.interval
    assert low < 0 < high
    assert found.q > 0.05
    crude = enrichment((has[:, 0] & has[:, 1]).sum(), has[:, 0].sum(), has[:, 1].sum(), 8000)
    assert float(crude.low) > 2  # of all images together the odds are more than four times as high


def test_a_code_of_every_image_is_no_companion_of_any_more_than_another():
    index = _index(np.array([[[0, 1]], [[0, 1]], [[0, 2]]]), (Block("one", "train", 0, 3),))
    assert [(c.code, c.images, c.lift, c.log2_odds, c.interval, c.q) for c in _of(index, 0)] == [
        (1, 2, 1.0, None, None, 1.0),
        (2, 1, 1.0, None, None, 1.0),
    ]
