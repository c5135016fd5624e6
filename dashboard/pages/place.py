"""Page: the reader's own images under the model, beside those of the index (layout and words only)."""

from collections.abc import Sequence

from dash import dcc, html
from dash.development.base_component import Component

from dashboard.answers import Catalogue, Dataset, Ellipse, MapInfo
from dashboard.components.attributes import attributes
from dashboard.components.help import help_button
from dashboard.components.legend import coverage, swatch, warning_mark
from dashboard.components.pictures import error_scale
from dashboard.components.states import empty
from dashboard.pages.map_panel import map_title, select
from dashboard.routes_place import MAX_BYTES, MAX_IMAGES


def layout() -> html.Main:
    """The page; assets/place.js sends the files, place_callbacks.py shows what came back.

    assets/place_cloud.js draws the points of the map.
    """
    return html.Main(
        [
            html.Section(
                _drop(), className="panel place-drop", **attributes({"aria-label": "Choice of files"})
            ),
            html.Section(
                nothing_placed(),
                id="place-cards",
                className="panel place-cards",
                **attributes({"aria-label": "Your images under the model", "aria-live": "polite"}),
            ),
            html.Section(
                [
                    html.Div(
                        [
                            html.H2("Where they land"),
                            help_button("ellipse"),
                            html.Div(className="spring"),
                            dcc.Link("Open this map", id="place-open", href="/"),
                        ],
                        className="panel-head",
                    ),
                    dcc.Graph(
                        id="place-graph",
                        className="map-graph-small",
                        config={
                            "displayModeBar": False,
                            "scrollZoom": True,
                            "responsive": True,
                            "doubleClick": "reset",
                        },
                    ),
                    html.Div(id="place-legend", className="place-legend"),
                ],
                className="panel place-map",
                id="place-map",
                hidden=True,
                **attributes({"aria-label": "Your images on the map"}),
            ),
            dcc.Store(id="place-answers"),  # what the service said of the files, or why it said nothing
            dcc.Store(id="place-again"),  # True: what it said could not be shown, it is to be asked again
            dcc.Store(id="place-query"),  # the query that reproduces this view
        ],
        id="page-place",
        className="page place-page",
        hidden=True,
        **attributes({"aria-label": "Place an image"}),
    )


def nothing_placed() -> html.Div:
    """What stands in the place of the cards before a first file."""
    return empty(
        "No image placed yet",
        "Drop images on the left, or choose them: the model encodes each, and you see what it keeps, where the "
        "image lands among those of the index, and how unusual it is.",
    )


def not_placed(detail: str, *, again: bool = False) -> html.Div:
    """The service's word on files that it refused; or why it cannot be asked, which it will be `again`."""
    sentence = detail[:1].upper() + detail[1:].rstrip(".?") + "."
    hint = "Start the service (vqscope serve, or vqscope explore): the page then places the same images by itself."
    return html.Div(
        [
            html.Div("The images were not placed", className="state-title"),
            html.Div(sentence),
            *([html.Div(hint, className="state-hint")] if again else []),
        ],
        className="state state-failed",
        role="alert",
    )


def legend(catalogue: Catalogue, ellipses: Sequence[Ellipse]) -> list[Component]:
    """What stands out, which colour is which data set, and how far its ellipse can be believed."""
    regions = {ellipse.group: ellipse for ellipse in ellipses}

    def item(sign: Component, text: str) -> html.Span:
        return html.Span([sign, text], className="place-legend-item")

    def of_dataset(dataset: Dataset) -> html.Span:
        region = regions.get(dataset.name)
        return html.Span(
            [
                swatch(dataset.index),
                dataset.name,
                html.Span(coverage(region, "prediction"), className="muted"),
                *warning_mark(region.warnings if region else ()),
            ],
            className="place-legend-item",
            **attributes({"data-dataset": dataset.name}),
        )

    hidden = {"aria-hidden": "true"}
    star = html.Span(className="swatch place-legend-star", **attributes(hidden | {"data-symbol": "star"}))
    return [
        item(star, "your images"),
        item(html.Span(className="place-legend-near", **attributes(hidden)), "nearest to them"),
        *map(of_dataset, catalogue.datasets),
        html.Div(
            "Lines: 95 % prediction ellipses; per cent: share of the data set's images really inside.",
            className="note",
        ),
    ]


def left_out(maps: Sequence[MapInfo]) -> str:
    """A note on the maps that cannot be chosen here."""
    names = [map_title(info.name) for info in maps if info.dimensions != 2]
    return f"Maps of three dimensions are left out here: {', '.join(names)}." if names else ""


def _drop() -> list[Component]:
    # The file field itself is made by assets/place.js, since Dash has none that sends bytes as they are.
    return [
        html.Div([html.H2("Place an image"), help_button("latent space")], className="panel-head"),
        html.Div(id="place-field"),
        select("place-name", "Map", [], None),
        html.Div(id="place-maps", className="note"),
        html.Div(id="place-status", className="note place-status", role="status"),
        html.Div(
            [
                f"PNG, JPEG or TIFF, up to {MAX_IMAGES} at once and {MAX_BYTES >> 20} MB together. Images of any size "
                "are brought to the model's.",
            ],
            className="note",
        ),
        html.Div(
            [
                html.B("Nothing is stored. "),
                "The files go to the VQScope service and are forgotten once it has answered. Only this page keeps "
                "them, for another map, until you choose others or close it.",
            ],
            className="note",
        ),
        html.Div(error_scale(), className="place-scale"),
    ]
