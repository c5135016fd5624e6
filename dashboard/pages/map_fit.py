"""Fitting a map from the page: a dialog with the methods and parameters that the service offers."""

from typing import Any

import dash_mantine_components as dmc
from dash import ALL, Dash, Input, Output, State, ctx, dcc, html, no_update

from dashboard.client import ApiClient
from dashboard.client_maps import Job, Method, Parameter, busy_job, cancel, fit, job, methods
from dashboard.components.fit_form import job_state, parameter_fields, sentence
from dashboard.components.states import worded
from dashboard.errors import ApiError, ApiRefused
from dashboard.pages import map_panel

_NOT_ALLOWED = (
    "This service fits no maps. Whoever runs it can allow it with VQSCOPE_MAP_JOBS=on, or fit one with "
    "`vqscope map add INDEX --method umap`."
)
_OPEN = "Fit a map"
_PULSE = 500
"""Milliseconds between two looks at a fit."""


def layout() -> html.Div:
    """The dialog, closed."""
    return html.Div(
        [
            dmc.Modal(
                [
                    html.Div(id="fit-refused", className="note", hidden=True),
                    html.Div([_form(), _buttons()], id="fit-form", hidden=True),
                    html.Div(id="fit-error", className="fit-error", role="alert"),
                    html.Div(id="fit-progress", className="fit-progress", role="status"),
                ],
                id="fit-dialog",
                title="Fit a map",
                size="lg",
                opened=False,
                closeButtonProps={"aria-label": "Close"},
            ),
            dcc.Store(id="fit-methods", data=[]),  # of the service, as JSON
            dcc.Store(id="fit-job"),  # id of the job that is watched, or null
            dcc.Interval(id="fit-pulse", interval=_PULSE, disabled=True),
        ]
    )


def _form() -> html.Div:
    return html.Div(
        [
            html.Div(
                [
                    dmc.SegmentedControl(
                        id="fit-method",
                        data=[],
                        size="xs",
                        attributes={"root": {"aria-label": "Method"}},
                    ),
                    dmc.SegmentedControl(
                        id="fit-dimensions",
                        data=[{"value": "2", "label": "2-D"}, {"value": "3", "label": "3-D"}],
                        value="2",
                        size="xs",
                        attributes={"root": {"aria-label": "Dimensions"}},
                    ),
                    dmc.TextInput(
                        id="fit-name",
                        value="",
                        size="xs",
                        placeholder="its name, if not the method's",
                        attributes={"input": {"aria-label": "Name of the map"}},
                    ),
                ],
                className="fit-head",
            ),
            html.Div(id="fit-parameters", className="fit-parameters"),
        ]
    )


def _buttons() -> html.Div:
    return html.Div(
        [
            html.Button("Fit", id="fit-start", type="button", className="plain primary"),
            html.Button("Cancel the fit", id="fit-cancel", type="button", className="plain", disabled=True),
            html.Span("It goes on while this is closed.", className="muted"),
        ],
        className="button-row",
    )


def register(app: Dash, client: ApiClient) -> None:
    """Attach the dialog's callbacks."""
    _register_form(app, client)
    _register_job(app, client)


def _register_form(app: Dash, client: ApiClient) -> None:
    @app.callback(
        Output("fit-dialog", "opened"),
        Output("fit-methods", "data"),
        Output("fit-method", "data"),
        Output("fit-method", "value"),
        Output("fit-refused", "children"),
        Output("fit-refused", "hidden"),
        Output("fit-form", "hidden"),
        Output("fit-job", "data", allow_duplicate=True),
        Input("map-fit-open", "n_clicks"),
        State("fit-method", "value"),
        prevent_initial_call=True,
    )
    async def opened(_clicks: int, chosen: str | None) -> tuple[Any, ...]:
        try:
            found, busy = await methods(client), await busy_job(client)
        except ApiError as error:
            return True, [], [], None, sentence(str(error)), False, True, no_update
        if not found:
            return True, [], [], None, worded(_NOT_ALLOWED), False, True, no_update
        names = [method.name for method in sorted(found, key=lambda method: method.name == "pca")]
        return (
            True,
            [_stored(method) for method in found],
            [{"value": name, "label": map_panel.map_title(name)} for name in names],
            chosen if chosen in names else names[0],
            "",
            True,
            False,
            busy.id if busy else no_update,
        )

    @app.callback(
        Output("fit-parameters", "children"), Input("fit-method", "value"), State("fit-methods", "data")
    )
    def show_parameters(name: str | None, stored: list[dict[str, Any]]) -> list[Any]:
        parameters: list[Any] = next((one["parameters"] for one in stored if one["name"] == name), [])
        return list(parameter_fields(name or "", [Parameter.of(item) for item in parameters]))


