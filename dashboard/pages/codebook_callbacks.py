"""What the codebook page does: server callbacks fetch, assets/codebook.js draws the tiles and moves among them."""

import asyncio
from typing import Any

from dash import ClientsideFunction, Dash, Input, Output, State, html, no_update

from dashboard import client_codebook
from dashboard.answers import Catalogue
from dashboard.answers_codebook import Codebook
from dashboard.client import ApiClient
from dashboard.client_codebook import ATLAS_COLUMNS, ATLAS_PAGE
from dashboard.components import code_panel
from dashboard.components.code_pictures import addresses
from dashboard.components.legend import swatch
from dashboard.components.states import empty, failed
from dashboard.components.words import count, figure
from dashboard.errors import ApiError, ApiRefused
from dashboard.pages.codebook import ALL_CODES, goes_with_options, no_code
from dashboard.pages.map_controls import only
from dashboard.palette import mark
from dashboard.settings import DashboardSettings
from dashboard.state import CodebookView

PATH = "/codebook"


def register(app: Dash, client: ApiClient, _settings: DashboardSettings) -> None:
    """Attach the page's callbacks to the app."""
    _register_view(app, client)
    _register_address(app)
    _register_code(app, client)
    _register_patches(app, client)
    app.clientside_callback(
        ClientsideFunction("vqscope", "drawCodes"),
        Output("codebook-shown", "children"),
        Input("codebook-data", "data"),
        Input("codebook-order", "value"),
        Input("codebook-with", "value"),
        Input("codebook-zoom", "value"),
        Input("codebook-show", "value"),
        State("codebook-code", "data"),
    )
    app.clientside_callback(ClientsideFunction("vqscope", "markCode"), Input("codebook-code", "data"))


def _register_view(app: Dash, client: ApiClient) -> None:
    @app.callback(
        Output("codebook-data", "data"),
        Output("codebook-with", "data"),
        Output("codebook-with", "value"),
        Output("codebook-order", "value"),
        Output("codebook-zoom", "value"),
        Output("codebook-show", "value"),
        Output("codebook-code", "data"),
        Output("codebook-total", "children"),
        Output("codebook-marks", "children"),
        Output("codebook-loaded", "data"),
        Output("codebook-state", "children"),
        Input("api", "data"),
        Input("url", "pathname"),
        Input("url", "search"),
        State("codebook-query", "data"),
        State("codebook-loaded", "data"),
        State("codebook-with", "data"),
    )
    async def show_view(
        api: dict[str, Any] | None,
        pathname: str,
        search: str,
        query: str | None,
        loaded: str | None,
        options: list[dict[str, Any]],
    ) -> tuple[Any, ...]:
        """Fetch the codes and set the controls to what the address asks for; later, follow the address."""
        keep = (no_update,) * 11
        if pathname != PATH or not api or api["state"] != "ready":
            return keep
        renewed = loaded != api["index"]
        if not renewed:
            if query is None or search == query or only("api"):
                return keep
            return (*keep[:2], *_controls(CodebookView.from_query(search), options), *keep[7:])
        view = CodebookView.from_query((query or search) if loaded else search)
        try:
            catalogue, book = await asyncio.gather(client.catalogue(), client_codebook.codebook(client))
        except ApiError as error:
            return (*keep[:-1], failed(error))
        options = goes_with_options(catalogue, book)
        return (
            _drawn(catalogue, book),
            options,
            *_controls(view, options),
            _total(book),
            _marks(catalogue, book),
            book.index,
            [],
        )


def _controls(view: CodebookView, options: list[dict[str, Any]]) -> tuple[str, str, str, str, int | None]:
    """Values of filter, order, size, pictures and chosen code."""
    known = {item["value"] for group in options for item in group.get("items", ())}
    chosen = view.goes_with if view.goes_with in known else ALL_CODES
    return chosen or ALL_CODES, view.order, str(view.zoom), view.show, view.code


