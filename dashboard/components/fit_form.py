"""Parameters of a map to fit, and how far a fit has come."""

from collections.abc import Sequence

import dash_mantine_components as dmc
from dash import html
from dash.development.base_component import Component

from dashboard.client_maps import Job, Parameter
from dashboard.components.attributes import attributes

OWN_CONTROLS = frozenset({"dimensions"})
"""Parameters with a control of their own, whatever the method."""


def parameter_fields(method: str, parameters: Sequence[Parameter]) -> list[Component]:
    """One field for each parameter, bounded as the service bounds it."""
    return [_field(method, one) for one in parameters if one.name not in OWN_CONTROLS]


def job_state(job: Job) -> list[Component]:
    """What is being done and how far it is; how it ended."""
    if job.state == "done":
        return [
            html.Div(
                [
                    html.Span([html.Strong(job.map), " is fitted, and in the choice of maps."]),
                    html.Button(
                        "Show it",
                        id={"type": "fit-show", "map": job.map},
                        type="button",
                        className="plain small",
                    ),
                ],
                className="fit-done",
            )
        ]
    if job.state == "failed":
        return [html.Div(sentence(f"{job.map} was not fitted: {job.error}"), className="fit-error")]
    if job.state == "cancelled":
        return [html.Div(f"The fit of {job.map} was cancelled; nothing is left of it.", className="muted")]
    words = "being cancelled" if job.state == "cancelling" else job.stage
    return [
        html.Div(
            [html.Strong(job.map), f": {words}, {job.progress:.0%}".replace("%", " %")], className="fit-stage"
        ),
        dmc.Progress(
            value=100 * job.progress,
            size="sm",
            attributes={"section": {"aria-label": f"Fit of {job.map}: {words}"}},
        ),
    ]


def sentence(text: str) -> str:
    """With a capital letter and a full stop."""
    return text[:1].upper() + text[1:].rstrip(".") + "."


def _field(method: str, one: Parameter) -> dmc.Select | dmc.NumberInput:
    id_ = {"type": "fit-parameter", "method": method, "name": one.name}
    label = one.name.replace("_", " ").capitalize()
    if one.choices:
        return dmc.Select(
            id=id_,
            label=label,
            description=one.help,
            size="xs",
            data=[{"value": choice, "label": choice} for choice in one.choices],
            value=str(one.default),
            allowDeselect=False,
            comboboxProps={"withinPortal": True},
        )
    whole = one.type == "int"
    bounds = "" if one.low is None or one.high is None else f" ({one.low:,g} to {one.high:,.10g})"
    return dmc.NumberInput(
        id=id_,
        label=label,
        description=one.help + ("" if _names_bounds(one) else bounds),
        size="xs",
        value=one.default,
        min=one.low,
        max=one.high,
        step=1 if whole else 0.05 if (one.high or 0) <= 1 else 5,
        allowDecimal=not whole,
        clampBehavior="blur",
        **attributes({"data-parameter": one.name}),
    )


def _names_bounds(one: Parameter) -> bool:
    return one.low is not None and one.high is not None and f"{one.low:g} to {one.high:g}" in one.help
