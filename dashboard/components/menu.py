"""A button that opens a few choices."""

from collections.abc import Mapping, Sequence

from dash import html
from dash.development.base_component import Component

from dashboard.components.attributes import attributes
from dashboard.components.popover import popover


def menu(name: str, choices: Sequence[Component]) -> html.Span:
    """Buttons or links below a button; the focus goes into them, and Escape closes them."""
    return popover(
        html.Button(name, type="button", className="plain small"),
        html.Div(list(choices), className="menu", role="group", **attributes({"aria-label": name})),
        end=True,
    )


def formats(text: str, ids: Mapping[str, str], said: str = "") -> html.Div:
    """A line of something to be done, with a button for each format of its file; `said` names it to a screen reader."""
    buttons = [
        html.Button(
            name.upper(),
            id=id_,
            type="button",
            className="menu-item",
            **attributes({"aria-label": f"{said or text}, {name.upper()}"}),
        )
        for name, id_ in ids.items()
    ]
    return html.Div([html.Span(text), *buttons], className="menu-line")


def download(text: str, id_: dict[str, str]) -> html.A:
    """A file to be saved, from where `href` points to."""
    return html.A(text, id=id_, href="#", className="menu-item", download="")
