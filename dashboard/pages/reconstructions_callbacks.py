"""What the reconstructions page does."""

from dataclasses import replace
from typing import Any

from dash import ClientsideFunction, Dash, Input, Output, State, ctx, no_update

from dashboard.answers import Catalogue, Dataset, SamplePage
from dashboard.client import ApiClient
from dashboard.components.states import empty, failed
from dashboard.components.words import count
from dashboard.errors import ApiError
from dashboard.pages import reconstructions_figures
from dashboard.pages.map_controls import only
from dashboard.pages.reconstructions import ALL_LABELS, PAGE_SIZE, cards, label_options
from dashboard.settings import DashboardSettings
from dashboard.state import Point, ReconstructionsView

PATH = "/reconstructions"


def register(app: Dash, client: ApiClient, _settings: DashboardSettings) -> None:
    """Attach the page's callbacks to the app."""
    _register_view(app, client)
    _register_gallery(app, client)
    _register_address(app)
    reconstructions_figures.register(app, client)
    app.clientside_callback(
        ClientsideFunction("vqscope", "turnPage"),
        Output("recon-page", "data", allow_duplicate=True),
        *[Input(f"recon-{name}", "n_clicks") for name in ("first", "previous", "next", "last")],
        State("recon-page", "data"),
        State("recon-pages", "data"),
        prevent_initial_call=True,
    )


def _register_view(app: Dash, client: ApiClient) -> None:
    @app.callback(
        Output("recon-dataset", "data"),
        Output("recon-dataset", "value"),
        Output("recon-split", "value"),
        Output("recon-label", "data"),
        Output("recon-label", "value"),
        Output("recon-sort", "value"),
        Output("recon-page", "data"),
        Output("recon-window", "value"),
        Output("recon-level", "value"),
        Output("recon-windowed", "data"),
        Output("recon-enlarged", "data"),
        Output("recon-loaded", "data"),
        Output("recon-grid", "children"),
        Input("api", "data"),
        Input("url", "pathname"),
        Input("url", "search"),
        State("recon-query", "data"),
        State("recon-loaded", "data"),
    )
    async def show_view(
        api: dict[str, Any] | None, pathname: str, search: str, query: str | None, loaded: str | None
    ) -> tuple[Any, ...]:
        """Set the controls to what the address asks for: at first, and when the address changes."""
        keep = (no_update,) * 13
        if pathname != PATH or not api or api["state"] != "ready":
            return keep
        renewed = loaded != api["index"]
        if not renewed and (query is None or search == query or only("api")):
            return keep
        view = ReconstructionsView.from_query((query or search) if renewed and loaded else search)
        try:
            catalogue = await client.catalogue()
        except ApiError as error:
            return (*keep[:-1], failed(error))
        dataset = catalogue.get(view.dataset) or next(iter(catalogue.datasets), None)
        if dataset is None:
            return (*keep[:-1], empty("The index is empty", "Build one with `vqscope index`."))
        label = str(view.label) if view.label in dataset.labels else ALL_LABELS
        return (
            _dataset_options(catalogue),
            dataset.name,
            view.split or "all",
            label_options(dataset),
            label,
            view.sort,
            view.page,
            view.window,
            view.level,
            [view.window, view.level],
            None if view.enlarged is None else str(view.enlarged),
            catalogue.index,
            no_update,
        )


def _dataset_options(catalogue: Catalogue) -> list[dict[str, str]]:
    return [{"value": d.name, "label": f"{d.name} ({count(d.n)})"} for d in catalogue.datasets]


