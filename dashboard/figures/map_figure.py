"""A map of two dimensions: axes that hold all points and ellipses, and a trace of either for each data set.

The traces say what a data set looks like and which rows of the index it has; coordinates come to the browser as one
array, and assets/map_cloud.js draws them. Plotly draws the axes, and all of it where a picture is saved.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from dashboard.answers import Dataset, Ellipse, MapInfo, Points
from dashboard.figures.map_points import CROWD, blocks, ellipse_outlines, rows_of, trace_extent
from dashboard.palette import Mark, mark, rgba

SELECTION = "#0e8aa0"
"""Colour of a polygon that is being drawn; that of assets/map_select.js once it is."""
_GREY = "rgba(128,140,152,0.9)"


def map_figure(
    datasets: Sequence[Dataset], info: MapInfo, points: Points, ellipses: Sequence[Ellipse]
) -> go.Figure:
    """The map of these data sets, the most numerous first: it is drawn first, so that small ones stay visible."""
    figure = go.Figure(layout=map_layout(info, points, ellipses))
    clouds = points_traces(datasets, points)
    looks = {d.name: mark(d.index) for d in datasets}
    figure.add_traces(clouds + [_ellipse_trace(cloud.name, looks[cloud.name]) for cloud in clouds])
    figure.add_trace(ends(figure.layout))
    return figure


def points_traces(datasets: Sequence[Dataset], points: Points) -> list[go.Scatter]:
    """What the points of each data set look like and which rows they are, the most numerous data set first."""
    rows = {d.name: rows_of(points, d.name) for d in datasets}
    crowd = sum(map(len, rows.values())) > CROWD
    by_size = sorted(datasets, key=lambda d: -len(rows[d.name]))
    return [_points_trace(d, points, rows[d.name], mark(d.index), crowd=crowd) for d in by_size]


def ends(layout: go.Layout) -> go.Scatter:
    """Two points that are not seen, at the ends of the axes: without any Plotly shows less when the plot shrinks."""
    return go.Scatter(
        x=layout.xaxis.range,
        y=layout.yaxis.range,
        meta={"role": "ends"},
        mode="markers",
        opacity=0,
        hoverinfo="skip",
    )


def _points_trace(
    dataset: Dataset, points: Points, rows: NDArray[np.int64], look: Mark, *, crowd: bool
) -> go.Scatter:
    opacity = 0.45 if crowd else 0.7
    return go.Scatter(
        x=[],
        y=[],
        name=dataset.name,
        meta={
            "role": "points",
            "dataset": dataset.name,
            "extent": trace_extent(points, rows),
            "runs": blocks(points, rows),
            "look": {"color": look.colour, "opacity": opacity},
        },
        mode="markers",
        marker={"color": look.colour, "symbol": look.symbol, "size": 4 if crowd else 6, "line": {"width": 0}},
        opacity=opacity,
    )


def _ellipse_trace(name: str, look: Mark) -> go.Scatter:
    return go.Scatter(
        x=[],
        y=[],
        name=name,
        meta={"role": "ellipse", "dataset": name},
        mode="lines",
        line={"color": look.colour, "width": 2.5},
        fill="toself",
        fillcolor=rgba(look.colour, 0.06),
    )


def _extent(values: NDArray[Any], outlines: Sequence[float | None]) -> list[float]:
    """From the smallest to the largest finite coordinate, and 4 % more on either side."""
    finite = np.concatenate([values[np.isfinite(values)], np.asarray(outlines, np.float64)])
    if not finite.size:
        return [-1.0, 1.0]
    low, high = float(finite.min()), float(finite.max())
    margin = 0.04 * (high - low) or 1.0
    return [low - margin, high + margin]


def map_layout(
    info: MapInfo,
    points: Points,
    ellipses: Sequence[Ellipse],
    more: Sequence[tuple[float, float]] = (),
) -> dict[str, Any]:
    """Axes that hold all points and ellipses, and `more` places."""
    outlines = ellipse_outlines(ellipses).values()
    # Fixed from the start: a data set stays where it is, whichever others are switched on.
    x_range = _extent(points.x, [x for outline in outlines for x in outline["x"]] + [x for x, _ in more])
    y_range = _extent(points.y, [y for outline in outlines for y in outline["y"]] + [y for _, y in more])
    axis: dict[str, Any] = {
        "zeroline": False,
        "showline": False,
        "ticks": "",
        "gridcolor": "rgba(128,140,152,0.18)",
        "nticks": 9,
    }
    return {
        "template": None,
        "meta": {"map": info.name, "dimensions": 2},
        "showlegend": False,
        "hovermode": False,  # Plotly has no points to look for: assets/map_pick.js has
        "dragmode": "pan",
        "uirevision": info.name,  # zoom and pan survive whatever is switched, but another map
        "newshape": {"line": {"color": SELECTION, "width": 2}, "fillcolor": rgba(SELECTION, 0.08)},
        "margin": {"l": 62, "r": 14, "t": 12, "b": 46},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": "system-ui, sans-serif", "size": 12, "color": _GREY},
        "xaxis": axis | {"title": {"text": info.axis_labels[0], "standoff": 8}, "range": x_range},
        # One unit is equally long on both axes: angles and axes of an ellipse are seen as they are.
        "yaxis": axis
        | {
            "title": {"text": info.axis_labels[1], "standoff": 4},
            "range": y_range,
            "scaleanchor": "x",
            "scaleratio": 1,
        },
    }
