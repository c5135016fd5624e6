"""Page 7: cards of the model and of the data sets, and how the service is."""

import asyncio
from importlib.metadata import version
from typing import Any

from dash import Dash, Input, Output, State, dcc, html, no_update
from dash.development.base_component import Component

from dashboard import client_cards
from dashboard.client import ApiClient
from dashboard.components.attributes import attributes
from dashboard.components.dataset_card import dataset_card
from dashboard.components.model_card import facts, model_card
from dashboard.components.states import empty, failed
from dashboard.errors import ApiError
from dashboard.settings import DashboardSettings

PATH = "/models"
STATES = {"ready": "ready", "starting": "starting: the model is being loaded", "away": "does not answer"}


def layout() -> html.Main:
    """The page; its data arrive by the callbacks below."""
    return html.Main(
        [
            html.Section(
                [html.H2("Service", className="models-title"), html.Div(id="models-service")],
                className="panel models-service",
                **attributes({"aria-label": "Health of the service"}),
            ),
            html.Div(
                empty("Loading …", "The cards are being fetched."),
                id="models-cards",
                className="models-cards",
            ),
            dcc.Store(id="models-loaded"),  # the index and the model whose cards are shown
        ],
        id="page-models",
        className="page models-page",
        hidden=True,
        **attributes({"aria-label": "Models and data"}),
    )


def register(app: Dash, client: ApiClient, settings: DashboardSettings) -> None:
    """Attach the page's callbacks to the app."""

    @app.callback(
        Output("models-service", "children"),
        Input("api", "data"),
        Input("url", "pathname"),
    )
    async def show_service(api: dict[str, Any] | None, pathname: str) -> object:
        if pathname != PATH or not api:
            return no_update
        return await _service(client, api, settings)

    @app.callback(
        Output("models-cards", "children"),
        Output("models-loaded", "data"),
        Input("api", "data"),
        Input("url", "pathname"),
        State("models-loaded", "data"),
    )
    async def show_cards(
        api: dict[str, Any] | None, pathname: str, loaded: list[str] | None
    ) -> tuple[Any, Any]:
        if pathname != PATH or not api or api["state"] != "ready":
            return no_update, no_update  # what is shown stays true; the banner tells the rest
        wanted = [api["model"], api["index"]]
        if loaded == wanted:
            return no_update, no_update
        try:
            models, datasets = await asyncio.gather(
                client_cards.model_cards(client), client_cards.dataset_cards(client)
            )
        except ApiError as error:
            return failed(error), None
        by_name = {card.dataset.name: card.dataset for card in datasets}
        sets: list[Component] = [dataset_card(card) for card in datasets] or [
            empty("The index is empty", "It has no data sets.")
        ]
        return [
            *[model_card(model, by_name) for model in models],
            html.Section(sets, className="models-datasets", **attributes({"aria-label": "Data sets"})),
        ], wanted


async def _service(client: ApiClient, api: dict[str, Any], settings: DashboardSettings) -> Component:
    """How the service is; its version only where it answers."""
    rows = [("state", "State", STATES.get(api["state"], api["state"]))]
    if api["state"] == "ready":
        try:
            rows.append(("service", "Service", f"VQScope {await client_cards.service_version(client)}"))
        except ApiError as error:
            rows.append(("service", "Service", f"version not known: {error}"))
        rows += [("model", "Model", api["model"]), ("index", "Latent index", api["index"])]
    rows += [
        ("dashboard", "Dashboard", f"VQScope {version('vqscope')}"),
        ("address", "Address", settings.api_url),
    ]
    return facts(rows)
