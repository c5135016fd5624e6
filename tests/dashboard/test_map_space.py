import json
from dataclasses import replace

import numpy as np
import pytest

from dashboard.answers import Ellipse
from dashboard.figures import map_space
from dashboard.figures.map_points import ellipse_outlines, pack_identity, runs, subsample
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


def _unpack(number):
    rest = number // 2**31
    return number % 2**31, rest % 3, rest // 3


def test_identity_survives_packing():
    position = np.array([0, 17, 2**31 - 1])
    split = np.array([0, 2, 1])
    place = np.array([0, 1, 2**20])
    packed = pack_identity(position, split, place)
    assert [_unpack(int(p)) for p in packed] == list(zip(position, split, place, strict=True))


def test_more_labels_than_can_be_told_apart_are_refused():
    with pytest.raises(ValueError, match="labels"):
        pack_identity(np.array([0]), np.array([0]), np.array([2**21]))


@pytest.mark.parametrize("classes", [14, 20, 31])
def test_labels_may_be_masks_of_many_classes(datasets, space, solid, classes):
    masks = np.array([-1, 0, 1, 1 << (classes - 1), (1 << classes) - 1], np.int32)
    solid = replace(solid, label=np.resize(masks, len(solid.x)))
    for trace in _traces(space_figure(datasets, space, solid, [], MapView()), "points"):
        rows = np.flatnonzero(solid.dataset == solid.names.index(trace.name))
        found = [_unpack(int(p)) for p in trace.customdata]
        labels = [trace.meta["labels"][place] for _, _, place in found]
        assert labels == solid.label[rows].tolist()
        assert [split for _, split, _ in found] == solid.split[rows].tolist()
        assert [position for position, _, _ in found] == solid.position[rows].tolist()


def test_numbers_travel_in_binary(datasets, space, solid):
    sent = json.loads(space_figure(datasets, space, solid, [], MapView()).to_json())
    for name in ("x", "y", "z", "customdata"):
        assert set(sent["data"][0][name]) == {"dtype", "bdata"}


def test_subsample_keeps_order_and_small_sets():
    rows = np.arange(10, 1010)
    kept = subsample(rows, 100)
    assert len(kept) == len(set(kept)) == 100
    assert set(kept) <= set(rows)
    assert (np.diff(kept) > 0).all()
    assert subsample(rows, 5000) is rows


@pytest.mark.parametrize("most", [map_space.MOST, 100])
def test_runs_name_the_rows_of_a_column_that_a_trace_shows(datasets, space, solid, monkeypatch, most):
    assert runs(np.array([], np.int64)) == []
    assert runs(np.array([3])) == [[3, 4]]
    assert runs(np.array([0, 1, 2, 7, 9, 10])) == [[0, 3], [7, 8], [9, 11]]
    monkeypatch.setattr(map_space, "MOST", most)
    for trace in _traces(space_figure(datasets, space, solid, [], MapView()), "points"):
        rows = np.concatenate([np.arange(first, end) for first, end in trace.meta["runs"]])
        np.testing.assert_array_equal(solid.x[rows], trace.x)


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
    first, second = (_traces(space_figure(datasets, space, solid, [], MapView()), "points") for _ in range(2))
    counts = {t.name: len(t.x) for t in first}
    assert counts == {"small": 5, "large": round(200 * 400 / 465), "middle": 50}
    for one, other in zip(first, second, strict=True):  # a fixed one
        np.testing.assert_array_equal(one.x, other.x)


def test_points_of_a_plane_are_refused(datasets, space, points):
    with pytest.raises(ValueError, match="third coordinate"):
        space_figure(datasets, space, points, [], MapView())


def test_what_was_refused_has_no_lines():
    assert ellipse_outlines([_ellipsoid("small", outlines=None)]) == {"small": {"x": [], "y": []}}
