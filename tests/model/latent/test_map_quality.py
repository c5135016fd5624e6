"""Rank-based figures against scikit-learn and against their definitions, spelt out."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.decomposition import PCA
from sklearn.manifold import trustworthiness

from model.latent import map_quality
from model.latent.errors import SettingError
from model.latent.map_quality import Nearest, neighbour_ranks, neighbourhoods
from model.latent.sampling import draw


def clouds(n: int, d: int = 20, seed: int = 0) -> np.ndarray:
    """Five clusters, as an index has them."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(scale=3, size=(5, d))
    return (centres[rng.integers(5, size=n)] + rng.normal(size=(n, d))).astype(np.float32)


def projected(embeddings: np.ndarray) -> np.ndarray:
    return PCA(2, svd_solver="full").fit_transform(embeddings.astype(np.float64)).astype(np.float32)


@pytest.mark.parametrize("k", [1, 5, 15, 99])
@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
@pytest.mark.parametrize(("points", "queries"), [(4096, 512), (70, 30), (7, 200)])
def test_equal_to_scikit_learn(k, metric, points, queries, monkeypatch):
    monkeypatch.setattr(map_quality, "_POINTS", points)
    monkeypatch.setattr(map_quality, "_QUERIES", queries)
    embeddings = clouds(200) + np.float32(100 if metric == "euclidean" else 0)
    coordinates = projected(embeddings)
    found = neighbourhoods(embeddings, coordinates, k=k, metric=metric)
    doubles = embeddings.astype(np.float64), coordinates.astype(np.float64)
    theirs = trustworthiness(*doubles, n_neighbors=k, metric=metric)
    assert found.trustworthiness.value == pytest.approx(theirs, abs=1e-12)
    if metric == "euclidean":  # of a map it always is
        theirs = trustworthiness(*reversed(doubles), n_neighbors=k)
        assert found.continuity.value == pytest.approx(theirs, abs=1e-12)
    assert (found.n_used, found.exact, found.trustworthiness.interval) == (200, True, None)


def test_continuity_is_trustworthiness_with_the_spaces_exchanged():
    rng = np.random.default_rng(1)
    one, other = (rng.normal(size=(150, 3)).astype(np.float32) for _ in range(2))
    there, back = neighbourhoods(one, other), neighbourhoods(other, one)
    assert there.continuity.value == pytest.approx(back.trustworthiness.value, abs=1e-12)
    assert there.trustworthiness.value == pytest.approx(back.continuity.value, abs=1e-12)
    assert there.preservation.value == pytest.approx(back.preservation.value, abs=1e-12)


def test_the_map_itself_is_perfect():
    points = clouds(300, d=2)
    found = neighbourhoods(points, points, k=10)
    for figure in (found.trustworthiness, found.continuity, found.preservation):
        assert figure.value == 1


@settings(max_examples=15)
@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from([0.25, 1, 8]),
    st.booleans(),
    st.tuples(*[st.integers(-64, 64)] * 2),
)
def test_moving_turning_mirroring_and_scaling_the_map_changes_nothing(seed, scale, mirrored, shift):
    rng = np.random.default_rng(seed)
    embeddings = rng.normal(size=(60, 6)).astype(np.float32)
    # Integers, and factors that are powers of two, so that float32 holds the moved map exactly.
    coordinates = rng.integers(-200, 200, (60, 2)).astype(np.float32)
    moved = (coordinates[:, ::-1] * [1, -1 if mirrored else 1] * scale + shift).astype(np.float32)
    here, there = (neighbourhoods(embeddings, one, k=7) for one in (coordinates, moved))
    assert there.continuity.value == pytest.approx(here.continuity.value, abs=1e-12)
    # Which of equally near neighbours on the map are taken is free; there are few on so wide a grid.
    assert there.trustworthiness.value == pytest.approx(here.trustworthiness.value, abs=5e-3)


def test_any_turn_changes_nothing_but_rounding():
    embeddings = clouds(400)
    coordinates = projected(embeddings)
    angle = 0.7
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    here, there = (
        neighbourhoods(embeddings, one) for one in (coordinates, (coordinates @ turn + 3).astype(np.float32))
    )
    for name in ("trustworthiness", "continuity", "preservation"):
        assert getattr(there, name).value == pytest.approx(getattr(here, name).value, abs=2e-4)