def _drawn(catalogue: Catalogue, book: Codebook) -> dict[str, Any]:
    """What assets/codebook.js draws the tiles from."""
    marks = {d.name: mark(d.index) for d in catalogue.datasets}
    return {
        "columns": min(ATLAS_COLUMNS, book.size),
        "page": ATLAS_PAGE,
        "pictures": addresses(book.size, book.index),
        "marks": {name: [one.colour, one.symbol] for name, one in marks.items()},
        "codes": [
            {
                "code": line.code,
                "rank": line.rank,
                "images": line.images,
                "share": line.share,
                "dataset": line.dataset,
                "label": None if line.label_of is None else f"{line.label_of}/{line.label}",
                "labelName": line.label_name,
            }
            for line in book.lines
        ],
    }


def _marks(catalogue: Catalogue, book: Codebook) -> list[html.Span]:
    """What the marks of the tiles mean: the data sets that some code goes with."""
    named = {line.dataset for line in book.lines}
    return [
        html.Span([swatch(dataset.index), dataset.name], className="atlas-mark")
        for dataset in catalogue.datasets
        if dataset.name in named
    ]


def _total(book: Codebook) -> str:
    """The codebook in a line."""
    part = f"; the first {count(len(book.lines))} are drawn" if len(book.lines) < book.size else ""
    return (
        f"{count(book.size)} codes, {count(book.dead)} dead, perplexity {figure(book.perplexity, 1)}, "
        f"counted over {count(book.n)} images{part}"
    )


def _register_address(app: Dash) -> None:
    @app.callback(
        Output("codebook-query", "data"),
        Input("codebook-code", "data"),
        Input("codebook-order", "value"),
        Input("codebook-with", "value"),
        Input("codebook-zoom", "value"),
        Input("codebook-show", "value"),
        State("codebook-loaded", "data"),
        prevent_initial_call=True,
    )
    def write(
        code: int | None, order: str, goes_with: str, zoom: str, show: str, loaded: str | None
    ) -> object:
        if not loaded:
            return no_update
        chosen = None if goes_with == ALL_CODES else goes_with
        return CodebookView(code=code, order=order, goes_with=chosen, zoom=int(zoom), show=show).to_query()


def _register_code(app: Dash, client: ApiClient) -> None:
    @app.callback(
        Output("codebook-about", "children"),
        Output("codebook-use", "children"),
        Input("codebook-code", "data"),
        Input("codebook-loaded", "data"),
        Input("api", "data"),
        running=[(Output("codebook-panel", "aria-busy"), "true", "false")],
        prevent_initial_call=True,
    )
    async def show_code(code: int | None, loaded: str | None, api: dict[str, Any] | None) -> tuple[Any, Any]:
        if not _asked(loaded, api):
            return no_update, no_update  # what is shown stays true; the banner tells the rest
        if code is None:
            return no_code(), []
        try:
            catalogue, details = await asyncio.gather(
                client.catalogue(), client_codebook.code_details(client, code)
            )
        except ApiRefused as error:
            return empty("No such code", f"{error}"), []
        except ApiError as error:
            return failed(error), []
        return code_panel.about(details), code_panel.use(details, {d.name: d for d in catalogue.datasets})


def _register_patches(app: Dash, client: ApiClient) -> None:
    @app.callback(
        Output("codebook-patches", "children"),
        Input("codebook-code", "data"),
        Input("codebook-loaded", "data"),
        Input("api", "data"),
        running=[(Output("codebook-patches", "aria-busy"), "true", "false")],
        prevent_initial_call=True,
    )
    async def show_patches(code: int | None, loaded: str | None, api: dict[str, Any] | None) -> object:
        """The patches take an encoding of some dozens of images: they come after the rest of the panel."""
        if not _asked(loaded, api):
            return no_update
        if code is None:
            return []
        try:
            catalogue, found = await asyncio.gather(
                client.catalogue(), client_codebook.code_patches(client, code)
            )
        except ApiRefused:
            return []  # the panel says that there is no such code
        except ApiError as error:
            return failed(error)
        return code_panel.patches(code, found, {d.name: d for d in catalogue.datasets})


def _asked(loaded: str | None, api: dict[str, Any] | None) -> bool:
    """Whether codes are shown and the service can be asked about them."""
    return bool(loaded and api and api["state"] == "ready")
