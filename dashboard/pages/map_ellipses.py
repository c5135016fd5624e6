"""The map's ellipses: of data sets, labels or splits, refitted when what they depend on is changed."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from dash import ALL, Dash, Input, Output, State, html, no_update

from dashboard.answers import Catalogue, Ellipse
from dashboard.answers_map import Columns
from dashboard.client import ApiClient
from dashboard.client_map import columns
from dashboard.colouring import OTHER, colours_of
from dashboard.components.label_switches import NO_LABEL
from dashboard.components.legend import coverage, group_row, warning_mark
from dashboard.errors import ApiError
from dashboard.figures.map_points import ellipse_outlines
from dashboard.palette import OKABE_ITO
from dashboard.state_map import MapView

MOST = 40
"""Ellipses drawn besides those of the data sets."""


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
        loaded: dict[str, Any] | None,
        known_as: dict[str, Any] | None,
        ids: list[dict[str, str]],
    ) -> tuple[Any, ...]:
        rows = (kind == "sigma", kind != "sigma")
        same = [no_update] * len(ids)
        if not loaded or on is None:
            return no_update, same, same, no_update, no_update, *rows
        view = MapView.from_controls(
            map=loaded["map"], on=on, off=off, group=group, kind=kind, level=level, sigma=sigma
        )
        if known_as and known_as["key"] == ellipses_key(view, loaded["index"], list(loaded["datasets"])):
            return no_update, same, same, no_update, no_update, *rows
        try:
            catalogue, known, ellipses, grouped = await fetch_ellipses(client, view, on)
        except ApiError as error:
            words = f"The ellipses could not be updated: {error}."
            return no_update, same, same, no_update, words, *rows
        drawn = view.group == "dataset"
        found: dict[str, Ellipse] = {e.group: e for e in ellipses} if drawn else {}
        names = [id_["name"] for id_ in ids]
        warnings = [
            warning_mark((*_warnings(found.get(name)), *dataset.warnings))
            if (dataset := catalogue.get(name))
            else []
            for name in names
        ]
        return (
            drawn_ellipses(view, catalogue, known, ellipses, grouped),
            [coverage(found.get(name), view.kind, drawn=drawn) for name in names],
            warnings,
            group_rows(view, catalogue, known, grouped),
            ellipse_note(view, ellipses, loaded["dimensions"]),
            *rows,
        )


def group_options(known: Columns) -> list[dict[str, str]]:
    """What ellipses can be fitted to."""
    return [{"value": column.name, "label": column.title} for column in known.items]


async def fetch_ellipses(
    client: ApiClient, view: MapView, on: Sequence[str]
) -> tuple[Catalogue, Columns, tuple[Ellipse, ...], tuple[Ellipse, ...]]:
    """What a map's ellipses are drawn from: data sets, columns, ellipses of the data sets and of the groups."""
    catalogue, known, ellipses, grouped = await asyncio.gather(
        client.catalogue(),
        columns(client),
        client.ellipses(view.map, kind=view.kind, level=view.level / 100, sigma=view.sigma),
        fetch_groups(client, view, on),
    )
    return catalogue, known, ellipses, groups_on(view, catalogue, grouped)


async def fetch_groups(client: ApiClient, view: MapView, on: Sequence[str]) -> tuple[Ellipse, ...]:
    """Ellipses of the groups among the data sets that are on; none where data sets are the groups."""
    if view.group == "dataset" or not on:
        return ()
    return await client.ellipses(
        view.map,
        kind=view.kind,
        level=view.level / 100,
        sigma=view.sigma,
        group_by=view.group,
        datasets=on,
    )


def groups_on(view: MapView, catalogue: Catalogue, grouped: Sequence[Ellipse]) -> tuple[Ellipse, ...]:
    """The groups without those of a label that is switched off."""
    names = {dataset.name: dataset.labels for dataset in catalogue.datasets}
    off = {
        f"{name} / {'none' if label == NO_LABEL else names[name].get(label)}"
        for name, label in view.off
        if name in names
    }
    return tuple(e for e in grouped if view.group != "label" or e.group not in off)


def drawn_ellipses(
    view: MapView,
    catalogue: Catalogue,
    known: Columns,
    ellipses: Sequence[Ellipse],
    grouped: Sequence[Ellipse],
) -> dict[str, Any]:
    """Content of the store map-ellipses: outlines of data sets, shapes of other groups, what they were fitted for.

    And of each, in the order of the page's legend, the share of its points inside: a saved picture says it of any map.
    """
    by_dataset = view.group == "dataset"
    found = {e.group: e for e in ellipses}
    outlines = ellipse_outlines(ellipses)
    colours = _colours(view, catalogue, known, grouped)
    shown = [e for e in grouped if e.lines][:MOST]
    return {
        "key": ellipses_key(view, catalogue.index, [d.name for d in catalogue.datasets]),
        "map": view.map,
        "inside": [(d.name, coverage(found.get(d.name), view.kind)) for d in catalogue.datasets]
        if by_dataset
        else [(e.group, coverage(e, view.kind)) for e in grouped[:MOST]],
        "outlines": outlines if by_dataset else {name: {"x": [], "y": []} for name in outlines},
        "shapes": [
            {"name": e.group, "colour": colours[e.group], **ellipse_outlines([e])[e.group]} for e in shown
        ],
    }


def group_rows(
    view: MapView, catalogue: Catalogue, known: Columns, grouped: Sequence[Ellipse]
) -> list[html.Div]:
    """The groups' names, numbers of images, coverage and warnings."""
    colours = _colours(view, catalogue, known, grouped)
    rows = [group_row(e, colours[e.group], view.kind) for e in grouped[:MOST]]
    if len(grouped) > MOST:
        rows.append(html.Div(f"{len(grouped) - MOST:,} more groups are not drawn.", className="note"))
    return rows


def _colours(
    view: MapView, catalogue: Catalogue, known: Columns, grouped: Sequence[Ellipse]
) -> Mapping[str, str]:
    """Colour of each group: that of its points when coloured by the same; of intervals one after the other."""
    column = known.get(view.group)
    of_points = {} if column is None or column.numeric else colours_of(column, catalogue)
    in_order = {e.group: colour for e, colour in zip(grouped, OKABE_ITO, strict=False)}
    return {e.group: of_points.get(e.group) or in_order.get(e.group, OTHER) for e in grouped}


def _warnings(ellipse: Ellipse | None) -> tuple[str, ...]:
    return ellipse.warnings if ellipse else ()


def ellipses_key(view: MapView, index: str, datasets: Sequence[str]) -> list[Any]:
    """What ellipses are drawn for, as they come back from the browser."""
    # Which data sets are on changes the groups' ellipses, but not those of the data sets themselves.
    on = None if view.group == "dataset" else [name for name in datasets if view.shows(name)]
    off = [list(one) for one in view.off] if view.group == "label" else None
    return [view.map, view.group, on, view.kind, view.level, view.sigma, index, off]


def ellipse_note(view: MapView, ellipses: Sequence[Ellipse], dimensions: int) -> str:
    """What the kind of the ellipses needs to be told, where it does."""
    level = next((e.level for e in ellipses if e.level is not None), None)
    if view.kind == "sigma" and level is not None:
        return f"{view.sigma:g} standard deviations cover {100 * level:.1f} % of a {dimensions}-D normal distribution."
    if view.kind == "mean":
        return "Where the mean of the group lies, not where its images fall."
    return ""
