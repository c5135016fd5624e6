import numpy as np
import pytest

from model.latent.evolving import frame_of, turned_towards


def rotation(angle):
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


@pytest.fixture
def embeddings():
    rng = np.random.default_rng(0)
    return (rng.normal(size=(200, 12)) * np.linspace(4, 0.5, 12)).astype(np.float32)


@pytest.mark.parametrize("mirrored", [False, True])
def test_a_turn_is_found_and_undone(mirrored):
    reference = np.random.default_rng(1).normal(size=(50, 2))
    reference -= reference.mean(axis=0)
    points = reference @ rotation(2.1) * ([1, -1] if mirrored else [1, 1])
    np.testing.assert_allclose(turned_towards(points, reference), reference, atol=1e-12)


def test_no_other_turn_comes_nearer():
    rng = np.random.default_rng(2)
    points, reference = rng.normal(size=(2, 40, 2))

    def distance(turned):
        return np.square(turned - reference).sum()

    least = distance(turned_towards(points, reference))
    for angle in np.linspace(0, 2 * np.pi, 90):
        for mirror in ([1, 1], [1, -1]):
            assert least <= distance(points @ rotation(angle) * mirror) + 1e-9


def test_a_network_whose_channels_are_mixed_differently_gives_the_same_frame(embeddings):
    """What a rotation of the feature space does to the map is nothing."""
    mix, _ = np.linalg.qr(np.random.default_rng(3).normal(size=(12, 12)))
    first = frame_of(embeddings, None)
    second = frame_of((embeddings @ mix).astype(np.float32), first.points)
    np.testing.assert_allclose(second.points, first.points, atol=1e-3)
    np.testing.assert_allclose(second.explained_variance_ratio, first.explained_variance_ratio, rtol=1e-5)


def test_turning_changes_no_distance_within_a_frame(embeddings):
    other = embeddings[:, ::-1] * np.linspace(1, 2, 12, dtype=np.float32)
    alone, turned = frame_of(other, None), frame_of(other, frame_of(embeddings, None).points)

    def distances(points):
        return np.linalg.norm(points[:, None] - points[None], axis=-1)

    assert not np.allclose(alone.points, turned.points, atol=0.1)
    np.testing.assert_allclose(distances(alone.points), distances(turned.points), atol=1e-3)
    np.testing.assert_allclose(turned.points.mean(axis=0), 0, atol=1e-4)


def test_the_extent_is_the_largest_coordinate(embeddings):
    frame = frame_of(embeddings, None)
    assert frame.extent == pytest.approx(np.abs(frame.points).max())


def test_images_without_any_difference_lie_in_one_place():
    frame = frame_of(np.ones((5, 3), np.float32), np.zeros((5, 2), np.float32))
    np.testing.assert_array_equal(frame.points, 0)
    assert frame.explained_variance_ratio == (0, 0)


def test_other_images_are_refused(embeddings):
    with pytest.raises(ValueError, match=r"\(200, 2\) towards a reference \(7, 2\)"):
        frame_of(embeddings, np.zeros((7, 2), np.float32))
