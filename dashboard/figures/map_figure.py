"""A map: axes that hold all points and ellipses, and a trace of either for each data set.

The traces say what a data set looks like and which rows of the index it has; coordinates come to the browser as one
array, and assets/map_cloud.js draws them. Plotly draws the axes, and all of it where a picture is saved. A map of three
dimensions is turned and laid onto the plane in the browser (assets/map_space.js), so that Plotly's axes, which are not
seen then, are those of what is seen.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from dashboard.answers import Dataset, Ellipse, MapInfo, Points
from dashboard.figures.map_points import CROWD, blocks, ellipse_outlines, rows_of, trace_extent
from dashboard.palette import Mark, mark, rgba

SELECTION = "#0e8aa0"
"""Colour of a polygon that is being drawn; that of assets/map_select.js once it is."""
_ROOM = 1.2
"""Of what is seen in space, for the numbers round the box."""
_GREY = "rgba(128,140,152,0.9)"


def map_figure(
    datasets: Sequence[Dataset], info: MapInfo, points: Points, ellipses: Sequence[Ellipse]
) -> go.Figure:
    """The map of these data sets, the most numerous first: it is drawn first, so that small ones stay visible.

    Raises:
        ValueError: points and map are not of as many dimensions.
    """
    if (points.z is not None) != (info.dimensions == 3):
        raise ValueError(f"the points of the map {info.name} have not its {info.dimensions} dimensions")
    figure = go.Figure(layout=map_layout(info, points, ellipses))
    clouds = points_traces(datasets, points)
    looks = {d.name: mark(d.index) for d in datasets}
    fill = "toself" if info.dimensions == 2 else "none"  # an ellipsoid is three lines round it
    figure.add_traces(clouds + [_ellipse_trace(cloud.name, looks[cloud.name], fill) for cloud in clouds])
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


def _ellipse_trace(name: str, look: Mark, fill: str) -> go.Scatter:
    return go.Scatter(
        x=[],
        y=[],
        name=name,
        meta={"role": "ellipse", "dataset": name},
        mode="lines",
        line={"color": look.colour, "width": 2.5 if fill == "toself" else 1.5},
        fill=fill,
        fillcolor=rgba(look.colour, 0.06),
    )


def _extent(values: NDArray[Any], outlines: Sequence[float]) -> list[float]:
    """From the smallest to the largest finite coordinate, and 4 % more on either side."""
    finite = np.concatenate([values[np.isfinite(values)], np.asarray(outlines, np.float64)])
    if not finite.size:
        return [-1.0, 1.0]
    low, high = float(finite.min()), float(finite.max())
    margin = 0.04 * (high - low) or 1.0
    return [low - margin, high + margin]


def _known(outlines: Iterable[Mapping[str, Sequence[float | None]]], name: str) -> list[float]:
    return [value for outline in outlines for value in outline[name] if value is not None]


def map_layout(
    info: MapInfo,
    points: Points,
    ellipses: Sequence[Ellipse],
    more: Sequence[tuple[float, float]] = (),
) -> dict[str, Any]:
    """Axes that hold all points and ellipses, and `more` places of the plane."""
    outlines = ellipse_outlines(ellipses).values()
    coordinates = {"x": points.x, "y": points.y} | ({} if points.z is None else {"z": points.z})
    # Fixed from the start: a data set stays where it is, whichever others are switched on.
    places = dict(zip("xy", zip(*more, strict=True), strict=True)) if more else {}
    reach = {
        name: _extent(values, [*_known(outlines, name), *places.get(name, ())])
        for name, values in coordinates.items()
    }
    meta: dict[str, Any] = {"map": info.name, "dimensions": info.dimensions}
    axis: dict[str, Any] = {
        "zeroline": False,
        "showline": False,
        "ticks": "",
        "gridcolor": "rgba(128,140,152,0.18)",
        "nticks": 9,
    }
    margin: dict[str, Any] = {"l": 62, "r": 14, "t": 12, "b": 46}
    x_axis: dict[str, Any] = {"title": {"text": info.axis_labels[0], "standoff": 8}, "range": reach["x"]}
    y_axis: dict[str, Any] = {"title": {"text": info.axis_labels[1], "standoff": 4}, "range": reach["y"]}
    if info.dimensions == 3:
        # The box that holds all, and whichever way it is turned the part of the plane that holds the box.
        meta |= {"box": list(reach.values()), "axes": list(info.axis_labels)}
        half = _ROOM * math.hypot(*(high - low for low, high in reach.values())) / 2
        x_axis, y_axis = (
            {"range": [-half, half], "visible": False},
            {"range": [-half, half], "visible": False},
        )
        margin = dict.fromkeys("lrtb", 14)
    return {
        "template": None,
        "meta": meta,
        "showlegend": False,
        "hovermode": False,  # Plotly has no points to look for: assets/map_pick.js has
        "dragmode": "pan",
        "uirevision": info.name,  # zoom and pan survive whatever is switched, but another map
        "newshape": {"line": {"color": SELECTION, "width": 2}, "fillcolor": rgba(SELECTION, 0.08)},
        # As they are: a label at the edge would move the edge, so the range, so the label, and so on without end.
        "margin": margin | {"autoexpand": False},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": "system-ui, sans-serif", "size": 12, "color": _GREY},
        "xaxis": axis | x_axis,
        # One unit is equally long on both axes: angles and axes of an ellipse are seen as they are.
        "yaxis": axis | y_axis | {"scaleanchor": "x", "scaleratio": 1},
    }
