import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.neighbors import NearestNeighbors

from model.latent import neighbours
from model.latent.errors import SettingError
from model.latent.neighbours import Agreement, agreement, nearest, squared_lengths

METRICS = ("cosine", "euclidean")


def make(n: int, d: int, seed: int = 0, offset: float = 0.0) -> np.ndarray:
    return (np.random.default_rng(seed).standard_normal((n, d)) + offset).astype(np.float32)


@pytest.fixture
def small_chunks(monkeypatch):
    """Chunks of 16 rows of 32 dimensions, so that little data crosses many."""
    monkeypatch.setattr(neighbours, "_CHUNK_BYTES", 16 * 32 * 4)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("offset", [0.0, 5.0])
@pytest.mark.usefixtures("small_chunks")
def test_against_scikit_learn(metric, offset):
    embeddings, queries = make(700, 32, offset=offset), make(300, 32, seed=1, offset=offset)
    theirs = NearestNeighbors(n_neighbors=12, metric=metric, algorithm="brute").fit(
        embeddings.astype(np.float64)
    )
    distances, rows = theirs.kneighbors(queries.astype(np.float64))
    ours = nearest(embeddings, queries, k=12, metric=metric)
    np.testing.assert_array_equal(ours[0], rows)
    np.testing.assert_allclose(ours[1], distances, rtol=1e-6)
    assert ours[0].dtype == np.int64
    assert ours[1].dtype == np.float32


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.usefixtures("small_chunks")
def test_ties_come_in_order_of_the_rows(metric):
    embeddings = np.tile(make(5, 32), (40, 1))  # each vector 40 times, across all chunks
    rows, distances = nearest(embeddings, embeddings[:5], k=40, metric=metric)
    np.testing.assert_array_equal(rows, np.arange(5)[:, None] + 5 * np.arange(40))
    np.testing.assert_allclose(distances, 0, atol=1e-7)


@pytest.mark.parametrize("metric", METRICS)
def test_the_answer_does_not_depend_on_chunks_or_on_other_queries(metric, monkeypatch):
    embeddings, queries = make(500, 24, offset=3), make(20, 24, seed=2, offset=3)
    whole = nearest(embeddings, queries, k=7, metric=metric)
    monkeypatch.setattr(neighbours, "_CHUNK_BYTES", 100 * 37)
    monkeypatch.setattr(neighbours, "_QUERIES", 3)
    chunked = nearest(embeddings, queries, k=7, metric=metric)
    single = nearest(embeddings, queries[4:5], k=7, metric=metric)
    for i in range(2):
        np.testing.assert_array_equal(whole[i], chunked[i])
        np.testing.assert_array_equal(whole[i][4:5], single[i])


@given(
    st.integers(1, 40),
    st.integers(1, 6),
    st.integers(1, 50),
    st.sampled_from(METRICS),
    st.integers(0, 2**32 - 1),
)
@settings(max_examples=150)
def test_small_cases_against_a_sort(n, d, k, metric, seed):
    rng = np.random.default_rng(seed)
    embeddings = rng.integers(-1, 2, (n, d)).astype(np.float32)  # many ties and zero vectors
    queries = rng.integers(-1, 2, (3, d)).astype(np.float32)
    rows, distances = nearest(embeddings, queries, k=k, metric=metric)
    for q in range(3):
        expected = reference(embeddings, queries[q], metric).astype(np.float32)
        order = np.lexsort((np.arange(n), np.round(expected, 6)))[:k]
        np.testing.assert_allclose(distances[q], expected[order], atol=1e-6)
        np.testing.assert_allclose(expected[rows[q]], distances[q], atol=1e-6)
        assert len(set(rows[q])) == min(k, n)


def reference(embeddings: np.ndarray, query: np.ndarray, metric: str) -> np.ndarray:
    if metric == "euclidean":
        return np.linalg.norm(embeddings.astype(np.float64) - query, axis=1)
    lengths = np.linalg.norm(embeddings, axis=1).astype(np.float64) * np.linalg.norm(query)
    return 1 - np.divide(embeddings @ query, lengths, out=np.zeros(len(embeddings)), where=lengths > 0)


