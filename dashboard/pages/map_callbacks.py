"""What the map page does: server callbacks fetch, clientside callbacks (assets/map.js) draw."""

from typing import Any

from dash import ALL, ClientsideFunction, Dash, Input, Output, State, no_update

from dashboard.client import ApiClient
from dashboard.pages import map_ellipses, map_inspector, map_loading
from dashboard.settings import DashboardSettings
from dashboard.state import MapView


def register(app: Dash, client: ApiClient, settings: DashboardSettings) -> None:
    """Attach the page's callbacks to the app."""
    _register_clientside(app)
    map_loading.register(app, client, settings)
    map_ellipses.register(app, client)
    map_inspector.register(app, client)
    _register_address(app)


def _register_clientside(app: Dash) -> None:
    def draw(function: str, *arguments: object, **options: bool) -> None:
        app.clientside_callback(ClientsideFunction("vqscope", function), *arguments, **options)

    draw("hasWebgl", Output("webgl", "data"), Input("url", "pathname"), State("webgl", "data"))
    draw(
        "switchDatasets",
        Output({"type": "dataset-switch", "name": ALL}, "checked"),
        Output("map-on", "data"),
        Input({"type": "dataset-switch", "name": ALL}, "checked"),
        Input({"type": "dataset-only", "name": ALL}, "n_clicks"),
        Input("map-all", "n_clicks"),
        Input("map-none", "n_clicks"),
        State({"type": "dataset-switch", "name": ALL}, "id"),
    )
    draw("drawMap", Output("map-ready", "data"), Input("map-graph", "figure"), Input("map-loaded", "data"))
    draw("drawEllipses", Input("map-ellipses", "data"))
    draw("drawSelected", Input("map-sample", "data"))
    draw(
        "clearSelected",
        Output("map-selected", "data", allow_duplicate=True),
        Input("map-clear", "n_clicks"),
        prevent_initial_call=True,
    )
    draw(
        "zoom",
        Input("map-zoom-in", "n_clicks"),
        Input("map-zoom-out", "n_clicks"),
        Input("map-fit", "n_clicks"),
    )


def _register_address(app: Dash) -> None:
    @app.callback(
        Output("map-query", "data"),
        Input("map-on", "data"),
        Input("map-kind", "value"),
        Input("map-level", "value"),
        Input("map-sigma", "value"),
        Input("map-selected", "data"),
        State("map-loaded", "data"),
        prevent_initial_call=True,
    )
    def write(
        on: list[str] | None,
        kind: str,
        level: float | str | None,
        sigma: float | str | None,
        selected: str | None,
        loaded: dict[str, Any] | None,
    ) -> object:
        if not loaded or on is None:
            return no_update
        names = None if set(on) == set(loaded["datasets"]) else on
        return MapView.from_controls(names, kind, level, sigma, selected).to_query()

    @app.callback(
        Output({"type": "dataset-switch", "name": ALL}, "checked", allow_duplicate=True),
        Output("map-kind", "value", allow_duplicate=True),
        Output("map-level", "value", allow_duplicate=True),
        Output("map-sigma", "value", allow_duplicate=True),
        Output("map-selected", "data", allow_duplicate=True),
        Input("url", "search"),
        State("url", "pathname"),
        State("map-query", "data"),
        State({"type": "dataset-switch", "name": ALL}, "id"),
        prevent_initial_call=True,
    )
    def read(search: str, pathname: str, query: str | None, ids: list[dict[str, str]]) -> tuple[Any, ...]:
        """Back, forward and links from other pages change the address; the page follows."""
        if pathname != "/" or query is None or search == query:
            return [no_update] * len(ids), no_update, no_update, no_update, no_update
        view = MapView.from_query(search)
        point = str(view.point) if view.point else None
        return [view.shows(id_["name"]) for id_ in ids], view.kind, view.level, view.sigma, point
