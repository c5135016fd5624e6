"""Fetching the map of an index: once when a page is opened, and again when the service has another index."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import plotly.graph_objects as go
from dash import Dash, Input, Output, State, no_update

from dashboard.answers import Catalogue, Ellipse, MapInfo, Points
from dashboard.client import ApiClient
from dashboard.client_map import columns
from dashboard.components.legend import legend_rows
from dashboard.components.states import empty, failed
from dashboard.components.words import count
from dashboard.errors import ApiError
from dashboard.figures.map_figure import map_figure
from dashboard.pages.map_colour import colour_options
from dashboard.pages.map_controls import CONTROLS, controls_of
from dashboard.pages.map_ellipses import first_rows, group_options
from dashboard.pages.map_panel import map_options, map_title, second_options
from dashboard.pages.map_regions import fetch_regions
from dashboard.state_map import MapView
from dashboard.state_seen import Seen

_OUTPUTS = (
    *("figure", "legend", "total", "colours", "groupings", "name", "names", "seconds", "selected", "polygon"),
    *("seen", "second_seen", "order", "ellipses", "about", "groups", "loaded", "state", "note"),
    *CONTROLS,
)


def register(app: Dash, client: ApiClient) -> None:
    """Attach the callback that fills the page."""

    @app.callback(
        output={
            "figure": Output("map-graph", "figure"),
            "legend": Output("map-legend", "children"),
            "total": Output("map-total", "children"),
            **{name: Output(f"map-{name}", "value") for name in CONTROLS},
            "colours": Output("map-colour", "data"),
            "groupings": Output("map-group", "data"),
            "name": Output("map-name", "value"),
            "names": Output("map-name", "data"),
            "seconds": Output("map-second", "data"),
            "selected": Output("map-selected", "data"),
            "polygon": Output("map-polygon", "data"),
            "seen": Output("map-view", "data"),
            "second_seen": Output("map-view-2", "data"),
            "order": Output("map-order", "data"),
            "ellipses": Output("map-ellipses", "data"),
            "about": Output("map-ellipse-note", "children"),
            "groups": Output("map-groups", "children"),
            "loaded": Output("map-loaded", "data"),
            "state": Output("map-state", "children"),
            "note": Output("map-note", "children"),
        },
        inputs=[
            Input("api", "data"),
            Input("url", "pathname"),
            Input("map-name", "value"),
            State("url", "search"),
            State("map-query", "data"),
            State("map-loaded", "data"),
            State("map-view", "data"),
        ],
    )
    async def load(
        api: dict[str, Any] | None,
        pathname: str,
        name: str,
        search: str,
        query: str | None,
        loaded: dict[str, Any] | None,
        seen: dict[str, Any] | None,
    ) -> dict[str, Any]:
        keep = dict.fromkeys(_OUTPUTS, no_update)
        if pathname != "/" or not api or api["state"] != "ready":
            return keep
        if loaded and (loaded["index"], loaded["map"]) == (api["index"], name):
            return keep
        view = MapView.from_query((query or search) if loaded else search)
        if loaded and loaded["map"] != name:
            # A polygon means something on its map only, unless the address brings both.
            asked = MapView.from_query(search)
            view = asked if asked.map == name and asked.polygon else view.on_map(name)
            # What is seen is of this map only where the page follows an address (map_callbacks.py).
            view = replace(view, seen=Seen.stored(seen, name))
        # Of what does not go with this map the controls may be ahead of the address.
        ahead = ("second_seen", "order") if loaded and loaded["index"] == api["index"] else ()
        try:
            return keep | await fetched(client, view) | dict.fromkeys(ahead, no_update)
        except ApiError as error:
            return keep | {"state": failed(error)}


async def fetched(client: ApiClient, view: MapView) -> dict[str, Any]:
    """What fills the page with this view, by the names of the callback's outputs; those left out stay as they are."""
    catalogue, known, maps = await asyncio.gather(client.catalogue(), columns(client), client.maps())
    by_name = {info.name: info for info in maps}
    if not by_name or not catalogue.datasets:
        text = "Build one with `vqscope index` and start the service with it."
        return {"state": empty("The index is empty", text), "note": ""}
    if view.second not in by_name:
        view = replace(
            view,
            second=None,
            second_seen=None,
            polygon=None if view.drawn_on else view.polygon,
            drawn_on=None,
        )
    info = by_name.get(view.map) or next(iter(by_name.values()))
    if info.name != view.map:
        view = view.on_map(info.name)
    on = [dataset.name for dataset in catalogue.datasets if view.shows(dataset.name)]
    points, regions = await asyncio.gather(
        client.points(info.name), fetch_regions(client, view, on, info.dimensions)
    )
    figure, note = drawn_map(catalogue, info, points, regions.of_datasets)
    names = map_options(maps)
    seen, second_seen = view.stored_seen
    return {
        "figure": figure,
        "legend": legend_rows(catalogue.datasets, regions.of_datasets, view),
        "total": f"{count(len(points.x))} images",
        **controls_of(view),
        "colours": colour_options(known),
        "groupings": group_options(known),
        "name": info.name,
        "names": names,
        "seconds": second_options(names, info.name),
        "selected": str(view.point) if view.point else None,
        "polygon": view.drawn,
        "seen": seen,
        "second_seen": second_seen,
        "order": view.order,
        "ellipses": regions.drawn(),
        "about": regions.about,
        "groups": first_rows(regions),
        "loaded": _loaded(catalogue, info),
        "state": [],
        "note": note,
    }


def drawn_map(
    catalogue: Catalogue, info: MapInfo, points: Points, ellipses: Sequence[Ellipse]
) -> tuple[go.Figure, str]:
    """The figure of a map, and a line about it."""
    note = f"fitted on the {info.fitted_on}ing images" if info.fitted_on == "train" else ""
    figure = map_figure(catalogue.datasets, info, points, ellipses)
    figure.layout.meta = {**figure.layout.meta, "title": map_title(info.name)}  # for assets/map_keys.js
    return figure, note


def _loaded(catalogue: Catalogue, info: MapInfo) -> dict[str, Any]:
    """What the browser needs to know of each data set."""
    return {
        "index": catalogue.index,
        "map": info.name,
        "dimensions": info.dimensions,
        "datasets": {
            d.name: {
                "labels": {str(k): v for k, v in d.labels.items()},
                "multiLabel": d.multi_label,
                "available": d.available,
                "size": d.image_size,
                "place": d.index,
                "n": d.n,
            }
            for d in catalogue.datasets
        },
    }
