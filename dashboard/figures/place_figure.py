"""A map with uploaded images on it: the points of the index, ellipses, neighbours, and the images as numbered stars.

Plotly draws few of these; the points are drawn by assets/place_cloud.js, as on the map page.
"""

from collections.abc import Sequence

import plotly.graph_objects as go

from dashboard.answers import Dataset, Ellipse, MapInfo, Points
from dashboard.answers_place import Neighbour, PlacedImage
from dashboard.figures.map_figure import ends, map_layout, points_traces
from dashboard.palette import Mark, mark, rgba
from dashboard.state import Point
from dashboard.state_map import MapView


def place_figure(
    datasets: Sequence[Dataset],
    info: MapInfo,
    points: Points,
    ellipses: Sequence[Ellipse],
    images: Sequence[PlacedImage],
) -> go.Figure:
    """All of the map, as wide as the images need it."""
    layout = map_layout(info, points, ellipses, [(image.x, image.y) for image in images])
    figure = go.Figure(layout=layout)
    figure.update_layout(
        meta={"map": info.name, "index": points.index},
        uirevision=None,  # images placed anew are looked for on all of the map
        hovermode="closest",
        margin={"l": 50, "r": 8, "t": 8, "b": 42},
    )
    looks = {dataset.name: mark(dataset.index) for dataset in datasets}
    figure.add_traces([*points_traces(datasets, points), ends(figure.layout)])
    figure.add_traces([_ellipse(e, looks[e.group]) for e in ellipses if e.group in looks and e.outline])
    for name, look in looks.items():
        near = [one for image in images for one in image.neighbours if one.dataset == name]
        if near:
            figure.add_trace(_neighbours(name, near, look, info))
    figure.add_trace(_stars(images))
    return figure


def neighbour_address(near: Neighbour, name: str) -> str:
    """Where a neighbour is looked at on this map."""
    return "/" + MapView(map=name, point=Point(near.dataset, near.split, near.position)).to_query()


def _ellipse(ellipse: Ellipse, look: Mark) -> go.Scatter:
    outline = ellipse.outline or ()
    return go.Scatter(
        x=[x for x, _ in outline],
        y=[y for _, y in outline],
        name=ellipse.group,
        meta={"role": "ellipse", "dataset": ellipse.group},
        mode="lines",
        line={"color": look.colour, "width": 2},
        fill="toself",
        fillcolor=rgba(look.colour, 0.06),
        hoverinfo="name",
    )


def _neighbours(name: str, near: Sequence[Neighbour], look: Mark, info: MapInfo) -> go.Scatter:
    return go.Scatter(
        x=[one.x for one in near],
        y=[one.y for one in near],
        name=f"neighbours, {name}",
        meta={"role": "neighbours", "dataset": name},
        mode="markers",
        # Lined: the cloud has the same colours.
        marker={
            "color": look.colour,
            "symbol": look.symbol,
            "size": 9,
            "line": {"color": "#ffffff", "width": 1.2},
        },
        text=[f"{one.label_name}, {name} {one.split} {one.position}" for one in near],
        customdata=[neighbour_address(one, info.name) for one in near],
        hovertemplate="%{text}<br>click to open it on the map<extra></extra>",
    )


def _stars(images: Sequence[PlacedImage]) -> go.Scatter:
    return go.Scatter(
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
        hovertext=[image.filename for image in images],
        hovertemplate="%{text}: %{hovertext}<extra></extra>",
    )
