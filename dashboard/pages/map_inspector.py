"""Filling the inspector with the image that was clicked, or that the address names."""

from typing import Any

from dash import Dash, Input, Output, State, ctx, no_update

from dashboard.client import ApiClient, ApiError, ApiRefused
from dashboard.components.inspector import inspector, nothing_selected
from dashboard.components.states import empty, failed
from dashboard.pages.map import MAP
from dashboard.state import Point


def register(app: Dash, client: ApiClient) -> None:
    """Attach the callback that fills the inspector."""

    @app.callback(
        Output("map-inspector", "children"),
        Output("map-sample", "data"),
        Input("map-selected", "data"),
        Input("api", "data"),
        State("map-loaded", "data"),
        prevent_initial_call=True,
    )
    async def inspect(
        selected: str | None, api: dict[str, Any] | None, loaded: dict[str, Any] | None
    ) -> tuple[Any, Any]:
        point = Point.parse(selected)
        if point is None:
            return nothing_selected(), None
        if ctx.triggered_id == "api" and (not api or api["state"] != "ready"):
            return no_update, no_update  # what is shown stays true; the banner tells the rest
        if not loaded:
            return no_update, no_update  # what is loading names this image again
        about = loaded["datasets"].get(point.dataset)
        if about is None:
            return empty("No such image", f"The index has no data set {point.dataset}."), None
        try:
            index, sample = await client.sample(point)
        except ApiRefused as error:
            return empty("No such image", f"{error}"), None
        except ApiError as error:
            return failed(str(error)), no_update
        place = sample.maps.get(MAP)
        ring = {"dataset": sample.dataset, "x": place[0], "y": place[1]} if place else None
        filled = inspector(
            sample,
            index,
            dataset_index=about["place"],
            image_size=about["size"],
            available=about["available"],
        )
        return filled, ring
