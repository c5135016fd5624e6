"""Fetching the map of an index: once when a page is opened, and again when the service has another index."""

import asyncio
from typing import Any

from dash import Dash, Input, Output, State, no_update

from dashboard.answers import Catalogue
from dashboard.client import ApiClient, ApiError
from dashboard.components.legend import legend_rows
from dashboard.components.states import empty, failed
from dashboard.components.words import count
from dashboard.figures.map_figure import map_figure
from dashboard.pages.map import MAP
from dashboard.pages.map_ellipses import drawn_ellipses
from dashboard.settings import DashboardSettings
from dashboard.state import MapView


def register(app: Dash, client: ApiClient, settings: DashboardSettings) -> None:
    """Attach the callback that fills the page."""

    @app.callback(
        Output("map-graph", "figure"),
        Output("map-legend", "children"),
        Output("map-total", "children"),
        Output("map-kind", "value"),
        Output("map-level", "value"),
        Output("map-sigma", "value"),
        Output("map-selected", "data"),
        Output("map-ellipses", "data"),
        Output("map-loaded", "data"),
        Output("map-state", "children"),
        Output("map-note", "children"),
        Input("api", "data"),
        Input("webgl", "data"),
        Input("url", "pathname"),
        State("url", "search"),
        State("map-query", "data"),
        State("map-loaded", "data"),
        prevent_initial_call=True,
    )
    async def load(
        api: dict[str, Any] | None,
        webgl: bool | None,
        pathname: str,
        search: str,
        query: str | None,
        loaded: dict[str, Any] | None,
    ) -> tuple[Any, ...]:
        keep = (no_update,) * 9
        if pathname != "/" or webgl is None or not api or api["state"] != "ready":
            return (*keep, no_update, no_update)
        if loaded and loaded["index"] == api["index"]:
            return (*keep, no_update, no_update)
        view = MapView.from_query(query if loaded else search)
        try:
            catalogue, maps, points, ellipses = await asyncio.gather(
                client.catalogue(),
                client.maps(),
                client.points(MAP),
                client.ellipses(MAP, kind=view.kind, level=view.level / 100, sigma=view.sigma),
            )
        except ApiError as error:
            return (*keep, failed(str(error)), no_update)
        info = next((m for m in maps if m.name == MAP), None)
        if info is None or not catalogue.datasets:
            return (
                *keep,
                empty("The index is empty", "Build one with `vqscope index` and start the service with it."),
                "",
            )
        svg_points = None if webgl else settings.svg_points
        figure = map_figure(catalogue.datasets, info, points, ellipses, view, svg_points=svg_points)
        n = len(points.x)
        note = f"PCA fitted on the {info.fitted_on}ing images" if info.fitted_on == "train" else ""
        if svg_points is not None and n > svg_points:
            note = f"This browser has no WebGL: about {count(svg_points)} of {count(n)} points are drawn"
        return (
            figure,
            legend_rows(catalogue.datasets, ellipses, view),
            f"{count(n)} images",
            view.kind,
            view.level,
            view.sigma,
            str(view.point) if view.point else None,
            drawn_ellipses(view, catalogue.index, ellipses),
            _loaded(catalogue),
            [],
            note,
        )


def _loaded(catalogue: Catalogue) -> dict[str, Any]:
    """What the browser needs to know of each data set."""
    return {
        "index": catalogue.index,
        "datasets": {
            d.name: {
                "labels": {str(k): v for k, v in d.labels.items()},
                "multiLabel": d.multi_label,
                "available": d.available,
                "size": d.image_size,
                "place": d.index,
            }
            for d in catalogue.datasets
        },
    }
