import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.data.sampler import BalancedSampler

COUNTS = st.lists(st.integers(0, 60), min_size=1, max_size=5)


@given(COUNTS, st.floats(0, 1), st.integers(0, 2**31), st.integers(0, 1000))
def test_an_epoch_has_as_many_draws_as_images_and_is_even(
    counts: list[int], balance: float, seed: int, epoch: int
) -> None:
    sampler = BalancedSampler(counts, balance=balance, seed=seed)
    order = sampler.order(epoch)
    assert len(order) == len(sampler) == sum(counts)
    assert np.array_equal(order, BalancedSampler(counts, balance=balance, seed=seed).order(epoch))
    seen = np.bincount(order, minlength=sum(counts)) if len(order) else np.zeros(0, int)
    bounds = np.cumsum([0, *counts])
    for n, low, high, draws in zip(counts, bounds, bounds[1:], sampler.draws, strict=False):
        part = seen[low:high]
        assert part.sum() == draws
        if n:
            assert part.max() - part.min() <= 1


def test_balance_0_shows_every_image_once() -> None:
    order = BalancedSampler([5, 100, 3], balance=0, seed=1).order(0)
    assert sorted(order) == list(range(108))


def test_shares_follow_the_exponent() -> None:
    counts = [100, 900]
    assert BalancedSampler(counts, balance=1, seed=0).draws.tolist() == [500, 500]
    assert BalancedSampler(counts, balance=0.5, seed=0).draws.tolist() == [250, 750]  # sqrt: 10 to 30


def test_epochs_differ_and_can_be_set() -> None:
    sampler = BalancedSampler([50], balance=0.5, seed=3)
    first, second = list(sampler), list(sampler)
    assert first != second
    sampler.set_epoch(0)
    assert list(sampler) == first
    assert list(BalancedSampler([50], balance=0.5, seed=4)) != first


@pytest.mark.parametrize("balance", [-0.1, 1.1, float("nan")])
def test_balance_out_of_range_is_refused(balance: float) -> None:
    with pytest.raises(ValueError, match="balance"):
        BalancedSampler([1], balance=balance, seed=0)
