"""Components as HTML text."""

from html.parser import HTMLParser

import dash_mantine_components as dmc
import pytest
from dash import dcc, html

from dashboard.components.attributes import attributes
from dashboard.components.inspector import nothing_selected
from dashboard.components.markup import drawn, markup

HOSTILE = "<img src=x onerror=alert(1)>\"'&amp;"


class Reader(HTMLParser):
    """What a browser makes of it: tags with their attributes, and text."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.tags = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data


def test_names_of_attributes_are_those_of_html():
    cell = html.Td(
        ["2 ", html.Br(), 3.5],
        className="part",
        colSpan="2",
        style={"gridTemplate": "a / b", "--edge": "3px"},
        hidden=True,
        disable_n_clicks=None,
        **attributes({"data-figure": "psnr", "aria-label": "PSNR"}),
    )
    reader = Reader(markup([cell, None, html.Label("x", htmlFor="y"), html.Button("z", disabled=False)]))
    assert reader.tags == [
        (
            "td",
            {
                "class": "part",
                "colspan": "2",
                "style": "grid-template:a / b;--edge:3px",
                "hidden": None,
                "data-figure": "psnr",
                "aria-label": "PSNR",
            },
        ),
        ("br", {}),
        ("label", {"for": "y"}),
        ("button", {}),
    ]
    assert reader.text == "2 3.5xz"


def test_what_comes_from_data_stays_text():
    """Names of labels and data sets are whatever a file says."""
    named = html.Div(HOSTILE, title=HOSTILE, style={"--x": HOSTILE}, **attributes({"data-inspect": HOSTILE}))
    reader = Reader(markup(named))
    style = {"style": f"--x:{HOSTILE}"}
    assert reader.tags == [("div", {"title": HOSTILE, "data-inspect": HOSTILE, **style})]
    assert reader.text == HOSTILE
    (place,) = Reader(markup(drawn_alone(named))).tags
    assert Reader(place[1]["data-markup"]).tags == reader.tags


def drawn_alone(content):
    place = drawn(content, id="place", className="panel")
    assert (place.id, place.className) == ("place", "panel")
    del place.id
    return place


def test_links_stay_in_the_app():
    tag, given = Reader(markup(dcc.Link("Code 3", href="/codebook?code=3&x=1", className="code-link"))).tags[
        0
    ]
    assert tag == "a"
    assert given == {"href": "/codebook?code=3&x=1", "class": "code-link", "data-link": None}


@pytest.mark.parametrize(
    "content", [html.Div("x", id="a"), [html.Button("x", n_clicks=0)], dmc.Text("x"), dcc.Graph(), object()]
)
def test_what_dash_must_know_of_is_refused(content):
    with pytest.raises(TypeError):
        markup(content)


def test_the_empty_inspector():
    assert "click a point" in Reader(markup(nothing_selected())).text
