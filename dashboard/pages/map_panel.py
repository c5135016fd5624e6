"""The middle of the map page: one map or two side by side, their choice and their tools (layout only)."""

from collections.abc import Sequence

import dash_mantine_components as dmc
from dash import dcc, html

from dashboard.answers import MapInfo
from dashboard.components.attributes import attributes
from dashboard.components.help import help_button
from dashboard.components.map_quality import quality_button
from dashboard.components.menu import formats, menu
from dashboard.components.states import empty
from dashboard.pages import map_fit
from dashboard.state_map import MapView

NO_SECOND = ""
"""Value of the choice of a second map for none."""
_NAMES = {"pca": "PCA", "umap": "UMAP", "tsne": "t-SNE", "mean2d": "Mean of grid"}
_FORMATS = ("png", "svg")
_SAVED = {
    "map": ("Map", "Map"),
    "panels": ("A panel for each data set", "A panel for each data set"),
    "panels-all": ("… and one of all", "A panel for each data set and one of all"),
}
"""What can be saved: the line of the menu, and its name for who hears it without the line above."""
SAVE_IDS = tuple(f"save-{what}-{form}" for what in _SAVED for form in _FORMATS)
"""Of the buttons, as assets/map_save.js reads them."""


def map_title(name: str) -> str:
    """Name of a map for a reader."""
    plain = name.removesuffix("-3d")
    return _NAMES[plain] + (" 3-D" if plain != name else "") if plain in _NAMES else name


def map_options(maps: Sequence[MapInfo]) -> list[dict[str, str]]:
    """Maps to choose from; those of three dimensions say so."""

    def label(info: MapInfo) -> str:
        title = map_title(info.name)
        return f"{title} (3-D)" if info.dimensions == 3 and "3-D" not in title else title

    return [{"value": info.name, "label": label(info)} for info in maps]


def second_options(names: Sequence[dict[str, str]], first: str) -> list[dict[str, str]]:
    """What can be seen beside a map: nothing, or any other."""
    return [
        {"value": NO_SECOND, "label": "no second map"},
        *(name for name in names if name["value"] != first),
    ]


def layout() -> html.Section:
    """The panel; figures arrive by map_loading.py and map_second.py."""
    return html.Section(
        [_head(), _tools(), _body(), map_fit.layout()],
        className="panel map-panel",
        **attributes({"aria-label": "Latent map"}),
    )


def select(
    id_: str, label: str, data: list[dict[str, str]], value: str | None, *, plain: bool = False
) -> dmc.Select:
    """A choice of one; with `plain` the label is only for readers of a screen."""
    return dmc.Select(
        id=id_,
        label=None if plain else label,
        attributes={"input": {"aria-label": label}} if plain else {},
        size="xs",
        data=data,
        value=value,
        allowDeselect=False,
        comboboxProps={"withinPortal": True},
    )


def _head() -> html.Div:
    first = [{"value": MapView.map, "label": map_title(MapView.map)}]
    return html.Div(
        [
            html.H2("Latent space"),
            help_button("latent space"),
            html.Div(select("map-name", "Map", first, MapView.map, plain=True), className="map-name"),
            html.Span("and", className="map-and", **attributes({"aria-hidden": "true"})),
            html.Div(
                select(
                    "map-second",
                    "Second map",
                    second_options(first, MapView.map),
                    NO_SECOND,
                    plain=True,
                ),
                className="map-name second",
            ),
            html.Button(
                "Fit a map",
                id="map-fit-open",
                type="button",
                className="plain small",
                title="Fit another map: UMAP, t-SNE or PCA, in two or three dimensions",
            ),
            html.Div(className="spring"),
            menu(
                "Save",
                [
                    formats(text, {form: f"save-{what}-{form}" for form in _FORMATS}, said)
                    for what, (text, said) in _SAVED.items()
                ],
            ),
        ],
        className="map-head",
    )


def _tools() -> html.Div:
    return html.Div(
        [
            html.Div(
                [
                    _tool("map-pan", "Pan", "Move the map", pressed=True),
                    _tool("map-box", "Box", "Select a box", pressed=False),
                    _tool("map-lasso", "Lasso", "Select by drawing round images", pressed=False),
                    _tool("map-select-view", "View", "Select what is in view"),
                ],
                id="map-flat-tools",
                className="tools",
                role="group",
                **attributes({"aria-label": "Tools"}),
            ),
            html.Div(
                "3-D: drag to turn, Shift-drag to move",
                id="map-no-tools",
                className="tools-hint",
                hidden=True,
            ),
            html.Div(
                [
                    _tool("map-zoom-in", "+", "Zoom in"),
                    _tool("map-zoom-out", "−", "Zoom out"),
                    _tool("map-fit", "Fit", "Fit the view to the data sets that are on"),
                ],
                className="tools",
                role="group",
                **attributes({"aria-label": "Zoom"}),
            ),
            html.Div(className="spring"),
            html.Div(id="map-note", className="map-note"),
            quality_button(),
        ],
        className="map-tools",
    )


def _tool(id_: str, text: str, name: str, *, pressed: bool | None = None) -> html.Button:
    more = {} if pressed is None else {"aria-pressed": str(pressed).lower()}
    return html.Button(
        text,
        id=id_,
        type="button",
        className="plain tool",
        title=name,
        **attributes({"aria-label": name} | more),
    )


def _body() -> html.Div:
    return html.Div(
        [
            html.Div(
                [
                    _graph("map-graph"),
                    html.Div(
                        empty("Loading the map …", "Points and ellipses are being fetched."),
                        id="map-state",
                        className="map-state",
                    ),
                ],
                className="map-slot",
            ),
            html.Div(
                [
                    _graph("map-graph-2"),
                    html.Div(id="map-state-2", className="map-state"),
                ],
                id="map-slot-2",
                className="map-slot",
                hidden=True,
            ),
            html.Div(
                id="map-colours",
                className="colours",
                hidden=True,
                tabIndex="0",  # it may have to be scrolled
                role="group",
                **attributes({"aria-label": "Colours of the points"}),
            ),
            html.Div(
                "No data set is switched on. Choose one on the left.",
                id="map-none-on",
                className="map-hint",
                hidden=True,
            ),
        ],
        className="map-body",
    )


def _graph(id_: str) -> dcc.Graph:
    return dcc.Graph(
        id=id_,
        className="map-graph",
        responsive=True,
        config={"displayModeBar": False, "scrollZoom": True, "doubleClick": "reset"},
    )
