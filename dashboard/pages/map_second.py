"""The second map, beside the first: its figure and its ellipses; what is done on either is shown on both."""

import asyncio
from typing import Any

from dash import ClientsideFunction, Dash, Input, Output, State, html, no_update

from dashboard.client import ApiClient
from dashboard.components.states import empty, failed
from dashboard.errors import ApiError
from dashboard.pages.map_controls import away
from dashboard.pages.map_loading import drawn_map
from dashboard.pages.map_panel import map_title
from dashboard.pages.map_regions import fetch_regions, regions_key
from dashboard.state_map import MapView


def register(app: Dash, client: ApiClient) -> None:
    """Attach the callbacks of the second map."""
    _register_figure(app, client)
    _register_ellipses(app, client)
    app.clientside_callback(
        ClientsideFunction("vqscope", "dropSelection"),
        Output("map-polygon", "data", allow_duplicate=True),
        Input("map-second", "value"),
        State("map-name", "value"),
        State("map-polygon", "data"),
        prevent_initial_call=True,
    )


def _register_figure(app: Dash, client: ApiClient) -> None:
    @app.callback(
        Output("map-graph-2", "figure"),
        Output("map-shown", "data"),
        Output("map-slot-2", "hidden"),
        Output("map-state-2", "children"),
        Output("map-groups-2", "hidden"),
        Input("map-second", "value"),
        Input("map-loaded", "data"),
        Input("api", "data"),
        State("map-shown", "data"),
        State("url", "search"),
        State("map-query", "data"),
        prevent_initial_call=True,
    )
    async def show(
        name: str,
        loaded: dict[str, Any] | None,
        api: dict[str, Any] | None,
        shown: dict[str, Any] | None,
        search: str,
        query: str | None,
    ) -> tuple[Any, ...]:
        if not loaded or away(api):
            return (no_update,) * 5
        if not name or name == loaded["map"]:
            return no_update, None, True, [], True
        if shown and (shown["map"], shown["index"]) == (name, loaded["index"]):
            return no_update, no_update, False, no_update, False
        view = MapView.from_query(query or search)
        try:
            maps, catalogue, points, ellipses = await asyncio.gather(
                client.maps(),
                client.catalogue(),
                client.points(name),
                client.ellipses(name, kind=view.kind, level=view.level / 100, sigma=view.sigma),
            )
        except ApiError as error:
            return no_update, None, False, failed(error), True
        info = next((one for one in maps if one.name == name), None)
        if info is None:
            gone = empty("No such map", f"The index has no map {name} any more.")
            return no_update, None, False, gone, True
        figure, _note = drawn_map(catalogue, info, points, ellipses.items)
        wanted = {"map": name, "index": loaded["index"], "dimensions": info.dimensions}
        return figure, wanted, False, [], False


def _register_ellipses(app: Dash, client: ApiClient) -> None:
    @app.callback(
        Output("map-ellipses-2", "data"),
        Output("map-groups-2", "children"),
        Input("map-shown", "data"),
        Input("map-group", "value"),
        Input("map-kind", "value"),
        Input("map-level", "value"),
        Input("map-sigma", "value"),
        Input("map-on", "data"),
        Input("map-off", "data"),
        Input("api", "data"),
        State("map-loaded", "data"),
        State("map-ellipses-2", "data"),
        prevent_initial_call=True,
    )
    async def refit(
        shown: dict[str, Any] | None,
        group: str,
        kind: str,
        level: float | str | None,
        sigma: float | str | None,
        on: list[str] | None,
        off: dict[str, list[int]] | None,
        api: dict[str, Any] | None,
        loaded: dict[str, Any] | None,
        drawn: dict[str, Any] | None,
    ) -> tuple[Any, Any]:
        if not shown:
            return None, []
        if not loaded or on is None or away(api):
            return no_update, no_update
        view = MapView.from_controls(
            map=shown["map"], on=on, off=off, group=group, kind=kind, level=level, sigma=sigma
        )
        if drawn and drawn["key"] == regions_key(view, loaded["index"], list(loaded["datasets"])):
            return no_update, no_update
        try:
            regions = await fetch_regions(client, view, on, shown["dimensions"])
        except ApiError:
            # The first map's callback says what is wrong, of the same question. Rows of another map must not stay.
            return no_update, no_update if drawn and drawn["map"] == view.map else []
        title = html.Div(f"Inside them on {map_title(view.map)}", className="section-title")
        rows = regions.rows()
        return regions.drawn(), [title, *rows] if rows else []
