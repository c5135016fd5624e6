"""What the page on training does: it looks at the service while a run is written, and draws one epoch of it."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from dash import ClientsideFunction, Dash, Input, Output, State, ctx, no_update, set_props

from dashboard import client_training
from dashboard.client import ApiClient
from dashboard.client_training import Run
from dashboard.components.states import empty, failed
from dashboard.components.training import (
    groups_of,
    legend,
    map_note,
    no_runs,
    nothing_yet,
    pictures,
    run_options,
    state_line,
)
from dashboard.components.words import count
from dashboard.errors import ApiError
from dashboard.figures.training_figures import curves_figure, map_figure
from dashboard.pages.training import BLANK
from dashboard.settings import DashboardSettings
from dashboard.state_training import TrainingView

PATH = "/training"


def register(app: Dash, client: ApiClient, _settings: DashboardSettings) -> None:
    """Attach the page's callbacks to the app."""
    _register_address(app)
    _register_look(app, client)
    _register_choice(app)
    _register_drawing(app, client)
    app.clientside_callback(
        ClientsideFunction("vqscope", "playEpochs"),
        Output("training-slider", "value", allow_duplicate=True),
        Output("training-play-tick", "disabled"),
        Output("training-play", "children"),
        Input("training-play", "n_clicks"),
        Input("training-play-tick", "n_intervals"),
        Input("url", "pathname"),
        State("training-slider", "value"),
        State("training-slider", "max"),
        State("training-slider", "disabled"),
        State("training-play-tick", "disabled"),
        prevent_initial_call=True,
    )


def _register_address(app: Dash) -> None:
    @app.callback(
        Output("training-view", "data"),
        Output("training-colour", "value"),
        Input("url", "pathname"),
        Input("url", "search"),
        State("training-query", "data"),
    )
    def read(pathname: str, search: str, query: str | None) -> tuple[Any, ...]:
        """Take over what the address asks for: at first, and when it changes."""
        if pathname != PATH or (query is not None and search in {query, ""}):
            return no_update, no_update
        view = TrainingView.from_query(search)
        return view.to_store(), view.colour


def _register_look(app: Dash, client: ApiClient) -> None:
    @app.callback(
        Output("training-known", "data"),
        Output("training-run", "data"),
        Output("training-state", "children"),
        Output("training-message", "children"),
        Output("training-message", "hidden"),
        Output("training-body", "hidden"),
        Output("training-tick", "disabled"),
        Input("training-tick", "n_intervals"),
        Input("training-view", "data"),
        Input("api", "data"),
        Input("url", "pathname"),
        State("training-known", "data"),
        State("training-run", "value"),
    )
    async def look(
        _n: int | None,
        kept: dict[str, Any] | None,
        api: dict[str, Any] | None,
        pathname: str,
        known: dict[str, Any] | None,
        chosen: str | None,
    ) -> tuple[Any, ...]:
        """Ask for the run, again and again until it is finished; not while nobody sees it or the service is away."""
        keep = (no_update,) * 6
        if pathname != PATH or kept is None or not api or api["state"] != "ready":
            return (*keep, True)
        view = TrainingView.from_store(kept)
        try:
            found = await client_training.runs(client)
            names = [run.name for run in found.items]
            name = _chosen(view, names, known)
            if name is None:
                message = no_runs(found) if view.run is None else _no_run(view.run)
                return (None, run_options(found), [], message, False, True, False)
            answer = await client_training.run_answer(client, name)
        except ApiError as error:
            if known is not None:
                return (*keep, False)  # what is shown stays true
            return (*(no_update,) * 3, failed(error), False, True, False)
        again = "api" in set(ctx.triggered_prop_ids.values())  # it was away: whatever could not be drawn then
        run = Run.of(answer)
        _show("training-run", "value", chosen, name)
        return (
            answer if again or answer != known else no_update,
            run_options(found),
            state_line(run),
            no_update,
            True,
            False,
            run.state == "finished",
        )


def _show(control: str, name: str, now: object, value: object) -> None:
    """Set a control to what is shown. An Output would be refused: what a control asks for comes back to it."""
    if now != value:
        set_props(control, {name: value})


def _chosen(view: TrainingView, names: list[str], known: Mapping[str, Any] | None) -> str | None:
    """The run to show: the one asked for, else the one that is shown already, else the latest."""
    if view.run is not None:
        return view.run if view.run in names else None
    if known is not None and known["name"] in names:
        return str(known["name"])
    return names[0] if names else None


def _no_run(name: str) -> object:
    return empty(
        "There is no such run", f"No run {name} lies in the service's folder. Choose another one above."
    )


