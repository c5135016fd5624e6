"""The scatter of a map of two dimensions: one trace of points and one of the ellipse per data set.

The figure is sent once per index. What changes afterwards (visibility, ellipses, the ring around the
inspected image) is changed in the browser, see assets/map.js, which finds traces by their `meta`.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from dashboard.answers import Dataset, Ellipse, MapInfo, Points
from dashboard.figures.map_points import CROWD, described, ellipse_outlines, rows_of, subsample
from dashboard.palette import Mark, mark, rgba
from dashboard.state_map import MapView

SELECTION = "#0e8aa0"
"""Colour of a polygon that is being drawn; that of assets/map_select.js once it is."""
_GREY = "rgba(128,140,152,0.9)"


def map_figure(
    datasets: Sequence[Dataset],
    info: MapInfo,
    points: Points,
    ellipses: Sequence[Ellipse],
    view: MapView,
    *,
    svg_points: int | None = None,
) -> go.Figure:
    """The map of these data sets, the most numerous drawn first so that small ones stay visible.

    With `svg_points`, for browsers without WebGL: SVG traces of at most about that many points, a
    seeded sample stratified by data set.
    """
    figure = go.Figure(layout=_layout(info, points, ellipses))
    scatter = go.Scattergl if svg_points is None else go.Scatter
    rows = {d.name: rows_of(points, d.name) for d in datasets}
    total = sum(map(len, rows.values()))
    by_size = sorted(datasets, key=lambda d: -len(rows[d.name]))
    regions = {e.group: e for e in ellipses}
    for dataset in by_size:
        kept = rows[dataset.name]
        if svg_points is not None:
            kept = subsample(kept, max(50, round(svg_points * len(kept) / max(total, 1))))
        figure.add_trace(_points_trace(scatter, dataset, points, kept, mark(dataset.index), view, total))
    for dataset in by_size:
        figure.add_trace(
            _ellipse_trace(scatter, dataset, regions.get(dataset.name), mark(dataset.index), view)
        )
    return figure


def _points_trace(
    scatter: type[go.Scatter],
    dataset: Dataset,
    points: Points,
    rows: NDArray[np.int64],
    look: Mark,
    view: MapView,
    total: int,
) -> go.Scatter:
    crowd = total > CROWD
    opacity = 0.45 if crowd else 0.7
    return scatter(
        x=points.x[rows],
        y=points.y[rows],
        **described(dataset, points, rows, look, opacity=opacity),
        mode="markers",
        marker={"color": look.colour, "symbol": look.symbol, "size": 4 if crowd else 6, "line": {"width": 0}},
        opacity=opacity,
        hoverinfo="none",
        unselected={"marker": {"opacity": 0.06}},  # where another map's selection is shown
        visible=view.shows(dataset.name),
    )


def _ellipse_trace(
    scatter: type[go.Scatter], dataset: Dataset, ellipse: Ellipse | None, look: Mark, view: MapView
) -> go.Scatter:
    shown = ellipse is not None and view.group == "dataset"
    outline = ellipse_outlines([ellipse])[ellipse.group] if ellipse and shown else {"x": [], "y": []}
    return scatter(
        x=outline["x"],
        y=outline["y"],
        name=dataset.name,
        meta={"role": "ellipse", "dataset": dataset.name},
        mode="lines",
        line={"color": look.colour, "width": 2.5},
        fill="toself",
        fillcolor=rgba(look.colour, 0.06),
        hoverinfo="skip",
        visible=view.shows(dataset.name),
    )


def _extent(values: NDArray[Any], outlines: Sequence[float | None]) -> list[float]:
    """From the smallest to the largest finite coordinate, and 4 % more on either side."""
    finite = np.concatenate([values[np.isfinite(values)], np.asarray(outlines, np.float64)])
    if not finite.size:
        return [-1.0, 1.0]
    low, high = float(finite.min()), float(finite.max())
    margin = 0.04 * (high - low) or 1.0
    return [low - margin, high + margin]


def _layout(info: MapInfo, points: Points, ellipses: Sequence[Ellipse]) -> dict[str, Any]:
    outlines = ellipse_outlines(ellipses).values()
    # Fixed from the start: a data set stays where it is, whichever others are switched on.
    x_range = _extent(points.x, [x for outline in outlines for x in outline["x"]])
    y_range = _extent(points.y, [y for outline in outlines for y in outline["y"]])
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
        "hovermode": "closest",
        "hoverdistance": 12,
        "spikedistance": 0,  # otherwise each mouse move searches all points a second time
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
