"""Page: the reader's own images under the model, beside those of the index (layout and cards only)."""

from collections.abc import Mapping

from dash import dcc, html

from dashboard.answers import Catalogue, Dataset
from dashboard.answers_place import MEASURES, Neighbour, Placed, PlacedImage, Verdict
from dashboard.components.attributes import attributes
from dashboard.components.help import help_button
from dashboard.components.legend import swatch
from dashboard.components.pictures import TITLES, error_scale, picture_url, zoomed
from dashboard.components.states import empty
from dashboard.components.words import SPLIT_NAMES, count, decibel, figure, per_cent
from dashboard.routes_place import MAX_BYTES, MAX_IMAGES
from dashboard.state import Point
from dashboard.state_map import MapView

EDGE = 112
"""CSS pixels that a picture may take."""
NEIGHBOUR_EDGE = 56


def layout() -> html.Main:
    """The page; assets/place.js sends the files, place_callbacks.py shows what came back."""
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
                        [html.H2("Where they land"), help_button("ellipse")],
                        className="panel-head",
                    ),
                    dcc.Graph(
                        id="place-graph",
                        className="map-graph-small",
                        config={"displayModeBar": False, "scrollZoom": True, "responsive": True},
                    ),
                    html.Div(id="place-legend", className="place-legend"),
                ],
                className="panel place-map",
                id="place-map",
                hidden=True,
                **attributes({"aria-label": "Your images on the map"}),
            ),
            dcc.Store(id="place-answers"),
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


def not_placed(detail: str) -> html.Div:
    """The service's word on files that it refused."""
    sentence = detail[:1].upper() + detail[1:].rstrip(".?") + "."
    return html.Div(
        [html.Div("The images were not placed", className="state-title"), html.Div(sentence)],
        className="state state-failed",
        role="alert",
    )


def cards(placed: Placed, catalogue: Catalogue) -> list[html.Article]:
    """What failed, then one card an image, numbered as on the map."""
    datasets = {dataset.name: dataset for dataset in catalogue.datasets}
    failed = [
        html.Article(
            [html.B(one.filename), f": {one.reason}"],
            className="card place-failed",
            role="alert",
            **attributes({"data-file": one.filename}),
        )
        for one in placed.failed
    ]
    return failed + [_card(number, image, placed, datasets) for number, image in enumerate(placed.images, 1)]


def legend(catalogue: Catalogue) -> list[html.Span]:
    """Which colour is which data set."""
    return [
        html.Span([swatch(dataset.index), dataset.name], className="place-legend-item")
        for dataset in catalogue.datasets
    ]


def _drop() -> list[html.Div]:
    # The file field itself is made by assets/place.js, since Dash has none that sends bytes as they are.
    return [
        html.Div([html.H2("Place an image"), help_button("latent space")], className="panel-head"),
        html.Div(id="place-field"),
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
                "The files go to the VQScope service and are forgotten once it has answered.",
            ],
            className="note",
        ),
        html.Div(id="place-status", className="note", role="status"),
        html.Div(error_scale(), className="place-scale"),
    ]


def _card(number: int, image: PlacedImage, placed: Placed, datasets: Mapping[str, Dataset]) -> html.Article:
    return html.Article(
        [
            html.Div(
                [
                    html.Span(str(number), className="place-number"),
                    html.Span(image.filename, className="card-label", title=image.filename),
                ],
                className="place-title",
            ),
            html.Div(
                [
                    _pictures(image),
                    html.Div(
                        [
                            *_verdict(image.verdict, placed.no_verdict),
                            html.P(
                                _regions(image), className="place-line", **attributes({"data-role": "inside"})
                            ),
                            html.Div(
                                [
                                    html.Span(decibel(image.psnr), **attributes({"data-figure": "psnr"})),
                                    html.Span(
                                        ["SSIM ", html.B(figure(image.ssim, 3))],
                                        **attributes({"data-figure": "ssim"}),
                                    ),
                                    html.Span(
                                        ["MAE ", html.B(f"{100 * image.mae:.2f} %")],
                                        title="mean absolute error, of full range",
                                        **attributes({"data-figure": "mae"}),
                                    ),
                                ],
                                className="card-figures place-figures",
                            ),
                        ],
                        className="place-words",
                    ),
                ],
                className="place-body",
            ),
            html.Div("Nearest images of the index, by cosine distance", className="section-title"),
            html.Div(
                [_neighbour(near, placed.index, datasets.get(near.dataset)) for near in image.neighbours],
                className="place-neighbours",
            ),
        ],
        className="card place-card",
        **attributes({"data-file": image.filename}),
    )


def _pictures(image: PlacedImage) -> html.Div:
    return html.Div(
        [
            html.Figure(
                [
                    html.Img(
                        src=f"data:image/png;base64,{image.pictures[view]}",
                        className="pixels place-picture",
                        alt=f"{title} of {image.filename}",
                        **attributes({"data-view": view}),
                    ),
                    html.Figcaption("As the model sees it" if view == "image" else title),
                ],
                className=f"picture picture-{view}",
            )
            for view, title in TITLES.items()
        ],
        className="trio",
        style={"--edge": f"{EDGE}px", "--edge-wide": f"{EDGE}px"},
    )


def _verdict(verdict: Verdict | None, why_not: str) -> list[html.P | html.Dl]:
    if verdict is None:
        return [html.P(f"No verdict on how unusual it is: {why_not}.", className="place-line muted")]
    rows = []
    for name, title in MEASURES.items():
        standing = verdict.measures.get(name)
        if standing is None:
            continue
        rows += [
            html.Dt(title),
            html.Dd(
                [
                    html.Span(per_cent(standing.share), className="value"),
                    html.Span(f" ({per_cent(standing.low)} to {per_cent(standing.high)})", className="muted"),
                ],
                **attributes({"data-measure": name}),
            ),
        ]
    return [
        html.P(
            [html.B(verdict.words[:1].upper() + verdict.words[1:]), f"; it fits {verdict.most_like} best."],
            className="place-line",
            **attributes({"data-role": "verdict"}),
        ),
        html.Dl(
            rows,
            className="figures",
            title="Share of held-out images that it is more unusual than, with the 95 % interval",
        ),
    ]


def _regions(image: PlacedImage) -> str:
    if not image.inside:
        return "It lands outside every data set's 95 % prediction ellipse."
    return f"It lands inside the 95 % prediction ellipse of {', '.join(image.inside)}."


def _neighbour(near: Neighbour, index: str, dataset: Dataset | None) -> dcc.Link:
    point = Point(near.dataset, near.split, near.position)
    place = f"{near.dataset}, {SPLIT_NAMES.get(near.split, near.split)} {count(near.position)}"
    size = zoomed(dataset.image_size, NEIGHBOUR_EDGE) if dataset else NEIGHBOUR_EDGE
    edge = {"width": f"{size}px", "height": f"{size}px"}
    shown = (
        html.Img(
            src=picture_url(point, "image", index),
            className="pixels",
            alt=f"{near.label_name}, {place}",
            style=edge,
        )
        if dataset and dataset.available
        else html.Div(className="no-pictures", style=edge)
    )
    return dcc.Link(
        [
            shown,
            html.Span(near.label_name, className="place-neighbour-label"),
            html.Span(f"{near.distance:.3f}", className="muted"),
        ],
        href="/" + MapView(point=point).to_query(),
        className="place-neighbour",
        title=f"{near.label_name}, {place}: show it on the map",
    )
