"""Filling the inspector with the image that was clicked, or that the address names."""

from typing import Any

from dash import ClientsideFunction, Dash, Input, Output, State, no_update

from dashboard.client import ApiClient, ApiError, ApiRefused
from dashboard.client_map import cells, neighbours, standing
from dashboard.components.inspector import cell_details, inspector, nothing_selected
from dashboard.components.inspector_more import neighbour_strip, standing_words
from dashboard.components.markup import markup
from dashboard.components.states import empty, failed
from dashboard.state import Point

NEIGHBOURS = 8


def register(app: Dash, client: ApiClient) -> None:
    """Attach the callbacks that fill the inspector, its parts at the same time."""
    app.clientside_callback(
        ClientsideFunction("vqscope", "askInspector"),
        Output("map-asked", "data"),
        Input("map-selected", "data"),
        Input("api", "data"),
        Input("map-loaded", "data"),
        Input("map-shown", "data"),
        State("map-sample", "data"),
        State("map-asked", "data"),
        prevent_initial_call=True,
    )
    _register_image(app, client)
    _register_cell(app, client)
    _register_more(app, client)


def _register_image(app: Dash, client: ApiClient) -> None:

    @app.callback(
        Output("map-inspector", "data-markup"),
        Output("map-sample", "data"),
        Input("map-asked", "data"),
        State("map-loaded", "data"),
        prevent_initial_call=True,
    )
    async def inspect(asked: dict[str, Any] | None, loaded: dict[str, Any]) -> tuple[Any, Any]:
        point = Point.parse(asked["point"]) if asked else None
        if point is None:
            return markup(nothing_selected()), None
        about = loaded["datasets"].get(point.dataset)
        if about is None:
            return markup(empty("No such image", f"The index has no data set {point.dataset}.")), None
        try:
            index, found = await client.sample(point)
        except ApiRefused as error:
            return markup(empty("No such image", f"{error}")), None
        except ApiError as error:
            return markup(failed(str(error))), no_update
        ring = {"point": str(point), "dataset": found.dataset, "places": found.maps}
        filled = inspector(
            found,
            index,
            dataset_index=about["place"],
            image_size=about["size"],
            available=about["available"],
        )
        return markup(filled), ring


def _register_cell(app: Dash, client: ApiClient) -> None:
    @app.callback(
        Output("map-cell-found", "data"),
        Input("map-cell", "data"),
        prevent_initial_call=True,
    )
    async def explain(asked: dict[str, Any] | None) -> dict[str, str] | None:
        point = Point.parse(asked["point"]) if asked else None
        if asked is None or point is None:
            return None
        try:
            found = await cells(client, point)
        except ApiError as error:
            return {"point": asked["point"], "markup": markup(failed(str(error)))}
        cell = next((c for c in found if (c.row, c.column) == (asked["row"], asked["column"])), None)
        return {"point": asked["point"], "markup": markup(cell and cell_details(cell))}

    app.clientside_callback(ClientsideFunction("vqscope", "drawCell"), Input("map-cell-found", "data"))


def _register_more(app: Dash, client: ApiClient) -> None:
    @app.callback(
        Output("map-neighbours", "data-markup"),
        Input("map-asked", "data"),
        State("map-loaded", "data"),
        prevent_initial_call=True,
    )
    async def show_neighbours(asked: dict[str, Any] | None, loaded: dict[str, Any]) -> str:
        point = Point.parse(asked["point"]) if asked else None
        if point is None:
            return ""
        try:
            found = await neighbours(client, point, k=NEIGHBOURS)
        except ApiRefused:
            return ""  # there is no such image, as the inspector says
        except ApiError as error:
            return markup(failed(str(error)))
        return markup(neighbour_strip(found, loaded["datasets"]))

    @app.callback(
        Output("map-standing", "data-markup"),
        Input("map-asked", "data"),
        prevent_initial_call=True,
    )
    async def show_standing(asked: dict[str, Any] | None) -> str:
        point = Point.parse(asked["point"]) if asked else None
        if point is None:
            return ""
        if point.split != "test":
            return markup(standing_words(None))
        try:
            return markup(standing_words(await standing(client, point)))
        except ApiRefused as error:
            return markup(standing_words(None, f"{error}."))
        except ApiError as error:
            return markup(standing_words(None, f"Not known now: {error}."))
