from dataclasses import replace

import numpy as np
import pytest

from dashboard.answers import Ellipse
from dashboard.figures import map_space
from dashboard.figures.map_points import ellipse_outlines
from dashboard.figures.map_space import space_figure
from dashboard.palette import mark
from dashboard.state_map import MapView

LINE = ((0.0, 0.0, 0.0), (1.0, 0.0, 2.0), (0.0, 0.0, 0.0))


@pytest.fixture
def space(info):
    return replace(info, name="space", dimensions=3, axis_labels=("PC 1", "PC 2", "PC 3"))


@pytest.fixture
def solid(points):
    return replace(points, z=np.arange(len(points.x), dtype=np.float32))


def _ellipsoid(group, outlines=(LINE, LINE, LINE)):
    return Ellipse(
        group=group, n=9, outline=None, outlines=outlines, observed_coverage=0.9, level=0.95, warnings=()
    )


def _traces(figure, role):
    return [t for t in figure.data if t.meta["role"] == role]


def test_points_and_lines_of_each_data_set(datasets, space, solid):
    figure = space_figure(datasets, space, solid, [_ellipsoid("small")], MapView(on=("small", "large")))
    for trace in _traces(figure, "points"):
        rows = solid.dataset == solid.names.index(trace.name)
        for axis in "xyz":
            np.testing.assert_array_equal(trace[axis], getattr(solid, axis)[rows])
        assert trace.marker.color == mark({"small": 0, "large": 1, "middle": 2}[trace.name]).colour
        assert trace.visible == (trace.name != "middle")
    lines = {trace.name: trace for trace in _traces(figure, "ellipse")}
    assert lines["small"].z == (0.0, 2.0, 0.0, None, 0.0, 2.0, 0.0, None, 0.0, 2.0, 0.0)
    assert not lines["large"].x
    assert [t.name for t in _traces(figure, "linked")] == [t.name for t in _traces(figure, "points")]
    assert figure.layout.scene.aspectmode == "data"
    assert figure.layout.scene.zaxis.title.text == "PC 3"


def test_other_groups_leave_the_data_sets_without_lines(datasets, space, solid):
    figure = space_figure(datasets, space, solid, [_ellipsoid("small")], MapView(group="label"))
    assert all(not trace.x for trace in _traces(figure, "ellipse"))


def test_of_too_many_points_a_sample_of_each_data_set_is_drawn(datasets, space, solid, monkeypatch):
    monkeypatch.setattr(map_space, "MOST", 200)
    counts = {
        t.name: len(t.x) for t in _traces(space_figure(datasets, space, solid, [], MapView()), "points")
    }
    assert counts == {"small": 5, "large": round(200 * 400 / 465), "middle": 50}


def test_points_of_a_plane_are_refused(datasets, space, points):
    with pytest.raises(ValueError, match="third coordinate"):
        space_figure(datasets, space, points, [], MapView())


def test_what_was_refused_has_no_lines():
    assert ellipse_outlines([_ellipsoid("small", outlines=None)]) == {"small": {"x": [], "y": []}}
