"""Refitting the map's ellipses when their kind or level is changed."""

import asyncio
from collections.abc import Sequence
from typing import Any

from dash import ALL, Dash, Input, Output, State, no_update

from dashboard.answers import Ellipse
from dashboard.client import ApiClient, ApiError
from dashboard.components.legend import coverage, warning_mark
from dashboard.figures.map_figure import ellipse_outlines
from dashboard.pages.map import MAP
from dashboard.state import MapView


def register(app: Dash, client: ApiClient) -> None:
    """Attach the callback that follows the ellipses' controls."""

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
        view = MapView.from_controls(None, kind, level, sigma, None)
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
        drawn = drawn_ellipses(view, loaded["index"], ellipses)
        return drawn, [coverage(found.get(name)) for name in names], warnings, _note(view, ellipses), *rows


def drawn_ellipses(view: MapView, index: str, ellipses: Sequence[Ellipse]) -> dict[str, Any]:
    """Content of the store map-ellipses: the outlines, and what they were fitted for."""
    return {"key": _key(view, index), "outlines": ellipse_outlines(ellipses)}


def _key(view: MapView, index: str) -> list[Any]:
    return [view.kind, view.level, view.sigma, index]


def _note(view: MapView, ellipses: tuple[Ellipse, ...]) -> str:
    level = next((e.level for e in ellipses if e.level is not None), None)
    if view.kind == "sigma" and level is not None:
        return f"{view.sigma:g} standard deviations cover {100 * level:.1f} % of a 2-D normal distribution."
    if view.kind == "mean":
        return "Where the mean of the data set lies, not where its images fall."
    return ""