@pytest.mark.parametrize("metric", METRICS)
def test_a_row_can_be_left_out(metric):
    embeddings = make(50, 8)
    rows, _ = nearest(embeddings, embeddings, k=50, metric=metric, exclude=np.arange(50))
    assert rows.shape == (50, 49)
    assert all(i not in row for i, row in enumerate(rows))
    rows, _ = nearest(embeddings, embeddings[:2], k=1, metric=metric, exclude=[-1, 1])
    assert rows[0, 0] == 0
    assert rows[1, 0] != 1


def test_k_larger_than_n_gives_all():
    embeddings = make(4, 3)
    rows, distances = nearest(embeddings, embeddings[:1], k=10)
    assert sorted(rows[0]) == [0, 1, 2, 3]
    assert np.isfinite(distances).all()
    assert nearest(embeddings[:1], embeddings[:1], k=3, exclude=[0])[0].shape == (1, 0)


def test_zero_vectors_are_at_distance_one():
    embeddings = np.array([[0, 0], [1, 0], [-1, 0]], dtype=np.float32)
    rows, distances = nearest(embeddings, embeddings, k=3)
    np.testing.assert_array_equal(rows, [[0, 1, 2], [1, 0, 2], [2, 0, 1]])
    np.testing.assert_allclose(distances, [[1, 1, 1], [0, 1, 2], [0, 1, 2]])


def test_a_mapped_array_is_not_copied_whole(tmp_path):
    import tracemalloc

    path = tmp_path / "embeddings.npy"
    np.save(path, make(60_000, 128))  # 31 MB
    mapped = np.load(path, mmap_mode="r")
    query = np.array(mapped[41_234:41_235])
    tracemalloc.start()
    rows, _ = nearest(mapped, query, k=5)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert rows[0, 0] == 41_234
    assert peak < 8e6


@pytest.mark.parametrize(
    "wrong",
    [
        {"k": 0},
        {"metric": "manhattan"},
        {"exclude": [9]},
        {"exclude": [-2]},
        {"exclude": [0, 1]},
        {"exclude": [0.5]},
    ],
)
def test_settings_out_of_range(wrong):
    with pytest.raises(SettingError):
        nearest(make(9, 4), make(1, 4), **({"k": 1} | wrong))


def test_queries_that_do_not_fit():
    with pytest.raises(SettingError, match="do not fit"):
        nearest(make(9, 4), make(1, 5), k=1)
    with pytest.raises(SettingError, match="not finite"):
        nearest(make(9, 4), np.full((1, 4), np.nan), k=1)


def test_agreement_beside_chance():
    assert agreement([True, False, True, False], alike=3, n=9) == Agreement(4, 2, 0.5, 2 / 8)
    assert agreement([], alike=3, n=9) == Agreement(0, 0, 0.0, 2 / 8)
    assert agreement([], alike=1, n=1) == Agreement(0, 0, 0.0, 0.0)
    for shared, alike in (([False], 0), ([True, True], 2), ([False], 10), ([False] * 9, 1)):
        with pytest.raises(SettingError, match="alike"):
            agreement(shared, alike=alike, n=9)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.usefixtures("small_chunks")
def test_known_lengths_change_nothing(metric):
    embeddings, queries = make(300, 32, offset=2), make(5, 32, seed=3)
    squares = squared_lengths(embeddings)
    np.testing.assert_allclose(squares, (embeddings.astype(np.float64) ** 2).sum(axis=1), rtol=1e-5)
    for ours, theirs in zip(
        nearest(embeddings, queries, k=9, metric=metric, squares=squares),
        nearest(embeddings, queries, k=9, metric=metric),
        strict=True,
    ):
        np.testing.assert_array_equal(ours, theirs)
    with pytest.raises(SettingError, match="do not fit"):
        nearest(embeddings, queries, k=9, metric=metric, squares=squares[:-1])
