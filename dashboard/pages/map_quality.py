"""How far the maps that are shown can be believed: a button, and what is asked for when it is pressed."""

import asyncio
from typing import Any

from dash import Dash, Input, Output, State, html, no_update
from dash.development.base_component import Component

from dashboard.client import ApiClient
from dashboard.client_map import quality
from dashboard.components.map_quality import quality_table
from dashboard.components.states import failed
from dashboard.errors import ApiError, ApiRefused
from dashboard.pages.map_panel import map_title


def register(app: Dash, client: ApiClient) -> None:
    """Attach the callback that asks for the figures of what is shown."""

    @app.callback(
        Output("map-quality-figures", "children"),
        Input("map-quality-open", "n_clicks"),
        State("map-loaded", "data"),
        State("map-second", "value"),
        # Of another map, or of before: what was there last is not shown until it is known anew.
        running=[
            (Output("map-quality-wait", "hidden"), False, True),
            (Output("map-quality-figures", "hidden"), True, False),
        ],
        prevent_initial_call=True,
    )
    async def show(_clicks: int, loaded: dict[str, Any] | None, second: str) -> Any:  # noqa: ANN401 - or no_update
        if not loaded:
            return no_update
        return await asyncio.gather(*(_of(client, name) for name in (loaded["map"], second) if name))


async def _of(client: ApiClient, name: str) -> Component:
    title = map_title(name)
    try:
        return quality_table(title, await quality(client, name))
    except ApiRefused as error:
        text = str(error)
        return html.Div(
            [
                html.Div(title, className="section-title"),
                html.Div(f"{text[:1].upper()}{text[1:]}.", className="note"),
            ]
        )
    except ApiError as error:
        return failed(error)
