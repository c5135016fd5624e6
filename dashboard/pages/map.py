"""Page 1: the latent map with its data sets, ellipses and the inspector (layout only)."""

from dash import dcc, html

from dashboard.components.attributes import attributes
from dashboard.components.help import help_button
from dashboard.components.inspector import nothing_selected
from dashboard.components.markup import drawn
from dashboard.components.number_field import number_field
from dashboard.components.states import empty
from dashboard.pages import map_panel, map_selection
from dashboard.pages.map_panel import select
from dashboard.state_map import MAX_LEVEL, MAX_SIGMA, MIN_LEVEL, MIN_SIGMA, MapView

KIND_NAMES = {
    "prediction": "Prediction: a new image",
    "mean": "Confidence of the mean",
    "normal": "Normal contour (χ²)",
    "sigma": "k standard deviations",
    "robust": "Robust (MCD)",
}

GROUP_NAMES = {"dataset": "Data set", "label": "Label", "split": "Split"}


def layout() -> html.Main:
    """The page; its data arrive by the callbacks of map_callbacks.py."""
    return html.Main(
        [
            _controls(),
            html.Div([map_panel.layout(), map_selection.layout()], className="map-column"),
            _inspector(),
            *_stores(),
        ],
        id="page-map",
        className="page map-page",
        hidden=True,
        **attributes({"aria-label": "Map of the latent space"}),
    )


def _controls() -> html.Section:
    return html.Section(
        [
            html.Div(
                [html.H2("Data sets"), html.Span(id="map-total", className="muted total")],
                className="panel-head",
            ),
            html.Div(
                [
                    html.Button("All", id="map-all", type="button", className="plain"),
                    html.Button("None", id="map-none", type="button", className="plain"),
                ],
                className="button-row",
                role="group",
                **attributes({"aria-label": "Switch all data sets"}),
            ),
            html.Div(
                ["images", html.Br(), "inside ellipse"],
                className="legend-head",
                **attributes({"aria-hidden": "true"}),
            ),
            html.Div(
                empty("Loading …", "The data sets are being fetched."), id="map-legend", className="legend"
            ),
            html.Div(html.H2("Colour by"), className="panel-head"),
            select(
                "map-colour",
                "Colour by",
                [{"value": "dataset", "label": "Data set"}],
                MapView.colour,
                plain=True,
            ),
            html.Div(
                number_field(
                    "map-code",
                    "Images that contain code",
                    value=0,
                    min=0,
                    step=1,
                    allowDecimal=False,
                    clampBehavior="blur",
                ),
                id="map-code-row",
                hidden=True,
            ),
            html.Div([html.H2("Ellipses"), help_button("ellipse")], className="panel-head"),
            select(
                "map-group",
                "One for each",
                [{"value": group, "label": name} for group, name in GROUP_NAMES.items()],
                MapView.group,
            ),
            select(
                "map-kind",
                "Kind",
                [{"value": kind, "label": name} for kind, name in KIND_NAMES.items()],
                MapView.kind,
            ),
            html.Div(
                number_field(
                    "map-level",
                    "Nominal coverage",
                    value=MapView.level,
                    min=MIN_LEVEL,
                    max=MAX_LEVEL,
                    step=1,
                    decimalScale=1,
                    suffix=" %",
                    clampBehavior="blur",
                ),
                id="map-level-row",
            ),
            html.Div(
                number_field(
                    "map-sigma",
                    "Radius",
                    value=MapView.sigma,
                    min=MIN_SIGMA,
                    max=MAX_SIGMA,
                    step=0.5,
                    decimalScale=2,
                    suffix=" standard deviations",
                    clampBehavior="blur",
                ),
                id="map-sigma-row",
                hidden=True,
            ),
            html.Div(id="map-ellipse-note", className="note", role="status"),
            html.Div(id="map-groups", className="groups"),
            html.Div(id="map-groups-2", className="groups", hidden=True),  # of the second map
        ],
        className="panel controls",
        **attributes({"aria-label": "Data sets and ellipses"}),
    )


def _inspector() -> html.Section:
    return html.Section(
        [
            html.Div(
                [
                    html.H2("Inspector"),
                    html.Div(className="spring"),
                    html.Button(
                        "Grid",
                        id="map-codes-over",
                        type="button",
                        className="plain small",
                        title="Show the code grid over the image",
                        **attributes({"aria-label": "Code grid over the image", "aria-pressed": "false"}),
                    ),
                    html.Button(
                        "Clear",
                        id="map-clear",
                        type="button",
                        className="plain small",
                        **attributes({"aria-label": "Clear selection"}),
                    ),
                ],
                className="panel-head",
            ),
            drawn(nothing_selected(), id="map-inspector", **attributes({"aria-live": "polite"})),
            drawn(None, id="map-neighbours"),
            drawn(None, id="map-standing"),
        ],
        className="panel inspector",
        **attributes({"aria-label": "Inspector"}),
    )


def _stores() -> list[dcc.Store]:
    return [
        dcc.Store(id="map-loaded"),  # {"index", "map", "dimensions", "datasets": {name: see map_loading.py}}
        dcc.Store(id="map-shown"),  # {"map", "index", "dimensions"} of the figure of the second map, or null
        dcc.Store(id="map-on"),  # names of the data sets that are on
        dcc.Store(id="map-off"),  # {data set: its labels that are off}
        dcc.Store(id="map-selected"),  # "DATASET/SPLIT/POSITION" or null
        dcc.Store(id="map-ellipses"),  # see map_regions.py
        dcc.Store(id="map-ellipses-2"),  # the same of the second map, or null
        dcc.Store(id="map-colouring"),  # what colouring.py says the browser must draw, or null
        dcc.Store(id="map-polygon"),  # {"map", "vertices"} round the selected images, or null
        dcc.Store(id="map-view"),  # what is seen of the first map, see Seen.store; null: all of it
        dcc.Store(id="map-view-2"),  # the same of the second map
        dcc.Store(id="map-order"),  # what the table of the selection is sorted by, as state_map.py has it
        dcc.Store(id="map-inside"),  # {"polygon", "on", "off", "turn"} of what is selected, or null
        dcc.Store(id="selection-tabled"),  # the same, where its table is shown
        dcc.Store(id="map-address"),  # {"search", "turn"} that the page is to follow: not of its own making
        dcc.Store(id="map-query"),  # the query that reproduces this view
        dcc.Store(id="map-ready"),  # written by clientside callbacks that only draw
        dcc.Store(id="map-followed"),
    ]
