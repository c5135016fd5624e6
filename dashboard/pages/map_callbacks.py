"""What the map page does: server callbacks fetch, clientside callbacks (assets/map.js) draw."""

import asyncio
from typing import Any

from dash import ALL, ClientsideFunction, Dash, Input, Output, State, ctx, no_update

from dashboard.answers import Catalogue, Ellipse
from dashboard.client import ApiClient, ApiError, ApiRefused
from dashboard.components.inspector import inspector, nothing_selected
from dashboard.components.legend import coverage, legend_rows, warning_mark
from dashboard.components.states import empty, failed
from dashboard.components.words import count
from dashboard.figures.map_figure import ellipse_outlines, map_figure
from dashboard.settings import DashboardSettings
from dashboard.state import MapView, Point

MAP = "pca"


def register(app: Dash, client: ApiClient, settings: DashboardSettings) -> None:
    """Attach the page's callbacks to the app."""
    _register_clientside(app)
    _register_loading(app, client, settings)
    _register_ellipses(app, client)
    _register_inspector(app, client)
    _register_address(app)


def _register_clientside(app: Dash) -> None:
    def draw(function: str, *arguments: object, **options: bool) -> None:
        app.clientside_callback(ClientsideFunction("vqscope", function), *arguments, **options)

    draw("hasWebgl", Output("webgl", "data"), Input("url", "pathname"), State("webgl", "data"))
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
    draw("drawMap", Output("map-ready", "data"), Input("map-graph", "figure"), Input("map-loaded", "data"))
    draw("drawEllipses", Input("map-ellipses", "data"))
    draw("drawSelected", Input("map-sample", "data"))
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


def _register_loading(app: Dash, client: ApiClient, settings: DashboardSettings) -> None:
    @app.callback(
        Output("map-graph", "figure"),
        Output("map-legend", "children"),
        Output("map-total", "children"),
        Output("map-kind", "value"),
        Output("map-level", "value"),
        Output("map-sigma", "value"),
        Output("map-selected", "data"),
        Output("map-ellipses", "data"),
        Output("map-loaded", "data"),
        Output("map-state", "children"),
        Output("map-note", "children"),
        Input("api", "data"),
        Input("webgl", "data"),
        Input("url", "pathname"),
        State("url", "search"),
        State("map-query", "data"),
        State("map-loaded", "data"),
        prevent_initial_call=True,
    )
    async def load(
        api: dict[str, Any] | None,
        webgl: bool | None,
        pathname: str,
        search: str,
        query: str | None,
        loaded: dict[str, Any] | None,
    ) -> tuple[Any, ...]:
        keep = (no_update,) * 9
        if pathname != "/" or webgl is None or not api or api["state"] != "ready":
            return (*keep, no_update, no_update)
        if loaded and loaded["index"] == api["index"]:
            return (*keep, no_update, no_update)
        view = MapView.from_query(query if loaded else search)
        try:
            catalogue, maps, points, ellipses = await asyncio.gather(
                client.catalogue(),
                client.maps(),
                client.points(MAP),
                client.ellipses(MAP, kind=view.kind, level=view.level / 100, sigma=view.sigma),
            )
        except ApiError as error:
            return (*keep, failed(str(error)), no_update)
        info = next((m for m in maps if m.name == MAP), None)
        if info is None or not catalogue.datasets:
            return (
                *keep,
                empty("The index is empty", "Build one with `vqscope index` and start the service with it."),
                "",
            )
        svg_points = None if webgl else settings.svg_points
        figure = map_figure(catalogue.datasets, info, points, ellipses, view, svg_points=svg_points)
        n = len(points.x)
        note = f"PCA fitted on the {info.fitted_on}ing images" if info.fitted_on == "train" else ""
        if svg_points is not None and n > svg_points:
            note = f"This browser has no WebGL: about {count(svg_points)} of {count(n)} points are drawn"
        return (
            figure,
            legend_rows(catalogue.datasets, ellipses, view),
            f"{count(n)} images",
            view.kind,
            view.level,
            view.sigma,
            str(view.point) if view.point else None,
            {"key": _key(view, catalogue.index), "outlines": ellipse_outlines(ellipses)},
            _loaded(catalogue),
            [],
            note,
        )


def _loaded(catalogue: Catalogue) -> dict[str, Any]:
    return {
        "index": catalogue.index,
        "datasets": {
            d.name: {
                "labels": {str(k): v for k, v in d.labels.items()},
                "size": d.image_size,
                "place": d.index,
            }
            for d in catalogue.datasets
        },
    }


def _key(view: MapView, index: str) -> list[Any]:
    return [view.kind, view.level, view.sigma, index]


