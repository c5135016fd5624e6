"""Rarity of codes against the formula, one image and one cell at a time."""

import numpy as np
import pytest

from model.latent import code_rarity
from model.latent.code_rarity import CodeRarity


@pytest.fixture
def codes():
    rng = np.random.default_rng(0)
    return rng.choice(8, size=(40, 2, 3), p=rng.dirichlet(np.ones(8))).astype(np.uint8)


def test_each_cell_has_its_own_frequencies(codes):
    fitted = CodeRarity.fit([codes[:15], codes[15:]], cells=6, codebook_size=8, smoothing=4.0)
    counts = np.array([(codes == c).sum() for c in range(8)]) + 0.5
    everywhere = counts / counts.sum()
    new = np.array([[[0, 7, 3], [1, 1, 2]]])
    expected = []
    for row in range(2):
        for column in range(3):
            c = new[0, row, column]
            seen = (codes[:, row, column] == c).sum()
            expected.append(-np.log((seen + 4 * everywhere[c]) / (40 + 4)))
    np.testing.assert_allclose(fitted.score(new), [np.mean(expected)])


def test_probabilities_of_a_cell_add_up(codes):
    fitted = CodeRarity.fit([codes], cells=6, codebook_size=8)
    total = np.zeros(6)
    for c in range(8):
        for cell in range(6):
            one = np.zeros((2, 6), np.int64)
            one[1, cell] = c
            rarity = fitted.score(one.reshape(2, 2, 3)) * 6
            zero = fitted.score(np.zeros((1, 2, 3), np.int64))[0] * 6
            # Differences of sums leave the cell's own surprise, but for that of code 0.
            total[cell] += np.exp(-(rarity[1] - zero))
    shares = [np.exp(0) / t for t in total]
    zero_share = np.exp(-fitted.score(np.zeros((1, 2, 3), np.int64))[0] * 6)
    np.testing.assert_allclose(np.prod(shares), zero_share)


def test_a_table_too_large_by_cell_is_kept_over_all_cells(codes, monkeypatch):
    monkeypatch.setattr(code_rarity, "MAX_TABLE", 47)
    fitted = CodeRarity.fit([codes], cells=6, codebook_size=8, smoothing=1e-9)
    assert fitted.counts.shape == (1, 8)
    shares = np.bincount(codes.ravel(), minlength=8) / codes.size
    np.testing.assert_allclose(fitted.score(codes[:5]), -np.log(shares[codes[:5]]).mean(axis=(1, 2)))


def test_an_unseen_code_is_rare_but_possible():
    seen = np.zeros((30, 1, 1), np.uint8)
    fitted = CodeRarity.fit([seen], cells=1, codebook_size=4)
    rarity = fitted.score(np.arange(4).reshape(4, 1, 1))
    assert np.isfinite(rarity).all()
    assert (rarity[1:] > rarity[0] + 1).all()
