"""What the map page does: server callbacks fetch, clientside callbacks (assets/map.js) draw."""

from typing import Any

from dash import ALL, ClientsideFunction, Dash, Input, Output, State, no_update

from dashboard.client import ApiClient
from dashboard.pages import (
    map_colour,
    map_ellipses,
    map_fit,
    map_loading,
    map_quality,
    map_second,
    map_selection,
)
from dashboard.pages.map_controls import CONTROLS, controls_of
from dashboard.pages.map_panel import SAVE_IDS
from dashboard.settings import DashboardSettings
from dashboard.state_map import MapView


def register(app: Dash, client: ApiClient, _settings: DashboardSettings) -> None:
    """Attach the page's callbacks to the app."""
    _register_clientside(app)
    map_loading.register(app, client)
    map_second.register(app, client)
    map_quality.register(app, client)
    map_ellipses.register(app, client)
    map_colour.register(app, client)
    map_selection.register(app, client)
    map_fit.register(app, client)
    _register_address(app)


def _register_clientside(app: Dash) -> None:
    def draw(function: str, *arguments: object, **options: bool) -> None:
        app.clientside_callback(ClientsideFunction("vqscope", function), *arguments, **options)

    draw(
        "switchDatasets",
        Output({"type": "dataset-switch", "name": ALL}, "checked"),
        Output("map-on", "data"),
        Input({"type": "dataset-switch", "name": ALL}, "checked"),
        Input({"type": "dataset-only", "name": ALL}, "n_clicks"),
        Input("map-all", "n_clicks"),
        Input("map-none", "n_clicks"),
        State({"type": "dataset-switch", "name": ALL}, "id"),
    )
    draw(
        "switchLabels",
        Output({"type": "label-switch", "name": ALL}, "value"),
        Output("map-off", "data"),
        Output({"type": "label-open", "name": ALL}, "children"),
        Input({"type": "label-switch", "name": ALL}, "value"),
        Input({"type": "label-all", "name": ALL}, "n_clicks"),
        Input({"type": "label-none", "name": ALL}, "n_clicks"),
        State({"type": "label-switch", "name": ALL}, "id"),
        State({"type": "label-switch", "name": ALL}, "options"),
    )
    draw(
        "drawMap",
        Output("map-ready", "data"),
        Input("map-graph", "figure"),
        Input("map-loaded", "data"),
        Input("map-view", "data"),
    )
    draw("drawSecond", Input("map-graph-2", "figure"), Input("map-shown", "data"))
    draw("followSecond", Input("map-shown", "data"), Input("map-view-2", "data"))
    draw("drawEllipses", Input("map-ellipses", "data"), Input("map-ellipses-2", "data"))
    draw(
        "followInspector",
        Output(
            "map-followed", "data"
        ),  # never written; a callback without output is called where the page is not
        Input("map-selected", "data"),
        Input("api", "data"),
        Input("map-loaded", "data"),
        Input("map-shown", "data"),
    )
    draw("drawColours", Input("map-colouring", "data"))
    draw("drawPolygon", Output("map-selection", "hidden"), Input("map-polygon", "data"))
    draw(
        "chooseTool",
        Input("map-pan", "n_clicks"),
        Input("map-box", "n_clicks"),
        Input("map-lasso", "n_clicks"),
    )
    draw(
        "selectView",
        Output("map-polygon", "data", allow_duplicate=True),
        Input("map-select-view", "n_clicks"),
        Input("selection-clear", "n_clicks"),
        prevent_initial_call=True,
    )
    draw("saveMap", *[Input(id_, "n_clicks") for id_ in SAVE_IDS])
    draw("showCodes", Input("map-codes-over", "n_clicks"))
    draw(
        "clearSelected",
        Output("map-selected", "data", allow_duplicate=True),
        Input("map-clear", "n_clicks"),
        prevent_initial_call=True,
    )
    draw(
        "zoom",
        Input("map-zoom-in", "n_clicks"),
        Input("map-zoom-out", "n_clicks"),
        Input("map-fit", "n_clicks"),
    )


def _register_address(app: Dash) -> None:
    app.clientside_callback(
        ClientsideFunction("vqscope", "askAddress"),
        Output("map-address", "data"),
        Input("url", "search"),
        State("url", "pathname"),
        State("map-query", "data"),
        State("map-address", "data"),
        prevent_initial_call=True,
    )

    @app.callback(
        output=Output("map-query", "data"),
        inputs=[
            Input("map-on", "data"),
            Input("map-off", "data"),
            Input("map-selected", "data"),
            Input("map-polygon", "data"),
            Input("map-view", "data"),
            Input("map-view-2", "data"),
            Input("map-order", "data"),
            Input("map-loaded", "data"),
            {name: Input(f"map-{name}", "value") for name in CONTROLS},
        ],
        prevent_initial_call=True,
    )
    def write(
        on: list[str] | None,
        off: dict[str, list[int]] | None,
        selected: str | None,
        polygon: dict[str, Any] | None,
        seen: dict[str, Any] | None,
        second_seen: dict[str, Any] | None,
        order: str | None,
        loaded: dict[str, Any] | None,
        controls: dict[str, Any],
    ) -> object:
        if not loaded or on is None:
            return no_update
        names = None if set(on) == set(loaded["datasets"]) else on
        controls |= {"map": loaded["map"], "order": order, "seen": seen, "second_seen": second_seen}
        view = MapView.from_controls(on=names, off=off, point=selected, polygon=polygon, **controls)
        return view.to_query()

    @app.callback(
        output={
            "on": Output({"type": "dataset-switch", "name": ALL}, "checked", allow_duplicate=True),
            "labels": Output({"type": "label-switch", "name": ALL}, "value", allow_duplicate=True),
            "point": Output("map-selected", "data", allow_duplicate=True),
            "polygon": Output("map-polygon", "data", allow_duplicate=True),
            "seen": Output("map-view", "data", allow_duplicate=True),
            "second_seen": Output("map-view-2", "data", allow_duplicate=True),
            "order": Output("map-order", "data", allow_duplicate=True),
            "map": Output("map-name", "value", allow_duplicate=True),
            # Another map is loaded with what the address asks for, before the controls could be read again.
            "query": Output("map-query", "data", allow_duplicate=True),
            **{name: Output(f"map-{name}", "value", allow_duplicate=True) for name in CONTROLS},
        },
        inputs=[
            Input("map-address", "data"),
            State({"type": "dataset-switch", "name": ALL}, "id"),
            State({"type": "label-switch", "name": ALL}, "id"),
            State({"type": "label-switch", "name": ALL}, "options"),
        ],
        prevent_initial_call=True,
    )
    def read(
        address: dict[str, Any],
        ids: list[dict[str, str]],
        labelled: list[dict[str, str]],
        options: list[list[dict[str, Any]]],
    ) -> dict[str, Any]:
        """Back, forward and links from other pages change the address; the page follows."""
        view = MapView.from_query(address["search"])
        seen, second_seen = view.stored_seen
        return {
            "on": [view.shows(id_["name"]) for id_ in ids],
            "labels": [
                [one["value"] for one in some if one["value"] not in view.off_of(id_["name"])]
                for id_, some in zip(labelled, options, strict=True)
            ],
            "point": str(view.point) if view.point else None,
            "polygon": view.drawn,
            "seen": seen,
            "second_seen": second_seen,
            "order": view.order,
            "map": view.map,
            "query": address["search"],
            **controls_of(view),
        }
