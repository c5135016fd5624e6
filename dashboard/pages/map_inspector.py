"""Filling the inspector with the image that was clicked, or that the address names."""

from typing import Any

from dash import ALL, Dash, Input, Output, State, no_update

from dashboard.client import ApiClient, ApiError, ApiRefused
from dashboard.client_map import cells, neighbours, standing
from dashboard.components.inspector import cell_details, inspector, nothing_selected
from dashboard.components.inspector_more import neighbour_strip, standing_words
from dashboard.components.states import empty, failed
from dashboard.pages.map_controls import away, only
from dashboard.state import Point

NEIGHBOURS = 8


def register(app: Dash, client: ApiClient) -> None:
    """Attach the callbacks that fill the inspector: at once, then with what takes longer."""
    _register_image(app, client)
    _register_cell(app, client)
    _register_more(app, client)


def _register_image(app: Dash, client: ApiClient) -> None:

    @app.callback(
        Output("map-inspector", "children"),
        Output("map-sample", "data"),
        Input("map-selected", "data"),
        Input("api", "data"),
        Input("map-loaded", "data"),
        Input("map-shown", "data"),
        State("map-sample", "data"),
        prevent_initial_call=True,
    )
    async def inspect(
        selected: str | None,
        api: dict[str, Any] | None,
        loaded: dict[str, Any] | None,
        shown: dict[str, Any] | None,
        sample: dict[str, Any] | None,
    ) -> tuple[Any, Any]:
        point = Point.parse(selected)
        if point is None:
            return nothing_selected(), None
        if away(api):
            return no_update, no_update  # what is shown stays true; the banner tells the rest
        if not loaded:
            return no_update, no_update  # what is loading comes back to this image
        if only("map-shown") and not _is_new(shown, sample):
            return no_update, no_update
        about = loaded["datasets"].get(point.dataset)
        if about is None:
            return empty("No such image", f"The index has no data set {point.dataset}."), None
        try:
            index, found = await client.sample(point)
        except ApiRefused as error:
            return empty("No such image", f"{error}"), None
        except ApiError as error:
            return failed(str(error)), no_update
        ring = {"point": str(point), "dataset": found.dataset, "places": found.maps}
        filled = inspector(
            found,
            index,
            dataset_index=about["place"],
            image_size=about["size"],
            available=about["available"],
        )
        return filled, ring


def _is_new(shown: dict[str, Any] | None, sample: dict[str, Any] | None) -> bool:
    """Whether the second map was fitted after the image was asked for, so that its place is not known."""
    return bool(shown and sample and shown["map"] not in sample["places"])


def _register_cell(app: Dash, client: ApiClient) -> None:
    @app.callback(
        Output({"type": "cell", "point": ALL}, "children"),
        Input("map-cell", "data"),
        State({"type": "cell", "point": ALL}, "id"),
        prevent_initial_call=True,
    )
    async def explain(asked: dict[str, Any] | None, ids: list[dict[str, str]]) -> list[Any]:
        point = Point.parse(asked["point"]) if asked else None
        if asked is None or point is None or [id_["point"] for id_ in ids] != [asked["point"]]:
            return [no_update] * len(ids)  # another image was clicked meanwhile
        try:
            found = await cells(client, point)
        except ApiError as error:
            return [failed(str(error))]
        cell = next((c for c in found if (c.row, c.column) == (asked["row"], asked["column"])), None)
        return [no_update if cell is None else cell_details(cell)]


def _register_more(app: Dash, client: ApiClient) -> None:
    @app.callback(
        Output("map-neighbours", "children"),
        Input("map-sample", "data"),
        State("map-loaded", "data"),
        prevent_initial_call=True,
    )
    async def show_neighbours(sample: dict[str, Any] | None, loaded: dict[str, Any] | None) -> Any:  # noqa: ANN401
        point = Point.parse(sample["point"]) if sample else None
        if point is None or not loaded:
            return []
        try:
            found = await neighbours(client, point, k=NEIGHBOURS)
        except ApiError as error:
            return failed(str(error))
        return neighbour_strip(found, loaded["datasets"])

    @app.callback(
        Output("map-standing", "children"),
        Input("map-sample", "data"),
        prevent_initial_call=True,
    )
    async def show_standing(sample: dict[str, Any] | None) -> Any:  # noqa: ANN401
        point = Point.parse(sample["point"]) if sample else None
        if point is None:
            return []
        if point.split != "test":
            return standing_words(None)
        try:
            return standing_words(await standing(client, point))
        except ApiRefused as error:
            return standing_words(None, f"{error}.")
        except ApiError as error:
            return standing_words(None, f"Not known now: {error}.")
