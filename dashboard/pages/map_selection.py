"""The panel below the map: what lies inside the polygon that was drawn."""

from dataclasses import replace
from typing import Any

import dash_mantine_components as dmc
from dash import ALL, MATCH, ClientsideFunction, Dash, Input, Output, State, dcc, html, no_update, set_props

from dashboard.client import ApiClient
from dashboard.client_map import Inside, columns, rows, selection
from dashboard.components.attributes import attributes
from dashboard.components.markup import drawn, markup
from dashboard.components.menu import download, menu
from dashboard.components.selection import composition, figures_and_codes, thumbnails
from dashboard.components.states import empty, failed
from dashboard.components.words import count, per_cent
from dashboard.errors import ApiError
from dashboard.pages.map_table import PAGE, filters_told, grid, order_of, where_of
from dashboard.state_map import TABS, MapView

CODES = 20
PAGE_SIZE = 36
_FILES = {
    "csv": "Table (CSV)",
    "parquet": "Table (Parquet)",
    "embeddings": "Embeddings (npy)",
    "codes": "Codes (npy)",
}


def layout() -> html.Section:
    """The panel, hidden until something is selected."""
    return html.Section(
        [
            html.Div(
                [
                    html.H2("Selection"),
                    html.Span(
                        id="selection-count",
                        className="muted",
                        role="status",
                        title="Selected images, of all images that are shown",
                    ),
                    html.Div(className="spring"),
                    dmc.SegmentedControl(
                        id="map-tab",
                        data=[{"value": tab, "label": tab.capitalize()} for tab in TABS],
                        value=MapView.tab,
                        size="xs",
                        attributes={"root": {"aria-label": "What to show of the selection"}},
                    ),
                    menu(
                        "Export",
                        [
                            download(name, {"type": "selection-export", "form": form})
                            for form, name in _FILES.items()
                        ],
                    ),
                    html.Button("Clear", id="selection-clear", type="button", className="plain small"),
                ],
                className="map-head",
            ),
            html.Div(
                [
                    drawn(None, id="selection-composition"),
                    drawn(None, id="selection-codes", hidden=True),
                    html.Div(
                        [drawn(None, id="selection-images"), _pager()], id="selection-pages", hidden=True
                    ),
                    html.Div(id="selection-table", hidden=True, className="selection-table"),
                ],
                className="selection-body",
                tabIndex="0",  # it may have to be scrolled
                role="group",
                **attributes({"aria-label": "What is selected"}),
            ),
            dcc.Store(id="selection-page", data=1),
        ],
        id="map-selection",
        className="panel selection",
        hidden=True,
        **attributes({"aria-label": "Selection"}),
    )


def _pager() -> html.Div:
    return html.Div(
        [
            html.Button("Previous", id="selection-previous", type="button", className="plain small"),
            html.Span(id="selection-place", className="muted"),
            html.Button("Next", id="selection-next", type="button", className="plain small"),
        ],
        className="button-row selection-pager",
    )


def register(app: Dash, client: ApiClient) -> None:
    """Attach the callbacks of the panel."""
    _register_clientside(app)
    _register_summary(app, client)
    _register_table(app, client)

    @app.callback(
        Output({"type": "selection-export", "form": ALL}, "href"),
        Input("map-inside", "data"),
        Input("map-order", "data"),
        State({"type": "selection-export", "form": ALL}, "id"),
        prevent_initial_call=True,
    )
    def link(asked: dict[str, Any] | None, order: str | None, ids: list[dict[str, str]]) -> list[Any]:
        if asked is None or _inside(asked) is None:
            return [no_update] * len(ids)
        query = _query(asked, order)
        return [f"/exports/{id_['form']}{query}" for id_ in ids]


def _register_clientside(app: Dash) -> None:
    app.clientside_callback(
        ClientsideFunction("vqscope", "askSelection"),
        Output("map-inside", "data"),
        Input("map-polygon", "data"),
        Input("map-on", "data"),
        Input("map-off", "data"),
        Input("map-loaded", "data"),
        Input("api", "data"),
        State("map-inside", "data"),
        prevent_initial_call=True,
    )
    app.clientside_callback(
        ClientsideFunction("vqscope", "showTab"),
        *[Output(f"selection-{part}", "hidden") for part in ("composition", "codes", "pages", "table")],
        Input("map-tab", "value"),
        prevent_initial_call=True,
    )
    app.clientside_callback(
        ClientsideFunction("vqscope", "turnSelection"),
        Output("selection-page", "data", allow_duplicate=True),
        Input("selection-previous", "n_clicks"),
        Input("selection-next", "n_clicks"),
        State("selection-page", "data"),
        prevent_initial_call=True,
    )


def _inside(asked: dict[str, Any] | None) -> Inside | None:
    """What is selected; None where that is nothing."""
    if not asked or not asked["on"]:
        return None
    polygon = asked["polygon"]
    view = MapView.from_controls(map=polygon["map"], on=asked["on"], off=asked["off"], polygon=polygon)
    return Inside.of(view)


def _query(asked: dict[str, Any], order: str | None = None) -> str:
    polygon = asked["polygon"]
    return MapView.from_controls(
        map=polygon["map"], on=asked["on"], off=asked["off"], polygon=polygon, order=order
    ).to_query()