def test_a_shuffled_map_comes_out_at_chance():
    embeddings = clouds(1000)
    coordinates = np.random.default_rng(5).permutation(projected(embeddings))
    found = neighbourhoods(embeddings, coordinates, k=20)
    for figure in (found.trustworthiness, found.continuity, found.preservation):
        assert figure.value == pytest.approx(figure.chance, abs=0.01)
    assert found.trustworthiness.chance == pytest.approx(0.5, abs=0.02)
    assert found.preservation.chance == 20 / 999


@pytest.mark.parametrize("queries", [2, 512])
@pytest.mark.parametrize("points", [3, 7, 4096])
def test_ranks_are_those_of_a_full_sort(points, queries, monkeypatch):
    monkeypatch.setattr(map_quality, "_POINTS", points)
    monkeypatch.setattr(map_quality, "_QUERIES", queries)
    vectors = clouds(80, d=4).astype(np.float64)
    rows = np.array([0, 3, 40, 41, 79])
    order = np.argsort(np.linalg.norm(vectors[rows, None] - vectors, axis=2), axis=1)
    near = Nearest.none(5, 6)
    found = neighbour_ranks(vectors, rows, order[:, [1, 2, 30, 79]], metric="euclidean", nearest=near)
    np.testing.assert_array_equal(found, np.tile([1, 2, 30, 79], (5, 1)))
    np.testing.assert_array_equal(np.sort(near.rows), np.sort(order[:, 1:7]))


def test_copies_of_an_image_do_no_harm():
    distinct = clouds(100, d=8)
    embeddings = np.repeat(distinct, 5, axis=0)[np.random.default_rng(2).permutation(500)]
    coordinates = embeddings[:, :2].copy()
    found = neighbourhoods(embeddings, coordinates, k=4)  # the four copies
    assert (found.trustworthiness.value, found.preservation.value, found.continuity.value) == (1, 1, 1)
    constant = np.zeros((500, 2), np.float32)
    collapsed = neighbourhoods(embeddings, constant, k=4)
    assert collapsed.trustworthiness.value < 0.7
    assert collapsed.preservation.value < 0.1


def test_a_sample_estimates_the_figures_of_all():
    """Not those of the thinned index, whose neighbourhoods are wider."""
    embeddings = clouds(1200, seed=3)
    coordinates = projected(embeddings)
    whole = neighbourhoods(embeddings, coordinates)
    inside = dict.fromkeys(("trustworthiness", "continuity", "preservation"), 0)
    for seed in range(40):
        sample = draw([400, 600, 200], 120, seed=seed)
        found = neighbourhoods(embeddings, coordinates, sample=sample)
        assert (found.n, found.n_used, found.exact) == (1200, 120, False)
        for name in inside:
            low, high = getattr(found, name).interval
            assert high - low < 0.1
            inside[name] += low <= getattr(whole, name).value <= high
    assert min(inside.values()) >= 33  # of 40 at a nominal 95 %: fewer by chance once in 500 times


@pytest.mark.parametrize(
    ("n", "k", "words"),
    [
        (20, 10, "choose k from 1 to 9"),
        (30, 15, "more than 30 images"),
        (2, 1, "too small"),
        (50, 0, "at least 1"),
    ],
)
def test_too_few_images_for_a_neighbourhood(n, k, words):
    points = clouds(n, d=3)
    with pytest.raises(SettingError, match=words):
        neighbourhoods(points, points, k=k)


def test_what_does_not_fit_is_refused():
    points = clouds(50, d=3)
    with pytest.raises(SettingError, match="do not fit"):
        neighbourhoods(points, points[:49], k=3)
    spoilt = points.copy()
    spoilt[7, 1] = np.nan
    with pytest.raises(SettingError, match="not finite"):
        neighbourhoods(points, spoilt, k=3)
    with pytest.raises(SettingError, match="not finite"):
        neighbourhoods(spoilt, points, k=3)


def test_progress_is_told_and_can_end_the_work():
    points = clouds(50, d=3)
    told = []
    neighbourhoods(points, points, k=3, progress=lambda *step: told.append(step))
    assert told[-1] == ("neighbourhoods", 50, 50)

    def cancel(*step):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        neighbourhoods(points, points, k=3, progress=cancel)
