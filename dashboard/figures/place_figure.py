"""A small map for uploaded images: ellipses of the data sets, neighbours, and the images as numbered stars."""

from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

from dashboard.answers import Dataset, Ellipse, MapInfo
from dashboard.answers_place import PlacedImage
from dashboard.palette import mark, rgba

_GREY = "rgba(128,140,152,0.9)"


def place_figure(
    datasets: Sequence[Dataset], info: MapInfo, ellipses: Sequence[Ellipse], images: Sequence[PlacedImage]
) -> go.Figure:
    """SVG, as it has few points: the same colours and places as the map page, without its cloud."""
    figure = go.Figure(layout=_layout(info))
    looks = {dataset.name: mark(dataset.index) for dataset in datasets}
    for ellipse in ellipses:
        look = looks.get(ellipse.group)
        if look is None or ellipse.outline is None:
            continue
        figure.add_trace(
            go.Scatter(
                x=[x for x, _ in ellipse.outline],
                y=[y for _, y in ellipse.outline],
                name=ellipse.group,
                meta={"role": "ellipse", "dataset": ellipse.group},
                mode="lines",
                line={"color": look.colour, "width": 2},
                fill="toself",
                fillcolor=rgba(look.colour, 0.08),
                hoverinfo="name",
            )
        )
    for name, look in looks.items():
        near = [one for image in images for one in image.neighbours if one.dataset == name]
        if near:
            figure.add_trace(
                go.Scatter(
                    x=[one.x for one in near],
                    y=[one.y for one in near],
                    name=f"neighbours, {name}",
                    meta={"role": "neighbours", "dataset": name},
                    mode="markers",
                    marker={"color": look.colour, "symbol": look.symbol, "size": 7},
                    opacity=0.8,
                    text=[f"{one.label_name}, {name} {one.split} {one.position}" for one in near],
                    hovertemplate="%{text}<extra></extra>",
                )
            )
    figure.add_trace(
        go.Scatter(
            x=[image.x for image in images],
            y=[image.y for image in images],
            meta={"role": "placed"},
            mode="markers+text",
            marker={
                "symbol": "star",
                "size": 16,
                "color": "#ffd43b",
                "line": {"color": "#1a2228", "width": 1.5},
            },
            text=[str(i) for i in range(1, len(images) + 1)],
            textposition="top center",
            textfont={"size": 13},
            customdata=[image.filename for image in images],
            hovertemplate="%{text}: %{customdata}<extra></extra>",
            cliponaxis=False,
        )
    )
    return figure


def _layout(info: MapInfo) -> dict[str, Any]:
    axis: dict[str, Any] = {
        "zeroline": False,
        "showline": False,
        "ticks": "",
        "gridcolor": "rgba(128,140,152,0.18)",
        "nticks": 7,
    }
    return {
        "template": None,
        "showlegend": False,
        "hovermode": "closest",
        "dragmode": "pan",
        "margin": {"l": 52, "r": 12, "t": 14, "b": 42},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": "system-ui, sans-serif", "size": 12, "color": _GREY},
        "xaxis": axis | {"title": {"text": info.axis_labels[0], "standoff": 6}},
        "yaxis": axis
        | {"title": {"text": info.axis_labels[1], "standoff": 2}, "scaleanchor": "x", "scaleratio": 1},
    }