def _register_gallery(app: Dash, client: ApiClient) -> None:
    @app.callback(
        Output("recon-grid", "children", allow_duplicate=True),
        Output("recon-total", "children"),
        Output("recon-place", "children"),
        Output("recon-page", "data", allow_duplicate=True),
        Output("recon-pages", "data"),
        Output("recon-chosen", "data"),
        Output("recon-enlarged", "data", allow_duplicate=True),
        Output("recon-label", "data", allow_duplicate=True),
        Output("recon-label", "value", allow_duplicate=True),
        Output("recon-first", "disabled"),
        Output("recon-previous", "disabled"),
        Output("recon-next", "disabled"),
        Output("recon-last", "disabled"),
        Input("recon-dataset", "value"),
        Input("recon-split", "value"),
        Input("recon-label", "value"),
        Input("recon-sort", "value"),
        Input("recon-page", "data"),
        Input("recon-loaded", "data"),
        Input("api", "data"),
        State("recon-chosen", "data"),
        State("recon-enlarged", "data"),
        prevent_initial_call=True,
    )
    async def show_images(
        name: str | None,
        split: str,
        label: str,
        sort: str,
        page: int,
        loaded: str | None,
        api: dict[str, Any] | None,
        chosen: str | None,
        enlarged: str | None,
    ) -> tuple[Any, ...]:
        keep = (no_update,) * 13
        if not loaded or not name or not api or api["state"] != "ready":
            return keep  # what is shown stays true; the banner tells the rest
        changed = set(ctx.triggered_prop_ids.values())
        if "recon-page" not in changed and not changed <= {"api", "recon-loaded"}:
            page = 1  # another choice starts at its first page
        if "recon-dataset" in changed and "recon-page" not in changed:
            label = ALL_LABELS  # labels of one data set mean nothing in another
        view = ReconstructionsView(
            dataset=name,
            split=None if split == "all" else split,
            label=None if label == ALL_LABELS else int(label),
            sort=sort,
            page=page,
        )
        if changed == {"recon-page"} and view.to_query() == chosen:
            return keep  # this callback itself corrected the page number
        return await _gallery(client, view, Point.parse(enlarged))


async def _gallery(client: ApiClient, view: ReconstructionsView, enlarged: Point | None) -> tuple[Any, ...]:
    column, order = view.sort.rsplit("-", 1)
    try:
        catalogue = await client.catalogue()
        dataset = catalogue.get(view.dataset)
        if dataset is None:
            raise ApiError(f"the index has no data set {view.dataset}")

        async def fetch(page: int) -> SamplePage:
            return await client.samples(
                dataset.name,
                split=view.split,
                label=view.label,
                sort=column,
                order=order,
                offset=(page - 1) * PAGE_SIZE,
                limit=PAGE_SIZE,
            )

        page, found = view.page, await fetch(view.page)
        pages = max(1, -(-found.total // PAGE_SIZE))
        if page > pages:  # a link made for another index or filter
            page, found = pages, await fetch(pages)
    except ApiError as error:
        return (failed(error), *(no_update,) * 12)
    points = [Point(one.dataset, one.split, one.position) for one in found.items if dataset.available]
    none = empty("No images", "No image of this data set has this split and label. Choose another filter.")
    return (
        cards(dataset, found.items, found.index) or none,
        f"{count(found.total)} images",
        f"Page {count(page)} of {count(pages)}",
        page,
        pages,
        replace(view, page=page).to_query(),
        no_update if enlarged in (None, *points) else None,  # a link made for another index or page
        label_options(dataset),
        _label_value(dataset, view),
        page <= 1,
        page <= 1,
        page >= pages,
        page >= pages,
    )


def _register_address(app: Dash) -> None:
    app.clientside_callback(
        ClientsideFunction("vqscope", "followEnlarged"),
        Output("recon-followed", "data"),
        Input("recon-enlarged", "data"),
        Input("page-reconstructions", "hidden"),
        Input("recon-windowing", "hidden"),  # written when the histograms have been drawn
        prevent_initial_call=True,
    )

    @app.callback(
        Output("recon-query", "data"),
        Input("recon-chosen", "data"),
        Input("recon-windowed", "data"),
        Input("recon-enlarged", "data"),
        prevent_initial_call=True,
    )
    def write(chosen: str | None, windowed: list[float] | None, enlarged: str | None) -> object:
        if chosen is None:
            return no_update
        view = replace(ReconstructionsView.from_query(chosen), enlarged=Point.parse(enlarged))
        if windowed is not None:
            view = replace(view, window=windowed[0], level=windowed[1])
        return view.to_query()


def _label_value(dataset: Dataset, view: ReconstructionsView) -> str:
    return str(view.label) if view.label in dataset.labels else ALL_LABELS
