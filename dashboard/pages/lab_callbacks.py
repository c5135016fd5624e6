"""What the decode lab does: its controls change one view, and all that is shown is drawn from that view."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from dash import ClientsideFunction, Dash, Input, Output, State, no_update

from dashboard import client_cards, client_codebook, client_lab
from dashboard.answers import Catalogue, Sample
from dashboard.answers_map import Cell
from dashboard.client import ApiClient
from dashboard.components.code_pictures import palette_data
from dashboard.components.states import empty, failed
from dashboard.errors import ApiError
from dashboard.pages import lab_walk
from dashboard.pages.lab import about_cell, bench, dataset_options, grid
from dashboard.pages.map_controls import only
from dashboard.settings import DashboardSettings
from dashboard.state import SPLITS, Point
from dashboard.state_lab import LabView

PATH = "/lab"


def register(app: Dash, client: ApiClient, _settings: DashboardSettings) -> None:
    """Attach the page's callbacks to the app."""
    _register_address(app, client)
    _register_choice(app)
    _register_palette(app, client)
    _register_edits(app)
    _register_bench(app, client)
    lab_walk.register(app, client)


def _register_address(app: Dash, client: ApiClient) -> None:
    @app.callback(
        Output("lab-view", "data"),
        Output("lab-cell", "data"),
        Output("lab-loaded", "data"),
        Output("lab-start-dataset", "data"),
        Output("lab-end-dataset", "data"),
        *[
            Output(f"lab-{name}-{part}", "value")
            for name in ("start", "end")
            for part in ("dataset", "split", "position")
        ],
        Output("lab-steps", "value"),
        Output("lab-bench", "children"),
        Input("api", "data"),
        Input("url", "pathname"),
        Input("url", "search"),
        State("lab-query", "data"),
        State("lab-loaded", "data"),
    )
    async def read(
        api: dict[str, Any] | None, pathname: str, search: str, query: str | None, loaded: str | None
    ) -> tuple[Any, ...]:
        """Set view and controls to what the address asks for: at first, and when the address changes."""
        keep = (no_update,) * 13
        if pathname != PATH or not api or api["state"] != "ready":
            return keep
        renewed = loaded != api["index"]
        if not renewed and (query is None or search == query or only("api")):
            return keep
        try:
            catalogue = await client.catalogue()
        except ApiError as error:
            return (*keep[:-1], failed(error))
        view = LabView.from_query((query or search) if renewed and loaded else search)
        first = _first(catalogue)
        if first is None:
            return (*keep[:-1], empty("The index is empty", "Build one with `vqscope index`."))
        if view.point is None:
            view = replace(view, point=first)
        options = dataset_options(catalogue)
        return (
            view.to_store(),
            view.cell,
            catalogue.index,
            options,
            options,
            *_controls_of(view.point),
            *_controls_of(view.end),
            view.steps,
            no_update,
        )


def _first(catalogue: Catalogue) -> Point | None:
    """An image to begin with: the first test image of the first data set that has one."""
    for dataset in catalogue.datasets:
        for split in reversed(SPLITS):
            if dataset.n_indexed.get(split):
                return Point(dataset.name, split, 0)
    return None


def _controls_of(point: Point | None) -> tuple[str | None, str, int]:
    return (None, "test", 0) if point is None else (point.dataset, point.split, point.position)


def _point_of(dataset: str | None, split: str, position: float | str | None) -> Point | None:
    return Point.parse(f"{dataset}/{split}/{position}") if dataset and position not in (None, "") else None


def _register_choice(app: Dash) -> None:
    @app.callback(
        Output("lab-view", "data", allow_duplicate=True),
        *[
            Input(f"lab-{name}-{part}", "value")
            for name in ("start", "end")
            for part in ("dataset", "split", "position")
        ],
        Input("lab-steps", "value"),
        State("lab-view", "data"),
        prevent_initial_call=True,
    )
    def choose(
        dataset: str | None,
        split: str,
        position: float | str | None,
        end_dataset: str | None,
        end_split: str,
        end_position: float | str | None,
        number: float | str | None,
        kept: dict[str, Any] | None,
    ) -> object:
        if not kept:
            return no_update
        before = LabView.from_store(kept)
        point = _point_of(dataset, split, position) or before.point
        after = replace(
            before,
            point=point,
            edits=before.edits if point == before.point else (),  # edits of one image mean nothing in another
            end=_point_of(end_dataset, end_split, end_position),
            steps=LabView.from_query(f"steps={number}").steps,
        )
        return no_update if after == before else after.to_store()


