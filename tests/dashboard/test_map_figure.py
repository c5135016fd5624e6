import json
from dataclasses import replace

import numpy as np
import pytest

from dashboard.answers import Ellipse
from dashboard.figures.map_figure import map_figure
from dashboard.figures.map_points import ellipse_outlines, pack_identity, runs, subsample
from dashboard.palette import mark
from dashboard.state_map import MapView


def _ellipse(group, outline=((0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (0.0, 0.0)), **other):
    return Ellipse(group=group, n=9, outline=outline, observed_coverage=0.9, level=0.95, warnings=(), **other)


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
def test_labels_may_be_masks_of_many_classes(datasets, info, points, classes):
    masks = np.array([-1, 0, 1, 1 << (classes - 1), (1 << classes) - 1], np.int32)
    points = replace(points, label=np.resize(masks, len(points.x)))
    for trace in _traces(map_figure(datasets, info, points, [], MapView()), "points"):
        rows = np.flatnonzero(points.dataset == points.names.index(trace.name))
        found = [_unpack(int(p)) for p in trace.customdata]
        labels = [trace.meta["labels"][place] for _, _, place in found]
        assert labels == points.label[rows].tolist()
        assert [split for _, split, _ in found] == points.split[rows].tolist()
        assert [position for position, _, _ in found] == points.position[rows].tolist()


def _traces(figure, role):
    return [t for t in figure.data if t.meta["role"] == role]


def test_one_trace_of_points_per_data_set_the_largest_first(datasets, info, points):
    figure = map_figure(datasets, info, points, [], MapView())
    traces = _traces(figure, "points")
    assert [t.name for t in traces] == ["large", "middle", "small"]
    assert {t.type for t in traces} == {"scattergl"}
    for trace in traces:
        rows = points.dataset == points.names.index(trace.name)
        np.testing.assert_array_equal(trace.x, points.x[rows])
        np.testing.assert_array_equal(trace.y, points.y[rows])
        assert [_unpack(int(p))[:2] for p in trace.customdata] == list(
            zip(points.position[rows], points.split[rows], strict=True)
        )
        look = mark({"small": 0, "large": 1, "middle": 2}[trace.name])
        assert (trace.marker.color, trace.marker.symbol) == (look.colour, look.symbol)


def test_numbers_travel_in_binary(datasets, info, points):
    sent = json.loads(map_figure(datasets, info, points, [], MapView()).to_json())
    assert set(sent["data"][0]["x"]) == {"dtype", "bdata"}
    assert set(sent["data"][0]["customdata"]) == {"dtype", "bdata"}


def test_ellipses_and_visibility_follow_the_view(datasets, info, points):
    ellipses = [_ellipse("small"), _ellipse("large", outline=None)]
    figure = map_figure(datasets, info, points, ellipses, MapView(on=("small",)))
    outlines = {t.name: t for t in _traces(figure, "ellipse")}
    assert tuple(outlines["small"].x) == (0.0, 1.0, 0.0, 0.0)
    assert not outlines["large"].x
    assert not outlines["middle"].x
    visible = {t.name for t in figure.data if t.visible is True}
    assert visible == {"small"}
    assert ellipse_outlines(ellipses)["large"] == {"x": [], "y": []}


def test_hovering_stays_cheap_and_axes_are_equal(datasets, info, points):
    layout = map_figure(datasets, info, points, [], MapView()).layout
    assert layout.spikedistance == 0
    assert layout.uirevision
    assert (layout.yaxis.scaleanchor, layout.yaxis.scaleratio) == ("x", 1)
    assert (layout.xaxis.title.text, layout.yaxis.title.text) == info.axis_labels


def test_the_ranges_hold_everything_whatever_is_switched_on(datasets, info, points):
    far = _ellipse("small", outline=((0.0, 0.0), (50.0, 0.0), (0.0, 7.0), (0.0, 0.0)))
    layouts = [map_figure(datasets, info, points, [far], view).layout for view in (MapView(), MapView(on=()))]
    assert layouts[0].xaxis.range == layouts[1].xaxis.range
    low, high = layouts[0].xaxis.range
    assert low < points.x.min()
    assert 50 < high < 60
    assert layouts[0].yaxis.range[1] > 7


def test_without_webgl_a_fixed_sample_is_drawn_as_svg(datasets, info, points):
    figures = [map_figure(datasets, info, points, [], MapView(), svg_points=200) for _ in range(2)]
    traces = _traces(figures[0], "points")
    assert {t.type for t in figures[0].data} == {"scatter"}
    counts = {t.name: len(t.x) for t in traces}
    assert counts["small"] == 5
    assert 50 <= counts["middle"] <= 60
    assert counts["large"] == round(200 * 400 / 465)
    for first, second in zip(traces, _traces(figures[1], "points"), strict=True):
        np.testing.assert_array_equal(first.x, second.x)


def test_subsample_keeps_order_and_small_sets():
    rows = np.arange(10, 1010)
    kept = subsample(rows, 100)
    assert len(kept) == len(set(kept)) == 100
    assert set(kept) <= set(rows)
    assert (np.diff(kept) > 0).all()
    assert subsample(rows, 5000) is rows


def test_runs_name_the_rows_of_a_column_that_a_trace_shows(datasets, info, points):
    assert runs(np.array([], np.int64)) == []
    assert runs(np.array([3])) == [[3, 4]]
    assert runs(np.array([0, 1, 2, 7, 9, 10])) == [[0, 3], [7, 8], [9, 11]]
    for svg_points in (None, 100):
        for trace in _traces(
            map_figure(datasets, info, points, [], MapView(), svg_points=svg_points), "points"
        ):
            rows = np.concatenate([np.arange(first, end) for first, end in trace.meta["runs"]])
            np.testing.assert_array_equal(points.x[rows], trace.x)


def test_other_groups_than_data_sets_leave_the_data_sets_without_ellipse(datasets, info, points):
    figure = map_figure(datasets, info, points, [_ellipse("small")], MapView(group="label"))
    assert all(not trace.x for trace in _traces(figure, "ellipse"))
