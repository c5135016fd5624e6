"""What the page for the reader's own images does: which map they are placed on, and what the service said of them."""

import asyncio
from typing import Any

import plotly.graph_objects as go
from dash import ClientsideFunction, Dash, Input, Output, State, ctx, no_update

from dashboard.answers_place import Placed
from dashboard.client import ApiClient
from dashboard.components.placed import cards
from dashboard.components.states import empty, failed
from dashboard.errors import ApiError, ApiUnavailable, ApiUnreadable
from dashboard.figures.place_figure import place_figure
from dashboard.pages.map_panel import map_options
from dashboard.pages.place import left_out, legend, not_placed
from dashboard.settings import DashboardSettings
from dashboard.state_map import MapView

PATH = "/place"
_LEVEL = 0.95


def register(app: Dash, client: ApiClient, _settings: DashboardSettings) -> None:
    """Attach the page's callbacks to the app; of the address it reads the map as the map page does."""
    _register_choice(app, client)
    _register_answers(app, client)


def _register_choice(app: Dash, client: ApiClient) -> None:
    @app.callback(
        Output("place-name", "data"),
        Output("place-name", "value"),
        Output("place-maps", "children"),
        Input("api", "data"),
        Input("url", "pathname"),
        Input("url", "search"),
        State("place-query", "data"),
    )
    async def choose(
        api: dict[str, Any] | None, pathname: str, search: str, query: str | None
    ) -> tuple[Any, ...]:
        """Offer the maps that there are, and take over the one of the address: at first, and when it changes."""
        if pathname != PATH or not api or api["state"] != "ready":
            return (no_update,) * 3
        try:
            maps = await client.maps()
        except ApiError as error:
            return no_update, no_update, failed(error)
        flat = {info.name: info for info in maps if info.dimensions == 2}
        if not flat:
            return [], None, empty("There is no map of two dimensions", "Fit one on the page Map.")
        # The service's news leave the choice as it is; the shell does not tell Dash of the address that it writes.
        followed = query is None or any(name.startswith("url.") for name in ctx.triggered_prop_ids)
        name = MapView.from_query(search if followed else query).map
        return map_options([*flat.values()]), name if name in flat else next(iter(flat)), left_out(maps)

    @app.callback(
        Output("place-query", "data"),
        Input("place-name", "value"),
        prevent_initial_call=True,
    )
    def write(name: str | None) -> object:
        return MapView(map=name).to_query() if name else no_update

    app.clientside_callback(
        ClientsideFunction("vqscope", "placeOn"), Input("place-name", "value"), State("place-name", "data")
    )


def _register_answers(app: Dash, client: ApiClient) -> None:
    @app.callback(
        Output("place-cards", "children"),
        Output("place-graph", "figure"),
        Output("place-legend", "children"),
        Output("place-open", "href"),
        Output("place-map", "hidden"),
        Output("place-again", "data"),
        Input("place-answers", "data"),
        prevent_initial_call=True,
    )
    async def show(answers: dict[str, Any] | None) -> tuple[Any, ...]:
        """Show the answers, which assets/place.js puts into the store."""
        if not answers:
            return (no_update,) * 6
        if "problem" in answers:
            return _problem(str(answers["problem"]), again=bool(answers["again"]))
        try:
            return (*await _shown(client, _read(answers)), False, False)
        except ApiError as error:
            return _problem(str(error), again=isinstance(error, ApiUnavailable))

    app.clientside_callback(ClientsideFunction("vqscope", "placeAgain"), Input("place-again", "data"))
    app.clientside_callback(ClientsideFunction("vqscope", "drawPlaced"), Input("place-graph", "figure"))


def _read(answers: dict[str, Any]) -> Placed:
    try:
        return Placed.of(answers["reconstruct"], answers["project"], answers["outliers"])
    except (KeyError, TypeError, ValueError) as error:
        raise ApiUnreadable(
            "the service's answer cannot be read; are dashboard and service of one version?"
        ) from error


def _problem(detail: str, *, again: bool) -> tuple[Any, ...]:
    return not_placed(detail, again=again), go.Figure(), [], no_update, True, again


async def _shown(client: ApiClient, placed: Placed) -> tuple[Any, ...]:
    """Cards, figure, legend and the map's own address."""
    catalogue, maps, points, ellipses = await asyncio.gather(
        client.catalogue(),
        client.maps(),
        client.points(placed.map),
        client.ellipses(placed.map, kind="prediction", level=_LEVEL, sigma=3),
    )
    info = next((one for one in maps if one.name == placed.map), None)
    if info is None or info.dimensions != 2:
        raise ApiError(f"the index has no map {placed.map} of two dimensions; choose another one")
    if points.index not in ("", placed.index):
        raise ApiUnavailable("the index has just changed")
    figure = place_figure(catalogue.datasets, info, points, ellipses.items, placed.images)
    address = "/" + MapView(map=placed.map).to_query()
    return cards(placed, catalogue, ellipses.items), figure, legend(catalogue, ellipses.items), address