def _register_summary(app: Dash, client: ApiClient) -> None:
    @app.callback(
        Output("selection-count", "children"),
        Output("selection-composition", "data-markup"),
        Output("selection-codes", "data-markup"),
        Output("selection-page", "data"),
        Input("map-inside", "data"),
        prevent_initial_call=True,
    )
    async def summarise(asked: dict[str, Any] | None) -> tuple[Any, ...]:
        if not asked:
            return "", "", "", no_update
        inside = _inside(asked)
        if inside is None:
            none = markup(empty("No data set is switched on", "Choose one on the left."))
            return "", none, none, 1
        try:
            catalogue = await client.catalogue()
            found = await selection(client, inside, codes=CODES, offset=0, limit=0)
        except ApiError as error:
            return "", markup(failed(error)), markup(failed(error)), no_update
        share = f" ({per_cent(found.n / found.total)})" if found.total else ""
        return (
            f"{count(found.n)} of {count(found.total)}{share}{filters_told(inside.where)}",
            markup(composition(found, catalogue)),
            markup(figures_and_codes(found)),
            1,
        )

    @app.callback(
        Output("selection-images", "data-markup"),
        Output("selection-place", "children"),
        Output("selection-previous", "disabled"),
        Output("selection-next", "disabled"),
        Input("selection-page", "data"),
        Input("map-tab", "value"),
        Input("map-inside", "data"),
        prevent_initial_call=True,
    )
    async def show_images(page: int, tab: str, asked: dict[str, Any] | None) -> tuple[Any, ...]:
        inside = _inside(asked)
        if tab != "images" or inside is None:
            return (no_update,) * 4
        try:
            catalogue = await client.catalogue()
            found = await selection(client, inside, codes=0, offset=(page - 1) * PAGE_SIZE, limit=PAGE_SIZE)
        except ApiError as error:
            return markup(failed(error)), "", True, True
        pages = max(1, -(-found.n // PAGE_SIZE))
        place = f"Page {count(page)} of {count(pages)}"
        return markup(thumbnails(found, catalogue)), place, page <= 1, page >= pages


def _register_table(app: Dash, client: ApiClient) -> None:
    app.clientside_callback(
        ClientsideFunction("vqscope", "openTable"),
        Output("selection-tabled", "data"),
        Input("map-tab", "value"),
        Input("map-inside", "data"),
        prevent_initial_call=True,
    )

    @app.callback(
        Output("selection-table", "children"),
        Input("selection-tabled", "data"),
        State({"type": "selection-grid", "key": ALL}, "id"),
        State("map-order", "data"),
        prevent_initial_call=True,
    )
    async def show_table(asked: dict[str, Any] | None, ids: list[dict[str, str]], order: str | None) -> Any:  # noqa: ANN401 - a component or no_update
        inside = _inside(asked)
        if asked is None or inside is None:
            return no_update
        try:
            known = await columns(client)
        except ApiError as error:
            return failed(error)
        # A table of its own for each selection: what the one before had fetched is another selection's. Its filters
        # are its own doing.
        key = f"{known.index} {_query({**asked, 'polygon': {**asked['polygon'], 'where': []}})}"
        return no_update if key in (id_["key"] for id_ in ids) else grid(known, key, inside.where, order)

    @app.callback(
        Output("map-polygon", "data", allow_duplicate=True),
        Input({"type": "selection-grid", "key": ALL}, "filterModel"),
        State("map-polygon", "data"),
        prevent_initial_call=True,
    )
    def narrow(models: list[dict[str, Any] | None], polygon: dict[str, Any] | None) -> Any:  # noqa: ANN401
        where = [one.body for model in models for one in where_of(model)]
        if not polygon or where == polygon.get("where", []):
            return no_update
        return {**polygon, "where": where}

    @app.callback(
        Output({"type": "selection-grid", "key": MATCH}, "getRowsResponse"),
        Input({"type": "selection-grid", "key": MATCH}, "getRowsRequest"),
        State("map-inside", "data"),
        State("map-order", "data"),
        prevent_initial_call=True,
    )
    async def fetch(wanted: dict[str, Any] | None, asked: dict[str, Any] | None, order: str | None) -> Any:  # noqa: ANN401 - rows or no_update
        inside = _inside(asked)
        if not wanted or inside is None:
            return no_update
        if (chosen := order_of(wanted.get("sortModel"))) != order:
            set_props("map-order", {"data": chosen})
        start = max(0, int(wanted["startRow"]))
        try:
            total, found = await rows(
                client,
                replace(inside, where=where_of(wanted.get("filterModel"))),  # the page may not know of it yet
                offset=start,
                limit=min(PAGE, max(0, int(wanted["endRow"]) - start)),
                order=chosen,
            )
        except ApiError as error:
            set_props("selection-count", {"children": f"The table cannot be read now: {error}."})
            return {"rowData": [], "rowCount": 0}
        return {"rowData": found, "rowCount": total}

    @app.callback(
        Output("map-selected", "data", allow_duplicate=True),
        Input({"type": "selection-grid", "key": ALL}, "selectedRows"),
        prevent_initial_call=True,
    )
    def inspect(selected: list[list[dict[str, Any]] | None]) -> Any:  # noqa: ANN401
        row = next((rows[0] for rows in selected if rows), None)
        if row is None:
            return no_update
        return f"{row['dataset']}/{row['split']}/{row['position']}"
