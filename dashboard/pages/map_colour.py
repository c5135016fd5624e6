"""Colouring the points by a column, or by whether an image contains a code."""

import asyncio
from typing import Any

from dash import Dash, Input, Output, no_update

from dashboard import client_cards
from dashboard.answers_map import Columns
from dashboard.client import ApiClient
from dashboard.client_map import columns, quality
from dashboard.colouring import Colouring, by_code, by_column, by_dataset, by_outlier, by_preservation
from dashboard.components.colour_legend import colour_legend
from dashboard.errors import ApiError, ApiRefused
from dashboard.pages.map_controls import away, only
from dashboard.state_map import MapView

CODE = {"value": "code", "label": "Presence of a code"}
OUTLIER = {"value": "outlier", "label": "Outlier percentile (test images)"}
PRESERVATION = {"value": "preservation", "label": "Neighbour preservation"}


def register(app: Dash, client: ApiClient) -> None:
    """Attach the callback that follows the choice of a colour."""

    @app.callback(
        Output("map-colouring", "data"),
        Output("map-colours", "children"),
        Output("map-colours", "hidden"),
        Output("map-code-row", "hidden"),
        Input("map-colour", "value"),
        Input("map-code", "value"),
        Input("map-second", "value"),
        Input("map-loaded", "data"),
        Input("api", "data"),
        prevent_initial_call=True,
    )
    async def colour(
        name: str,
        code: float | str | None,
        second: str,
        loaded: dict[str, Any] | None,
        api: dict[str, Any] | None,
    ) -> tuple[Any, ...]:
        no_code = name != "code"
        # A second map takes the colours that there are, except those that each map has of its own.
        if not loaded or away(api) or (only("map-second") and name != "preservation"):
            return no_update, no_update, no_update, no_code
        view = MapView.from_controls(map=loaded["map"], second=second, colour=name, code=code)
        try:
            colouring = await _colouring(client, view)
        except ApiError as error:
            return no_update, f"The colours could not be changed: {error}.", False, no_code
        plan = colouring.plan()
        if plan is not None:
            plan["path"] += f"?v={loaded['index']}"
        return plan, colour_legend(colouring), plan is None, no_code


def colour_options(known: Columns) -> list[dict[str, str]]:
    """What points can be coloured by."""
    of_images = [{"value": column.name, "label": column.title} for column in known.items]
    return [*of_images, OUTLIER, PRESERVATION, CODE]


async def _colouring(client: ApiClient, view: MapView) -> Colouring:
    if view.colour == "code":
        size = (await client_cards.model_cards(client))[0].codebook_size
        if view.code is None or view.code >= size:
            raise ApiError(f"codes lie in 0 … {size - 1}")
        return by_code(view.code)
    if view.colour == "dataset":
        return by_dataset()
    if view.colour == "outlier":
        await client.fetch("/v1/outliers/percentiles")  # computed once; what is wrong is said in the legend
        return by_outlier()
    if view.colour == "preservation":
        return await _preservation(client, view)
    catalogue, known = await asyncio.gather(client.catalogue(), columns(client))
    column = known.get(view.colour)
    if column is None:
        raise ApiError(f"the index has no column {view.colour}")
    return by_column(column, catalogue)


async def _preservation(client: ApiClient, view: MapView) -> Colouring:
    """Of the maps that were measured; ApiRefused, with what to do, where none was."""
    found, refused = [], None
    for name in [view.map, *([view.second] if view.second else [])]:
        try:
            found.append(await quality(client, name))
        except ApiRefused as error:
            refused = error
    if not found and refused:
        raise refused
    return by_preservation(found)
