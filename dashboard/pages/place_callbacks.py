"""What the page for the reader's own images does once the service has answered."""

from typing import Any

import plotly.graph_objects as go
from dash import Dash, Input, Output, no_update

from dashboard.answers_place import Placed
from dashboard.client import ApiClient
from dashboard.errors import ApiError, ApiUnreadable
from dashboard.figures.place_figure import place_figure
from dashboard.pages.place import cards, legend, not_placed
from dashboard.settings import DashboardSettings

_LEVEL = 0.95


def _read(answers: dict[str, Any]) -> Placed:
    try:
        return Placed.of(answers["reconstruct"], answers["project"], answers["outliers"])
    except (KeyError, TypeError, ValueError) as error:
        raise ApiUnreadable(
            "the service's answer cannot be read; are dashboard and service of one version?"
        ) from error


def register(app: Dash, client: ApiClient, _settings: DashboardSettings) -> None:
    """Attach the callback that shows the answers; assets/place.js puts them into the store."""

    @app.callback(
        Output("place-cards", "children"),
        Output("place-graph", "figure"),
        Output("place-legend", "children"),
        Output("place-map", "hidden"),
        Input("place-answers", "data"),
        prevent_initial_call=True,
    )
    async def show(answers: dict[str, Any] | None) -> tuple[Any, ...]:
        if not answers:
            return (no_update,) * 4
        if "problem" in answers:
            return not_placed(str(answers["problem"])), go.Figure(), [], True
        try:
            placed = _read(answers)
            catalogue = await client.catalogue()
            info = next((one for one in await client.maps() if one.name == placed.map), None)
            if info is None:
                raise ApiError(f"the index has no map {placed.map} any more; place the images again")
            ellipses = await client.ellipses(placed.map, kind="prediction", level=_LEVEL, sigma=3)
        except ApiError as error:
            return not_placed(str(error)), go.Figure(), [], True
        drawn = place_figure(catalogue.datasets, info, ellipses, placed.images)
        return cards(placed, catalogue), drawn, legend(catalogue), False
