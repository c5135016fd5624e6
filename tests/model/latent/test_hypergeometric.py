"""Two-sided p-values against scipy's hypergeometric distribution and Fisher's test."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from model.latent.hypergeometric import two_sided


def scipys(k, everything, of_code, n):
    tails = stats.hypergeom.sf(k - 1, everything, of_code, n), stats.hypergeom.cdf(k, everything, of_code, n)
    return np.minimum(1, 2 * np.minimum(*tails))


@st.composite
def tables(draw):
    everything = draw(st.integers(1, 400))
    of_code, n = draw(st.integers(0, everything)), draw(st.integers(0, everything))
    k = draw(st.integers(max(0, of_code + n - everything), min(of_code, n)))
    return [np.array([value]) for value in (k, everything, of_code, n)]


@given(tables())
def test_any_table_is_as_scipy_has_it(table):
    np.testing.assert_allclose(two_sided(*table), scipys(*table), rtol=1e-9)


@pytest.mark.parametrize("size", [1000, 708_000])
def test_many_tables_at_once(size):
    rng = np.random.default_rng(0)
    of_code, n = rng.integers(1, size, 500), rng.integers(1, size, 500)
    low, high = np.maximum(0, of_code + n - size), np.minimum(of_code, n)
    k = np.clip((of_code * n / size + rng.normal(size=500) * size**0.5).astype(int), low, high)
    everything = np.full(500, size)
    ours, theirs = two_sided(k, everything, of_code, n), scipys(k, everything, of_code, n)
    told = theirs > 1e-280
    np.testing.assert_allclose(ours[told], theirs[told], rtol=1e-7)
    assert (ours[~told] < 1e-250).all()


def test_a_tail_is_fishers_one_sided_test():
    theirs = stats.fisher_exact([[9, 3], [2, 14]], "greater").pvalue
    ours = two_sided(*(np.array([[v]]) for v in (9, 28, 11, 12)))
    assert ours.shape == (1, 1)
    assert ours[0, 0] == pytest.approx(2 * theirs)
