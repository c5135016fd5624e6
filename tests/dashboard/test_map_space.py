from dataclasses import replace

import numpy as np
import pytest

from dashboard.answers import Ellipse
from dashboard.figures.map_figure import map_figure
from dashboard.figures.map_points import ellipse_outlines

LINE = ((0.0, 0.0, 0.0), (1.0, 0.0, 2000.0), (0.0, 0.0, 0.0))


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


def test_the_box_holds_all_and_what_is_seen_holds_the_box_however_it_is_turned(datasets, space, solid):
    figure = map_figure(datasets, space, solid, [_ellipsoid("small")])
    box = np.array(figure.layout.meta["box"])
    corners = np.stack([solid.x, solid.y, solid.z]), np.array(LINE).T
    assert (box[:, :1] < np.minimum(*(part.min(axis=1) for part in corners))[:, None]).all()
    assert (box[:, 1:] > np.maximum(*(part.max(axis=1) for part in corners))[:, None]).all()
    for axis in (figure.layout.xaxis, figure.layout.yaxis):
        assert axis.range[1] == -axis.range[0] > np.linalg.norm(np.ptp(box, axis=1)) / 2
        assert axis.visible is False
    assert figure.layout.meta["axes"] == ["PC 1", "PC 2", "PC 3"]


def test_points_are_those_of_a_map_of_the_plane_and_ellipsoids_are_lines(
    datasets, info, points, space, solid
):
    flat, deep = (map_figure(datasets, *of, []) for of in ((info, points), (space, solid)))
    for one, other in zip(flat.data, deep.data, strict=True):
        assert one.type == other.type == "scatter"
        assert (one.name, one.meta["role"]) == (other.name, other.meta["role"])
        assert one.meta.get("runs") == other.meta.get("runs")
    fills = [{trace.fill for trace in each.data if trace.meta["role"] == "ellipse"} for each in (flat, deep)]
    assert fills == [{"toself"}, {"none"}]


def test_points_of_another_number_of_dimensions_are_refused(datasets, info, points, space, solid):
    with pytest.raises(ValueError, match="3 dimensions"):
        map_figure(datasets, space, points, [])
    with pytest.raises(ValueError, match="2 dimensions"):
        map_figure(datasets, info, solid, [])


def test_lines_of_an_ellipsoid_are_kept_apart():
    assert ellipse_outlines([_ellipsoid("small")])["small"]["z"] == [*([0.0, 2000.0, 0.0, None] * 3)[:-1]]
    assert ellipse_outlines([_ellipsoid("small", outlines=None)]) == {"small": {"x": [], "y": []}}
