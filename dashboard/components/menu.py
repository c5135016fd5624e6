"""A button that opens a few choices."""

from collections.abc import Sequence

import dash_mantine_components as dmc
from dash import html
from dash.development.base_component import Component

from dashboard.components.attributes import attributes


def menu(name: str, choices: Sequence[Component]) -> dmc.Popover:
    """Buttons or links below a button; the focus goes into them, and Escape closes them.

    Not Mantine's own menu, which describes itself on the box around the button: readers of a screen are told of a
    button that opens nothing, and of a nameless thing that opens a menu.
    """
    return dmc.Popover(
        [
            dmc.PopoverTarget(
                html.Button(name, type="button", className="plain small"),
                boxWrapperProps={"style": {"display": "inline-flex"}},
            ),
            dmc.PopoverDropdown(
                html.Div(list(choices), className="menu", role="group", **attributes({"aria-label": name}))
            ),
        ],
        position="bottom-end",
        shadow="md",
        withinPortal=True,
        withRoles=False,
        trapFocus=True,
        returnFocus=True,
    )


def choice(text: str, id_: str) -> html.Button:
    """Something to be done."""
    return html.Button(text, id=id_, type="button", className="menu-item")


def download(text: str, id_: dict[str, str]) -> html.A:
    """A file to be saved, from where `href` points to."""
    return html.A(text, id=id_, href="#", className="menu-item", download="")