def _register_choice(app: Dash) -> None:
    @app.callback(
        Output("training-view", "data", allow_duplicate=True),
        Input("training-run", "value"),
        Input("training-colour", "value"),
        Input("training-follow", "checked"),
        Input("training-slider", "value"),
        State("training-view", "data"),
        State("training-known", "data"),
        prevent_initial_call=True,
    )
    def choose(
        run: str | None,
        colour: str,
        follow: bool,
        place: int,
        kept: dict[str, Any] | None,
        known: dict[str, Any] | None,
    ) -> object:
        if kept is None or (not known and not run):
            return no_update
        before = after = TrainingView.from_store(kept)
        changed = set(ctx.triggered_prop_ids.values())
        if "training-run" in changed and run and run != (known or {}).get("name"):
            return TrainingView(run=run, colour=colour).to_store()
        epochs = [one["epoch"] for one in (known or {}).get("snapshots", ())]
        if "training-colour" in changed:
            after = replace(after, colour=colour)
        if "training-follow" in changed and epochs and follow != (before.epoch is None):
            after = replace(after, epoch=None if follow else epochs[-1])
        if "training-slider" in changed and 0 <= place < len(epochs):
            newest = place == len(epochs) - 1
            stays = newest and before.epoch == epochs[-1]  # pinned there by the switch
            after = replace(after, epoch=None if newest and not stays else epochs[place])
        if after == before:
            return no_update
        return {**after.to_store(), "by": "slider" if "training-slider" in changed else ""}


def _register_drawing(app: Dash, client: ApiClient) -> None:
    @app.callback(
        output={
            "curves": Output("training-curves", "figure"),
            "map": Output("training-map", "figure"),
            "hide": Output("training-map-box", "hidden"),
            "none": Output("training-none", "children"),
            "note": Output("training-note", "children"),
            "groups": Output("training-groups", "children"),
            "pictures": Output("training-pictures", "children"),
            "epoch": Output("training-epoch", "children"),
            "last": Output("training-slider", "max"),
            "fixed": Output("training-slider", "disabled"),
            "query": Output("training-query", "data"),
        },
        inputs=[
            Input("training-known", "data"),
            Input("training-view", "data"),
            State("training-follow", "checked"),
            State("training-slider", "value"),
        ],
        prevent_initial_call=True,
    )
    async def draw(
        known: dict[str, Any] | None, kept: dict[str, Any] | None, follow: bool, slid: int
    ) -> dict[str, Any]:
        view = TrainingView.from_store(kept)
        names = ("curves", "map", "hide", "none", "note", "groups", "pictures", "epoch")
        shown: dict[str, Any] = dict.fromkeys((*names, "last", "fixed", "query"), no_update)
        if not known or not kept or (view.run is not None and view.run != known["name"]):
            return shown  # of another run; this one is being asked for
        run = Run.of(known)
        shown["query"] = replace(view, run=run.name).to_query()
        _show("training-follow", "checked", follow, view.epoch is None)
        place = _place(run, view)
        if place is None:
            curves = curves_figure(run, None) if run.epochs else BLANK
            nothing = {"curves": curves, "hide": True, "none": nothing_yet(run), "note": ""}
            return shown | nothing | {"groups": [], "pictures": [], "epoch": "Epoch –", "fixed": True}
        epoch = run.snapshots[place]
        try:
            found = await client_training.map_of_epoch(client, run.name, epoch.epoch)
            catalogue = await client.catalogue()
        except ApiError:
            return shown  # what is shown stays true; the banner tells the rest, or the epoch has just gone
        places = {dataset.name: dataset.index for dataset in catalogue.datasets}
        of_each, groups = groups_of(run, found, view, places)
        looks = {group.key: group.look for group in groups}
        if kept.get("by") != "slider" or "training-known" in set(ctx.triggered_prop_ids.values()):
            _show("training-slider", "value", slid, place)  # else the slider is ahead of what is drawn
        return shown | {
            "curves": curves_figure(run, epoch.epoch),
            "map": map_figure(found, of_each, looks, run.labels, run.snapshots),
            "hide": False,
            "none": None,
            "note": map_note(epoch, len(found.x)),
            "groups": legend(groups),
            "pictures": pictures(run, epoch.epoch),
            "epoch": f"Epoch {count(epoch.epoch)}",
            "last": max(1, len(run.snapshots) - 1),
            "fixed": len(run.snapshots) < 2,
        }


def _place(run: Run, view: TrainingView) -> int | None:
    """Which snapshot is shown: the newest, or the latest that is not after the epoch asked for."""
    if not run.snapshots:
        return None
    if view.epoch is None:
        return len(run.snapshots) - 1
    return max(0, sum(one.epoch <= view.epoch for one in run.snapshots) - 1)
