"""The map's ellipses: of data sets, labels or splits, refitted when what they depend on is changed."""

from typing import Any

from dash import ALL, Dash, Input, Output, State, no_update

from dashboard.answers import Ellipse
from dashboard.answers_map import Columns
from dashboard.client import ApiClient
from dashboard.components.legend import coverage, warning_mark
from dashboard.errors import ApiError
from dashboard.pages.map_controls import away
from dashboard.pages.map_regions import Regions, fetch_regions, regions_key
from dashboard.state_map import MapView


def register(app: Dash, client: ApiClient) -> None:
    """Attach the callback that follows the ellipses' controls."""

    @app.callback(
        Output("map-ellipses", "data", allow_duplicate=True),
        Output({"type": "dataset-coverage", "name": ALL}, "children"),
        Output({"type": "dataset-warning", "name": ALL}, "children"),
        Output("map-groups", "children", allow_duplicate=True),
        Output("map-ellipse-note", "children", allow_duplicate=True),
        Output("map-level-row", "hidden"),
        Output("map-sigma-row", "hidden"),
        Input("map-group", "value"),
        Input("map-kind", "value"),
        Input("map-level", "value"),
        Input("map-sigma", "value"),
        Input("map-on", "data"),
        Input("map-off", "data"),
        Input("api", "data"),
        State("map-loaded", "data"),
        State("map-ellipses", "data"),
        State({"type": "dataset-coverage", "name": ALL}, "id"),
        prevent_initial_call=True,
    )
    async def refit(
        group: str,
        kind: str,
        level: float | str | None,
        sigma: float | str | None,
        on: list[str] | None,
        off: dict[str, list[int]] | None,
        api: dict[str, Any] | None,
        loaded: dict[str, Any] | None,
        known_as: dict[str, Any] | None,
        ids: list[dict[str, str]],
    ) -> tuple[Any, ...]:
        rows = (kind == "sigma", kind != "sigma")
        same = [no_update] * len(ids)
        if not loaded or on is None or away(api):
            return no_update, same, same, no_update, no_update, *rows
        view = MapView.from_controls(
            map=loaded["map"], on=on, off=off, group=group, kind=kind, level=level, sigma=sigma
        )
        if known_as and known_as["key"] == regions_key(view, loaded["index"], list(loaded["datasets"])):
            # What could not be updated is not asked for any more.
            return no_update, same, same, no_update, known_as["about"], *rows
        try:
            regions = await fetch_regions(client, view, on, loaded["dimensions"])
        except ApiError as error:
            words = f"The ellipses could not be updated: {error}."
            return no_update, same, same, no_update, words, *rows
        return (
            regions.drawn(),
            *_legend(regions, [id_["name"] for id_ in ids]),
            first_rows(regions),
            regions.about,
            *rows,
        )


def group_options(known: Columns) -> list[dict[str, str]]:
    """What ellipses can be fitted to."""
    return [{"value": column.name, "label": column.title} for column in known.items]


def first_rows(regions: Regions) -> list[Any]:
    """What is said below the controls: data sets have rows of their own in the legend."""
    return [*regions.note_rows()] if regions.by_dataset else [*regions.rows()]


def _legend(regions: Regions, names: list[str]) -> tuple[list[Any], list[Any]]:
    """Of each data set's row the coverage and the warnings."""
    found: dict[str, Ellipse] = {e.group: e for e in regions.of_datasets} if regions.by_dataset else {}
    warnings: list[Any] = []
    for name in names:
        dataset, ellipse = regions.catalogue.get(name), found.get(name)
        of_ellipse = ellipse.warnings if ellipse else ()
        warnings.append(warning_mark((*of_ellipse, *dataset.warnings)) if dataset else [])
    return [
        coverage(found.get(name), regions.view.kind, drawn=regions.by_dataset) for name in names
    ], warnings
