import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.latent.errors import SettingError
from model.latent.polygon import LARGEST, inside_polygon


def reference(points, polygon):
    """The winding of straight rays, point by point, edge by edge."""
    found = []
    for x, y in points.tolist():
        odd = False
        for (x1, y1), (x2, y2) in zip(polygon, [*polygon[1:], polygon[0]], strict=True):
            if (y1 > y) != (y2 > y) and x < x1 + (y - y1) * (x2 - x1) / (y2 - y1):
                odd = not odd
        found.append(odd)
    return np.array(found)


@settings(max_examples=100)
@given(seed=st.integers(0, 2**32 - 1), vertices=st.integers(3, 40))
def test_like_a_ray_through_every_edge(seed, vertices):
    generator = np.random.default_rng(seed)
    points = generator.standard_normal((200, 2))
    polygon = generator.standard_normal((vertices, 2))  # crosses itself, most times
    found = inside_polygon(points, polygon)
    np.testing.assert_array_equal(found, reference(points, polygon.tolist()))
    np.testing.assert_array_equal(inside_polygon(points, np.roll(polygon, 1, axis=0)), found)
    np.testing.assert_array_equal(inside_polygon(points, polygon[::-1]), found)
    np.testing.assert_array_equal(inside_polygon(4 * points, 4 * polygon), found)


def test_like_matplotlib():
    path = pytest.importorskip("matplotlib.path")
    generator = np.random.default_rng(0)
    angles = np.sort(generator.uniform(0, 2 * np.pi, 60))
    star = generator.uniform(0.3, 1, 60)[:, None] * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    points = generator.uniform(-1, 1, (5000, 2)).astype(np.float32)
    theirs = path.Path(np.vstack([star, star[:1]]), closed=True).contains_points(points)
    np.testing.assert_array_equal(inside_polygon(points, star), theirs)


def test_tiles_that_share_edges_hold_each_point_once():
    grid = np.stack(np.meshgrid(np.arange(4.0), np.arange(4.0)), axis=-1).reshape(-1, 2)
    tiles = [np.array([(i, j), (i + 1, j), (i + 1, j + 1), (i, j + 1)]) for i in range(4) for j in range(4)]
    assert (sum(inside_polygon(grid, tile).astype(int) for tile in tiles) == 1).all()


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("size", [1e-30, 1.0, LARGEST])
def test_slanted_edges_of_any_size(size):
    lower_left = size * np.array([(-1.0, -1.0), (1.0, -1.0), (-1.0, 1.0)])
    points = size * np.array([(-0.1, -0.1), (0.1, 0.1)])
    assert inside_polygon(points, lower_left).tolist() == [True, False]


def test_what_is_gone_round_twice_is_outside():
    pentagram = [(np.sin(4 * np.pi * i / 5), np.cos(4 * np.pi * i / 5)) for i in range(5)]
    assert inside_polygon(np.array([[0.0, 0.0], [0.0, 0.8]]), pentagram).tolist() == [False, True]


def test_points_that_are_nowhere_and_polygons_that_are_none():
    points = np.array([[np.nan, 0.1], [0.1, np.inf], [0.1, 0.1]])
    triangle = [(0, 0), (1, 0), (0, 1)]
    assert inside_polygon(points, triangle).tolist() == [False, False, True]
    assert inside_polygon(np.empty((0, 2)), triangle).shape == (0,)
    for polygon in (
        triangle[:2],
        [(0, 0), (1, 0), (0, np.nan)],
        [(0, 0), (1, 0), (0, 1e39)],
        [(0, 0, 0)] * 3,
    ):
        with pytest.raises(SettingError, match="polygon"):
            inside_polygon(points, polygon)
    with pytest.raises(SettingError, match="two dimensions"):
        inside_polygon(np.zeros((4, 3)), triangle)