def _register_job(app: Dash, client: ApiClient) -> None:
    @app.callback(
        Output("fit-job", "data"),
        Output("fit-error", "children"),
        Input("fit-start", "n_clicks"),
        State("fit-method", "value"),
        State("fit-dimensions", "value"),
        State("fit-name", "value"),
        State({"type": "fit-parameter", "method": ALL, "name": ALL}, "value"),
        State({"type": "fit-parameter", "method": ALL, "name": ALL}, "id"),
        prevent_initial_call=True,
    )
    async def start(
        _clicks: int,
        method: str,
        dimensions: str,
        name: str | None,
        values: list[Any],
        ids: list[dict[str, str]],
    ) -> tuple[Any, Any]:
        # An empty field asks for the method's default.
        parameters = {
            id_["name"]: value
            for id_, value in zip(ids, values, strict=True)
            if id_["method"] == method and value not in (None, "")
        }
        try:
            begun = await fit(client, method, int(dimensions), parameters, (name or "").strip() or None)
        except ApiError as error:
            return no_update, sentence(str(error))
        return begun.id, ""

    @app.callback(
        Output("fit-error", "children", allow_duplicate=True),
        Input("fit-cancel", "n_clicks"),
        State("fit-job", "data"),
        prevent_initial_call=True,
    )
    async def stop(_clicks: int, id_: str | None) -> Any:  # noqa: ANN401
        if id_ is None:
            return no_update
        try:
            await cancel(client, id_)
        except ApiError as error:
            return sentence(str(error))
        return ""

    @app.callback(
        Output("fit-progress", "children"),
        Output("fit-pulse", "disabled"),
        Output("fit-start", "disabled"),
        Output("fit-cancel", "disabled"),
        Output("map-fit-open", "children"),
        Output("map-name", "data", allow_duplicate=True),
        Output("map-second", "data", allow_duplicate=True),
        Input("fit-job", "data"),
        Input("fit-pulse", "n_intervals"),
        State("map-name", "value"),
        prevent_initial_call=True,
    )
    async def watch(id_: str | None, _beats: int, first: str) -> tuple[Any, ...]:
        if id_ is None:
            return (no_update,) * 7
        try:
            found = await job(client, id_)
            if found.busy:
                return *_watched(found), no_update, no_update
            maps = map_panel.map_options(await client.maps())
        except ApiRefused as error:
            # It is another service now, which knows nothing of the job.
            said = [html.Div(sentence(str(error)), className="fit-error")]
            return said, True, False, True, _OPEN, no_update, no_update
        except ApiError as error:
            # The service is away: what it did meanwhile is asked for at the next beat.
            return [html.Div(sentence(str(error)), className="fit-error")], *(no_update,) * 6
        return *_watched(found), maps, map_panel.second_options(maps, first)

    @app.callback(
        Output("map-name", "value", allow_duplicate=True),
        Output("fit-dialog", "opened", allow_duplicate=True),
        Input({"type": "fit-show", "map": ALL}, "n_clicks"),
        prevent_initial_call=True,
    )
    def show(clicks: list[int | None]) -> tuple[Any, Any]:
        if not any(clicks) or not ctx.triggered_id:
            return no_update, no_update
        return ctx.triggered_id["map"], False


def _watched(found: Job) -> tuple[Any, ...]:
    busy = found.busy
    label = f"Fitting {found.map} …" if busy else _OPEN
    return job_state(found), not busy, busy, found.state != "running", label


def _stored(method: Method) -> dict[str, Any]:
    return {"name": method.name, "parameters": [vars(one) for one in method.parameters]}
