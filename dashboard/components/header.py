"""The strip on top of every page: name, pages, state of the service, disclaimer, colour scheme."""

from collections.abc import Sequence

import dash_mantine_components as dmc
from dash import dcc, html

from dashboard.components.attributes import attributes
from dashboard.components.help import words_button

DISCLAIMER = "Research use only, not for diagnosis"


def header(pages: Sequence[tuple[str, str, str]]) -> html.Header:
    """The header; assets/shell.js marks the current page and fills in the state of the service.

    `pages`: id of the link, title and path of each.
    """
    return html.Header(
        [
            html.A("Skip to content", href="#content", className="skip"),
            html.H1(
                [html.Span(className="brand-mark", **attributes({"aria-hidden": "true"})), "VQScope"],
                className="brand",
            ),
            html.Nav(
                [dcc.Link(title, href=path, id=id_, className="nav-link") for id_, title, path in pages],
                **attributes({"aria-label": "Pages"}),
            ),
            html.Div(className="spring"),
            html.Div(
                [
                    html.Span(className="dot", **attributes({"aria-hidden": "true"})),
                    html.Span("Connecting …", id="service-text", className="service-text"),
                ],
                id="service",
                className="service",
                title="State of the VQScope service",
                role="status",
            ),
            html.Div(DISCLAIMER, className="disclaimer", role="note"),
            words_button(),
            dmc.ActionIcon(
                html.Span(className="icon-scheme", **attributes({"aria-hidden": "true"})),
                id="scheme",
                variant="subtle",
                color="gray",
                size="md",
                attributes={
                    "root": {"aria-label": "Switch between light and dark", "title": "Light or dark"}
                },
            ),
        ],
        className="header",
    )


def banner() -> html.Div:
    """The line that appears while the service is away; its words come from assets/shell.js."""
    return html.Div(id="banner", className="banner", role="alert", hidden=True)
