"""A button that opens a few choices."""

from collections.abc import Sequence

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


def choice(text: str, id_: str) -> html.Button:
    """Something to be done."""
    return html.Button(text, id=id_, type="button", className="menu-item")


def download(text: str, id_: dict[str, str]) -> html.A:
    """A file to be saved, from where `href` points to."""
    return html.A(text, id=id_, href="#", className="menu-item", download="")