def _register_ellipses(app: Dash, client: ApiClient) -> None:
    @app.callback(
        Output("map-ellipses", "data", allow_duplicate=True),
        Output({"type": "dataset-coverage", "name": ALL}, "children"),
        Output({"type": "dataset-warning", "name": ALL}, "children"),
        Output("map-ellipse-note", "children"),
        Output("map-level-row", "hidden"),
        Output("map-sigma-row", "hidden"),
        Input("map-kind", "value"),
        Input("map-level", "value"),
        Input("map-sigma", "value"),
        State("map-loaded", "data"),
        State("map-ellipses", "data"),
        State({"type": "dataset-coverage", "name": ALL}, "id"),
        prevent_initial_call=True,
    )
    async def refit(
        kind: str,
        level: float | str | None,
        sigma: float | str | None,
        loaded: dict[str, Any] | None,
        drawn: dict[str, Any] | None,
        ids: list[dict[str, str]],
    ) -> tuple[Any, ...]:
        rows = (kind == "sigma", kind != "sigma")
        same = [no_update] * len(ids)
        view = _view(None, kind, level, sigma, None)
        if not loaded or (drawn and drawn["key"] == _key(view, loaded["index"])):
            return no_update, same, same, no_update, *rows
        try:
            catalogue, ellipses = await asyncio.gather(
                client.catalogue(),
                client.ellipses(MAP, kind=view.kind, level=view.level / 100, sigma=view.sigma),
            )
        except ApiError as error:
            return no_update, same, same, f"The ellipses could not be updated: {error}.", *rows
        found: dict[str, Ellipse] = {e.group: e for e in ellipses}
        names = [id_["name"] for id_ in ids]
        warnings = [
            warning_mark(dataset, found.get(name)) if (dataset := catalogue.get(name)) else []
            for name in names
        ]
        drawn = {"key": _key(view, loaded["index"]), "outlines": ellipse_outlines(ellipses)}
        return drawn, [coverage(found.get(name)) for name in names], warnings, _note(view, ellipses), *rows


def _note(view: MapView, ellipses: tuple[Ellipse, ...]) -> str:
    level = next((e.level for e in ellipses if e.level is not None), None)
    if view.kind == "sigma" and level is not None:
        return f"{view.sigma:g} standard deviations cover {100 * level:.1f} % of a 2-D normal distribution."
    if view.kind == "mean":
        return "Where the mean of the data set lies, not where its images fall."
    return ""


def _register_inspector(app: Dash, client: ApiClient) -> None:
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
        return inspector(sample, index, dataset_index=about["place"], image_size=about["size"]), ring


def _register_address(app: Dash) -> None:
    @app.callback(
        Output("map-query", "data"),
        Input("map-on", "data"),
        Input("map-kind", "value"),
        Input("map-level", "value"),
        Input("map-sigma", "value"),
        Input("map-selected", "data"),
        State("map-loaded", "data"),
        prevent_initial_call=True,
    )
    def write(
        on: list[str] | None,
        kind: str,
        level: float | str | None,
        sigma: float | str | None,
        selected: str | None,
        loaded: dict[str, Any] | None,
    ) -> object:
        if not loaded or on is None:
            return no_update
        names = None if set(on) == set(loaded["datasets"]) else on
        return _view(names, kind, level, sigma, selected).to_query()

    @app.callback(
        Output({"type": "dataset-switch", "name": ALL}, "checked", allow_duplicate=True),
        Output("map-kind", "value", allow_duplicate=True),
        Output("map-level", "value", allow_duplicate=True),
        Output("map-sigma", "value", allow_duplicate=True),
        Output("map-selected", "data", allow_duplicate=True),
        Input("url", "search"),
        State("url", "pathname"),
        State("map-query", "data"),
        State({"type": "dataset-switch", "name": ALL}, "id"),
        prevent_initial_call=True,
    )
    def read(search: str, pathname: str, query: str | None, ids: list[dict[str, str]]) -> tuple[Any, ...]:
        """Back, forward and links from other pages change the address; the page follows."""
        if pathname != "/" or query is None or search == query:
            return [no_update] * len(ids), no_update, no_update, no_update, no_update
        view = MapView.from_query(search)
        point = str(view.point) if view.point else None
        return [view.shows(id_["name"]) for id_ in ids], view.kind, view.level, view.sigma, point


def _view(
    on: list[str] | None,
    kind: str,
    level: float | str | None,
    sigma: float | str | None,
    selected: str | None,
) -> MapView:
    # A number field that is being edited may be empty or out of range: reading the numbers as an address
    # puts the default in their place meanwhile.
    numbers = MapView.from_query(f"?level={level}&sigma={sigma}")
    return MapView(
        on=None if on is None else tuple(on),
        kind=kind,
        level=numbers.level,
        sigma=numbers.sigma,
        point=Point.parse(selected),
    )
