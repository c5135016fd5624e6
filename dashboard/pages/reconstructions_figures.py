"""What stands beside the gallery: histograms of the images chosen, window and level of grey ones."""

from typing import Any

import dash_mantine_components as dmc
from dash import ClientsideFunction, Dash, Input, Output, State, dcc, html, no_update

from dashboard.client import ApiClient
from dashboard.client_figures import histograms as fetch
from dashboard.components.attributes import attributes
from dashboard.components.histograms import histograms
from dashboard.errors import ApiError
from dashboard.state import GREY_LEVELS, ReconstructionsView


def overview() -> html.Section:
    """The row above the gallery."""
    return html.Section(
        [
            html.Div(histograms(), className="recon-hists", id="recon-hists"),
            html.Div(
                [
                    _slider("Window", "recon-window", 1, ReconstructionsView.window),
                    _slider("Level", "recon-level", 0, ReconstructionsView.level),
                    html.Button("Reset", id="recon-window-reset", type="button", className="plain small"),
                ],
                id="recon-windowing",
                className="windowing",
                hidden=True,
                title="Which grey values are spread from black to white, for originals and reconstructions alike",
            ),
            dcc.Store(id="recon-figures"),
        ],
        className="panel recon-overview",
        **attributes({"aria-label": "How the figures are distributed"}),
    )


def register(app: Dash, client: ApiClient) -> None:
    """Attach the callbacks of the row to the app."""

    @app.callback(
        Output("recon-figures", "data"),
        Input("recon-chosen", "data"),
        Input("recon-dataset", "value"),
        Input("recon-loaded", "data"),
        State("recon-figures", "data"),
        prevent_initial_call=True,
    )
    async def fetch_figures(
        chosen: str | None, _dataset: str | None, index: str | None, shown: dict[str, Any] | None
    ) -> Any:  # noqa: ANN401 - or no_update
        """Ask for the histograms when another choice of images is shown, not when a page is turned."""
        if chosen is None or not index:
            return no_update
        view = ReconstructionsView.from_query(chosen)
        of = [index, view.dataset, view.split, view.label]
        if view.dataset is None or (shown and shown["of"] == of):
            return no_update
        try:
            catalogue = await client.catalogue()
            dataset = catalogue.get(view.dataset)
            found = await fetch(client, view.dataset, view.split, view.label)
        except ApiError as error:
            return {"of": None, "n": 0, "figures": {}, "grey": False, "failed": str(error)}
        return {
            "of": of,
            "n": found.n,
            "figures": {name: one.to_browser() for name, one in found.figures.items()},
            "grey": dataset is not None and dataset.channels == 1 and dataset.available,
            "failed": None,
        }

    app.clientside_callback(
        ClientsideFunction("vqscope", "drawFigures"),
        Output("recon-windowing", "hidden"),
        Input("recon-figures", "data"),
        prevent_initial_call=True,
    )
    app.clientside_callback(
        ClientsideFunction("vqscope", "windowLevel"),
        Input("recon-window", "value"),
        Input("recon-level", "value"),
        Input("recon-windowing", "hidden"),
        State("recon-windowed", "data"),
        prevent_initial_call=True,
    )
    app.clientside_callback(
        f"() => [{ReconstructionsView.window}, {ReconstructionsView.level}]",
        Output("recon-window", "value"),
        Output("recon-level", "value"),
        Input("recon-window-reset", "n_clicks"),
        prevent_initial_call=True,
    )


def _slider(name: str, id_: str, low: float, value: float) -> html.Div:
    return html.Div(
        [
            html.Span(name, className="field-label"),
            dmc.Slider(
                id=id_,
                min=low,
                max=GREY_LEVELS,
                value=value,
                step=1,
                size="xs",
                label=None,
                updatemode="drag",
                thumbLabel=f"{name} in grey values",
            ),
            html.Span(id=f"{id_}-shown", className="windowing-value"),
        ],
        className="windowing-row",
    )