def _register_palette(app: Dash, client: ApiClient) -> None:
    @app.callback(
        Output("lab-palette-data", "data"),
        Output("lab-palette-state", "children"),
        Input("lab-loaded", "data"),
        Input("api", "data"),
        State("lab-palette-data", "data"),
        prevent_initial_call=True,
    )
    async def fetch(loaded: str | None, api: dict[str, Any] | None, data: dict[str, Any] | None) -> object:
        """The codes, once for each index: beside the image, which does not wait for them."""
        if not loaded or not api or api["state"] != "ready" or (data and data["index"] == api["index"]):
            return no_update, no_update
        try:
            return palette_data(await client_codebook.codebook(client)), []
        except ApiError as error:
            return None, failed(error)

    app.clientside_callback(
        ClientsideFunction("vqscope", "showPalette"),
        Input("lab-palette-data", "data"),
        Input("lab-code", "value"),
    )


def _register_edits(app: Dash) -> None:
    """In the browser, at once: while an answer were awaited, a second choice would take the place of the first."""
    app.clientside_callback(
        ClientsideFunction("vqscope", "giveCode"),
        Output("lab-view", "data", allow_duplicate=True),
        Input("lab-given", "data"),
        State("lab-codes", "data"),
        State("lab-view", "data"),
        prevent_initial_call=True,
    )
    app.clientside_callback(
        ClientsideFunction("vqscope", "undoEdits"),
        Output("lab-view", "data", allow_duplicate=True),
        Input("lab-reset", "n_clicks"),
        State("lab-view", "data"),
        prevent_initial_call=True,
    )
    app.clientside_callback(
        ClientsideFunction("vqscope", "takeCell"), Input("lab-cell", "data"), prevent_initial_call=True
    )


def _register_bench(app: Dash, client: ApiClient) -> None:
    @app.callback(
        Output("lab-bench", "children", allow_duplicate=True),
        Output("lab-grid", "children"),
        Output("lab-grid", "style"),
        Output("lab-about", "children"),
        Output("lab-code", "value"),
        Output("lab-code", "max"),
        Output("lab-codes", "data"),
        Output("lab-query", "data"),
        Input("lab-view", "data"),
        Input("lab-cell", "data"),
        Input("api", "data"),
        running=[(Output("lab-bench", "aria-busy"), "true", "false")],
        prevent_initial_call=True,
    )
    async def show(
        kept: dict[str, Any] | None, cell: list[int], api: dict[str, Any] | None
    ) -> tuple[Any, ...]:
        keep = (no_update,) * 8
        view = replace(LabView.from_store(kept), cell=(cell[0], cell[1]))
        if view.point is None or not api or api["state"] != "ready":
            return keep  # what is shown stays true; the banner tells the rest
        try:
            catalogue, models, (index, sample), cells = await asyncio.gather(
                client.catalogue(),
                client_cards.model_cards(client),
                client.sample(view.point),
                client_lab.cells(client, view.point),
            )
            size = models[0].codebook_size
            dataset = catalogue.get(view.point.dataset)
            if dataset is None:
                raise ApiError(f"the index has no data set {view.point.dataset}")
            codes = [list(line) for line in sample.codes]
            view = _inside(view, sample, size)
            edited = [[_code(view, r, c, own) for c, own in enumerate(line)] for r, line in enumerate(codes)]
            decoded = await client_lab.decode(client, codes, edited, channels=dataset.channels)
        except ApiError as error:
            return (failed(error), [], no_update, [], no_update, no_update, None, view.to_query())
        row, column = view.cell
        about = {(one.row, one.column): one for one in cells}
        second = [[_second(about.get((r, c))) for c in range(len(line))] for r, line in enumerate(codes)]
        return (
            bench(view, sample, dataset, decoded, index),
            grid(view, codes),
            {"gridTemplateColumns": f"repeat({len(codes[0])}, minmax(0, 1fr))"},
            about_cell(about.get((row, column)), row, column, edited[row][column]),
            edited[row][column],
            size - 1,
            {"point": str(view.point), "codes": codes, "second": second, "size": size},
            view.to_query(),
        )


def _inside(view: LabView, sample: Sample, size: int) -> LabView:
    """The view without edits that change nothing here, or have no place, its cell within the grid.

    A link may be of another model.
    """
    rows, columns = len(sample.codes), len(sample.codes[0])
    inside = (e for e in view.edits if e.row < rows and e.column < columns and e.code < size)
    edits = tuple(e for e in inside if e.code != sample.codes[e.row][e.column])
    return replace(view, edits=edits, cell=_within(view.cell, sample.codes))


def _within(cell: Sequence[int], codes: Sequence[Sequence[int]]) -> tuple[int, int]:
    """The cell, or the nearest one that the grid has."""
    return min(cell[0], len(codes) - 1), min(cell[1], len(codes[0]) - 1)


def _code(view: LabView, row: int, column: int, own: int) -> int:
    given = view.code_at(row, column)
    return own if given is None else given


def _second(cell: Cell | None) -> int | None:
    return None if cell is None else cell.second
