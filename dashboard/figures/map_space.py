"""The scatter of a map of three dimensions: points, and ellipsoids as lines, behind which no point is hidden."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from dashboard.answers import Dataset, Ellipse, MapInfo, Points
from dashboard.figures.map_points import CROWD, described, ellipse_outlines, rows_of, subsample
from dashboard.palette import Mark, mark
from dashboard.state_map import MapView

MOST = 60_000
"""Points drawn. Plotly draws each marker in space as triangles of its own: a million take gigabytes."""
_SYMBOLS = {"square": "square", "diamond": "diamond", "cross": "square", "x": "diamond"}
"""Plotly draws markers in space as glyphs of a font: fonts without ✚ or ❌ are common, those without ■ or ◆ are not."""


def space_figure(
    datasets: Sequence[Dataset], info: MapInfo, points: Points, ellipses: Sequence[Ellipse], view: MapView
) -> go.Figure:
    """The map of these data sets; of more than `MOST` images a seeded sample stratified by data set.

    As in the plane there is a trace of points and one of lines for each data set, and the mark of the inspected
    image; then the lines of groups that are no data sets, and for each data set what is selected on another map.
    """
    if points.z is None:
        raise ValueError(f"the points of the map {info.name} have no third coordinate")
    figure = go.Figure(layout=_layout(info))
    rows = {d.name: rows_of(points, d.name) for d in datasets}
    total = sum(map(len, rows.values()))
    by_size = sorted(datasets, key=lambda d: -len(rows[d.name]))
    regions = ellipse_outlines(ellipses) if view.group == "dataset" else {}
    clouds = []
    for dataset in by_size:
        kept = rows[dataset.name]
        if total > MOST:
            kept = subsample(kept, max(50, round(MOST * len(kept) / total)))
        look = mark(dataset.index)
        clouds.append(_points_trace(dataset, points, kept, look, view, crowd=total > CROWD))
    figure.add_traces(clouds)
    for dataset in by_size:
        lines = regions.get(dataset.name, {})
        figure.add_trace(
            go.Scatter3d(
                **{axis: lines.get(axis, []) for axis in "xyz"},
                name=dataset.name,
                meta={"role": "ellipse", "dataset": dataset.name},
                mode="lines",
                line={"color": mark(dataset.index).colour, "width": 3},
                hoverinfo="skip",
                visible=view.shows(dataset.name),
            )
        )
    figure.add_traces([_selected_elsewhere(cloud) for cloud in clouds])
    figure.add_trace(_empty("groups", mode="lines", line={"color": "#6f7a83", "width": 3}))
    marker = {"symbol": "circle-open", "size": 12, "color": "#111", "line": {"width": 3}}
    figure.add_trace(_empty("selected", mode="markers", marker=marker))
    return figure


def _points_trace(
    dataset: Dataset, points: Points, rows: NDArray[np.int64], look: Mark, view: MapView, *, crowd: bool
) -> go.Scatter3d:
    opacity = 0.6 if crowd else 0.8
    assert points.z is not None
    return go.Scatter3d(
        x=points.x[rows],
        y=points.y[rows],
        z=points.z[rows],
        **described(dataset, points, rows, look, opacity=opacity),
        mode="markers",
        marker=_marker(look, crowd=crowd),
        opacity=opacity,
        hoverinfo="none",
        visible=view.shows(dataset.name),
    )


def _selected_elsewhere(cloud: go.Scatter3d) -> go.Scatter3d:
    """Filled by assets/map_linked.js; Plotly has no selected points in space."""
    return go.Scatter3d(
        x=[],
        y=[],
        z=[],
        name=cloud.name,
        meta={"role": "linked", "dataset": cloud.meta["dataset"], "labels": cloud.meta["labels"]},
        mode="markers",
        marker=cloud.marker,
        hoverinfo="none",
        visible=cloud.visible,
    )


def _marker(look: Mark, *, crowd: bool) -> dict[str, Any]:
    # In a crowd a marker is too small to have a shape, and a square has the fewest triangles.
    symbol = "square" if crowd else _SYMBOLS.get(look.symbol, "circle")
    return {"color": look.colour, "symbol": symbol, "size": 2 if crowd else 3.5, "line": {"width": 0}}


def _empty(role: str, **look: Any) -> go.Scatter3d:  # noqa: ANN401 - what Plotly takes
    return go.Scatter3d(x=[], y=[], z=[], name=role, meta={"role": role}, hoverinfo="skip", **look)


def _layout(info: MapInfo) -> dict[str, Any]:
    axis: dict[str, Any] = {
        "zeroline": False,
        "showbackground": False,
        "showspikes": False,
        "gridcolor": "#98a2aa",
        "gridwidth": 1,
        "color": "rgba(128,140,152,0.95)",
        "nticks": 6,
    }
    titles = zip(("xaxis", "yaxis", "zaxis"), info.axis_labels, strict=True)
    return {
        "template": None,
        "meta": {"map": info.name, "dimensions": 3},
        "showlegend": False,
        "uirevision": info.name,
        "margin": {"l": 0, "r": 0, "t": 0, "b": 0},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": "system-ui, sans-serif", "size": 11},
        "scene": {
            # One unit is equally long on all axes: an ellipsoid is seen as it is.
            "aspectmode": "data",
            "dragmode": "turntable",
            "camera": {"eye": {"x": 1.5, "y": 1.5, "z": 1.0}},  # as assets/map_view.js sets it
            "hovermode": "closest",
            **{name: axis | {"title": {"text": label}} for name, label in titles},
        },
    }
