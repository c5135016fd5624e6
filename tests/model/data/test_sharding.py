import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.data.sampler import BalancedSampler
from model.data.sharding import RankBatches
from model.errors import VQScopeError


def deal(sampler, batch_size, ranks):
    return [RankBatches(sampler, batch_size, rank=rank, ranks=ranks) for rank in range(ranks)]


@given(n=st.integers(4, 200), batch_size=st.integers(1, 20), ranks=st.integers(1, 4))
def test_nothing_is_lost_or_shown_twice_and_steps_keep_time(n, batch_size, ranks):
    dealt = deal(range(n), batch_size, ranks)
    batches = [list(one) for one in dealt]
    assert len({len(one) for one in batches}) == 1
    assert [len(one) for one in dealt] == [len(one) for one in batches]
    assert sorted(i for one in batches for batch in one for i in batch) == list(range(n))
    assert all(1 <= len(batch) <= batch_size + 1 for one in batches for batch in one)
    assert all(len(batch) == batch_size for one in batches for batch in one[:-1])


@given(n=st.integers(1, 100), batch_size=st.integers(1, 20))
def test_alone_they_are_ordinary_batches(n, batch_size):
    (alone,) = deal(range(n), batch_size, 1)
    assert list(alone) == [list(range(n))[i : i + batch_size] for i in range(0, n, batch_size)]


def test_a_step_sees_the_same_images_on_any_number_of_ranks():
    counts = [39, 9]

    def steps(ranks, epoch):
        sampler = BalancedSampler(counts, balance=0.5, seed=3)
        parts = []
        for rank in deal(sampler, 12 // ranks, ranks):
            rank.sampler.set_epoch(epoch)  # as Lightning does
            parts.append(list(rank))
        return [sorted(i for batch in step for i in batch) for step in zip(*parts, strict=True)]

    assert steps(1, 5) == steps(2, 5) == steps(3, 5)
    assert steps(2, 5) != steps(2, 6)


def test_fewer_images_than_processes_are_refused():
    with pytest.raises(VQScopeError, match=r"lower --trainer\.devices"):
        RankBatches(range(2), 8, rank=0, ranks=3)
