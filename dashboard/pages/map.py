"""Page 1: the latent map with its data sets, ellipses and the inspector (layout only)."""

import dash_mantine_components as dmc
from dash import dcc, html

from dashboard.components.attributes import attributes
from dashboard.components.help import help_button
from dashboard.components.inspector import nothing_selected
from dashboard.components.states import empty
from dashboard.state import MAX_LEVEL, MAX_SIGMA, MIN_LEVEL, MIN_SIGMA, MapView

MAP = "pca"
"""Name of the map that is shown."""

KIND_NAMES = {
    "prediction": "Prediction: a new image",
    "mean": "Confidence of the mean",
    "normal": "Normal contour (χ²)",
    "sigma": "k standard deviations",
    "robust": "Robust (MCD)",
}


def layout() -> html.Main:
    """The page; its data arrive by the callbacks of map_callbacks.py."""
    return html.Main(
        [_controls(), _map(), _inspector(), *_stores()],
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
            html.Div([html.H2("Ellipses"), help_button("ellipse")], className="panel-head"),
            dmc.Select(
                id="map-kind",
                label="Kind",
                size="xs",
                data=[{"value": kind, "label": name} for kind, name in KIND_NAMES.items()],
                value=MapView.kind,
                allowDeselect=False,
                comboboxProps={"withinPortal": True},
            ),
            html.Div(
                dmc.NumberInput(
                    id="map-level",
                    label="Nominal coverage",
                    size="xs",
                    value=MapView.level,
                    min=MIN_LEVEL,
                    max=MAX_LEVEL,
                    step=1,
                    decimalScale=1,
                    suffix=" %",
                    clampBehavior="blur",
                    debounce=300,
                ),
                id="map-level-row",
            ),
            html.Div(
                dmc.NumberInput(
                    id="map-sigma",
                    label="Radius",
                    size="xs",
                    value=MapView.sigma,
                    min=MIN_SIGMA,
                    max=MAX_SIGMA,
                    step=0.5,
                    decimalScale=2,
                    suffix=" standard deviations",
                    clampBehavior="blur",
                    debounce=300,
                ),
                id="map-sigma-row",
                hidden=True,
            ),
            html.Div(id="map-ellipse-note", className="note", role="status"),
        ],
        className="panel controls",
        **attributes({"aria-label": "Data sets and ellipses"}),
    )


def _map() -> html.Section:
    return html.Section(
        [
            html.Div(
                [
                    html.H2("Latent space"),
                    help_button("latent space"),
                    html.Span(id="map-note", className="muted"),
                    html.Div(className="spring"),
                    *[
                        html.Button(
                            text,
                            id=id_,
                            type="button",
                            className="plain tool",
                            **attributes({"aria-label": name}),
                            title=name,
                        )
                        for id_, text, name in (
                            ("map-zoom-in", "+", "Zoom in"),
                            ("map-zoom-out", "−", "Zoom out"),
                            ("map-fit", "Fit", "Fit the view to the data sets that are on"),
                        )
                    ],
                ],
                className="map-head",
            ),
            html.Div(
                [
                    dcc.Graph(
                        id="map-graph",
                        className="map-graph",
                        responsive=True,
                        config={"displayModeBar": False, "scrollZoom": True, "doubleClick": "reset"},
                    ),
                    html.Div(
                        empty("Loading the map …", "Points and ellipses are being fetched."),
                        id="map-state",
                        className="map-state",
                    ),
                    html.Div(
                        "No data set is switched on. Choose one on the left.",
                        id="map-none-on",
                        className="map-hint",
                        hidden=True,
                    ),
                ],
                className="map-body",
            ),
        ],
        className="panel map-panel",
        **attributes({"aria-label": "Latent map"}),
    )


def _inspector() -> html.Section:
    return html.Section(
        [
            html.Div(
                [
                    html.H2("Inspector"),
                    html.Div(className="spring"),
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
            html.Div(nothing_selected(), id="map-inspector", **attributes({"aria-live": "polite"})),
        ],
        className="panel inspector",
        **attributes({"aria-label": "Inspector"}),
    )


def _stores() -> list[dcc.Store]:
    return [
        dcc.Store(id="map-loaded"),  # {"index", "datasets": {name: what map_loading.py says of it}}
        dcc.Store(id="map-on"),  # names of the data sets that are on
        dcc.Store(id="map-selected"),  # "DATASET/SPLIT/POSITION" or null
        dcc.Store(id="map-sample"),  # {"dataset", "x", "y"} of the inspected image, or null
        dcc.Store(id="map-ellipses"),  # {"key", "outlines"}
        dcc.Store(id="map-query"),  # the query that reproduces this view
        dcc.Store(id="map-ready"),  # written by clientside callbacks that only draw
        dcc.Store(id="webgl"),  # whether this browser has WebGL
    ]
