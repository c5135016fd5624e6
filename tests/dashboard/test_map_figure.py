import json
from dataclasses import replace

import numpy as np
import pytest

from dashboard.answers import Ellipse
from dashboard.figures.map_figure import map_figure
from dashboard.figures.map_points import blocks, ellipse_outlines, rows_of
from dashboard.palette import mark


def _ellipse(group, outline=((0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (0.0, 0.0)), **other):
    return Ellipse(group=group, n=9, outline=outline, observed_coverage=0.9, level=0.95, warnings=(), **other)


def _traces(figure, role):
    return [t for t in figure.data if t.meta["role"] == role]


def _images(runs):
    """Row, split and position of each image of a trace, as assets/map_pick.js reads them."""
    return [
        (row, split, position + row - first)
        for first, end, split, position in runs
        for row in range(first, end)
    ]


def test_one_trace_of_points_per_data_set_the_largest_first(datasets, info, points):
    figure = map_figure(datasets, info, points, [])
    traces = _traces(figure, "points")
    assert [t.name for t in traces] == ["large", "middle", "small"]
    assert [t.name for t in _traces(figure, "ellipse")] == ["large", "middle", "small"]
    assert {t.type for t in figure.data} == {"scatter"}
    for trace in traces:
        rows = np.flatnonzero(points.dataset == points.names.index(trace.name))
        assert _images(trace.meta["runs"]) == list(
            zip(rows, points.split[rows], points.position[rows], strict=True)
        )
        look = mark({"small": 0, "large": 1, "middle": 2}[trace.name])
        assert (trace.marker.color, trace.marker.symbol) == (look.colour, look.symbol)
        assert trace.meta["look"] == {"color": look.colour, "opacity": trace.opacity}
        extent = [[v[rows].min(), v[rows].max()] for v in (points.x, points.y)]
        assert trace.meta["extent"] == extent


def test_a_crowd_is_drawn_smaller_and_fainter(datasets, info, points):
    many = replace(
        points,
        **{
            name: np.resize(getattr(points, name), 20_000)
            for name in ("x", "y", "split", "position", "label")
        },
        dataset=np.sort(np.resize(points.dataset, 20_000)),
    )
    few, crowd = (_traces(map_figure(datasets, info, p, []), "points")[0] for p in (points, many))
    assert crowd.marker.size < few.marker.size
    assert crowd.opacity < few.opacity


def test_no_coordinates_travel_with_the_figure(datasets, info, points):
    ordered = replace(points, split=np.zeros_like(points.split))
    text = map_figure(datasets, info, ordered, [_ellipse("small")]).to_json()
    *traces, ends = json.loads(text)["data"]
    assert all(not trace["x"] and not trace["y"] for trace in traces)
    layout = json.loads(text)["layout"]
    assert (ends["x"], ends["y"]) == (layout["xaxis"]["range"], layout["yaxis"]["range"])
    assert len(text) < 10_000  # its size does not depend on that of the index


def test_ellipses_are_lines_of_the_data_sets_colour(datasets, info, points):
    ellipses = [_ellipse("small"), _ellipse("large", outline=None)]
    for trace in _traces(map_figure(datasets, info, points, ellipses), "ellipse"):
        assert trace.line.color == mark({"small": 0, "large": 1, "middle": 2}[trace.name]).colour
        assert trace.mode == "lines"
    assert ellipse_outlines(ellipses) == {
        "small": {"x": [0.0, 1.0, 0.0, 0.0], "y": [0.0, 0.0, 1.0, 0.0]},
        "large": {"x": [], "y": []},
    }


def test_plotly_looks_for_no_points_and_axes_are_equal(datasets, info, points):
    layout = map_figure(datasets, info, points, []).layout
    assert layout.hovermode is False
    assert layout.uirevision
    assert (layout.yaxis.scaleanchor, layout.yaxis.scaleratio) == ("x", 1)
    assert (layout.xaxis.title.text, layout.yaxis.title.text) == info.axis_labels


def test_the_ranges_hold_everything(datasets, info, points):
    far = _ellipse("small", outline=((0.0, 0.0), (50.0, 0.0), (0.0, 7.0), (0.0, 0.0)))
    layout = map_figure(datasets, info, points, [far]).layout
    low, high = layout.xaxis.range
    assert low < points.x.min()
    assert 50 < high < 60
    assert layout.yaxis.range[1] > 7


def _points(points, split, position):
    n = len(split)
    return replace(
        points,
        x=np.zeros(n, np.float32),
        y=np.zeros(n, np.float32),
        dataset=np.zeros(n, np.int32),
        split=np.array(split, np.int8),
        position=np.array(position, np.int32),
        label=np.zeros(n, np.int32),
    )


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([], []),
        ([3], [[3, 4, 1, 0]]),
        ([0, 1, 2], [[0, 3, 0, 4]]),
        ([1, 2, 3, 4], [[1, 3, 0, 5], [3, 5, 1, 0]]),  # another split
        ([3, 4, 5, 6], [[3, 5, 1, 0], [5, 7, 1, 7]]),  # a gap in the positions
        ([0, 2, 3, 6], [[0, 1, 0, 4], [2, 3, 0, 6], [3, 4, 1, 0], [6, 7, 1, 8]]),  # gaps in the rows
    ],
)
def test_runs_say_which_images_rows_are(points, rows, expected):
    known = _points(points, [0, 0, 0, 1, 1, 1, 1], [4, 5, 6, 0, 1, 7, 8])
    assert blocks(known, np.array(rows, np.int64)) == expected


def test_positions_that_do_not_ascend_end_a_run(points):
    known = _points(points, [2, 2, 2], [1, 1, 0])
    found = blocks(known, np.arange(3))
    assert found == [[0, 1, 2, 1], [1, 2, 2, 1], [2, 3, 2, 0]]
    assert all(type(value) is int for run in found for value in run)  # as JSON takes them


def test_rows_of_a_data_set_that_the_index_has_not_are_none(points):
    assert rows_of(points, "unknown").tolist() == []
    assert blocks(points, rows_of(points, "unknown")) == []
