"""Parts of a page that are only looked at, as HTML text: assets/markup.js puts it in place.

The dash-renderer keeps a record of every component and goes through them at each change of anything on the page; what
no callback reads or writes need not be among them. Dozens of small pictures cost a click most of its time.
"""

import re
from collections.abc import Iterable
from html import escape
from typing import Any

from dash import dcc, html
from dash.development.base_component import Component

from dashboard.components.attributes import attributes

VOID = frozenset({"br", "hr", "img", "input"})
_NAMES = {"className": "class", "htmlFor": "for"}
_DATA = re.compile(r"(data|aria)-[a-z-]+")


def markup(content: object) -> str:
    """HTML of `html` components, links and text; all that is text in them is escaped.

    Raises:
        TypeError: a component that is more than HTML, or that a callback could address.

    >>> markup(html.Div(["a < b ", html.Img(src="x.png", alt="")], className="pair"))
    '<div class="pair">a &lt; b <img src="x.png" alt=""></div>'
    """
    if content is None:
        return ""
    if isinstance(content, str | int | float):
        return escape(str(content), quote=False)
    if isinstance(content, Component):
        return _element(content)
    if isinstance(content, Iterable):
        return "".join(markup(one) for one in content)
    raise TypeError(f"{type(content).__name__} is nothing that HTML shows")


def drawn(content: object, **given: Any) -> html.Div:  # noqa: ANN401 - attributes of a component
    """A part of a page that is drawn from markup; callbacks write its ``data-markup``."""
    return html.Div(**given, **attributes({"data-markup": markup(content)}))


def _element(component: Component) -> str:
    parts = component.to_plotly_json()
    kind, properties = parts["type"], {k: v for k, v in parts["props"].items() if v is not None}
    link = isinstance(component, dcc.Link)
    if not link and parts["namespace"] != "dash_html_components":
        raise TypeError(f"{kind} is more than HTML")
    if "id" in properties or "n_clicks" in properties:
        raise TypeError(f"a callback could address this {kind}")
    children = properties.pop("children", None)
    shown = "".join(_attribute(name, value) for name, value in properties.items())
    tag = "a" if link else kind.lower()
    if link:
        shown += " data-link"
    return f"<{tag}{shown}>" if tag in VOID else f"<{tag}{shown}>{markup(children)}</{tag}>"


def _attribute(name: str, value: object) -> str:
    name = _NAMES.get(name, name if _DATA.fullmatch(name) else name.lower())
    if isinstance(value, dict):
        value = ";".join(f"{_css(key)}:{one}" for key, one in value.items())
    if value is True:
        return f" {name}"
    return "" if value is False else f' {name}="{escape(str(value))}"'


def _css(name: str) -> str:
    return name if name.startswith("--") else re.sub("[A-Z]", lambda letter: f"-{letter[0].lower()}", name)
