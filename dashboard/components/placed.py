"""Cards of uploaded images: what the model keeps of each, how unusual it is, what lies near."""

from collections.abc import Mapping, Sequence

from dash import dcc, html

from dashboard.answers import Catalogue, Dataset, Ellipse
from dashboard.answers_place import MEASURES, Neighbour, Placed, PlacedImage, Verdict
from dashboard.components.attributes import attributes
from dashboard.components.pictures import TITLES, picture_url, zoomed
from dashboard.components.words import SPLIT_NAMES, count, decibel, figure, per_cent
from dashboard.figures.place_figure import neighbour_address
from dashboard.state import Point

EDGE = 112
"""CSS pixels that a picture may take."""
NEIGHBOUR_EDGE = 56


def cards(placed: Placed, catalogue: Catalogue, ellipses: Sequence[Ellipse]) -> list[html.Article]:
    """What failed, then one card an image, numbered as on the map; `ellipses` are those of the data sets there."""
    regions = {ellipse.group: ellipse for ellipse in ellipses}
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
    return failed + [
        _card(number, image, placed, datasets, regions) for number, image in enumerate(placed.images, 1)
    ]


def _card(
    number: int,
    image: PlacedImage,
    placed: Placed,
    datasets: Mapping[str, Dataset],
    regions: Mapping[str, Ellipse],
) -> html.Article:
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
                                _landed(image, regions),
                                className="place-line",
                                **attributes({"data-role": "inside"}),
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
                [_neighbour(near, placed, datasets.get(near.dataset)) for near in image.neighbours],
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
            [
                html.B(verdict.words[:1].upper() + verdict.words[1:]),
                f"; of all data sets it is least unlike {verdict.most_like}.",
            ],
            className="place-line",
            **attributes({"data-role": "verdict"}),
        ),
        html.Dl(rows, className="figures"),
        html.P(
            "Of each, the share of held-out images with a smaller figure (95 % interval). The verdict weighs all four, "
            "and counts unusually small ones too.",
            className="note",
        ),
    ]


def _landed(image: PlacedImage, regions: Mapping[str, Ellipse]) -> str:
    """Which ellipses contain the place, how many of their own images do, and which of them to distrust."""
    if image.inside:
        told = [_covering(name, regions.get(name)) for name in image.inside]
        words = f"It lands inside the 95 % prediction ellipse of {', '.join(told)}."
    else:
        words = "It lands outside every data set's 95 % prediction ellipse."
    of = image.inside or tuple(regions)
    doubtful = [name for name in of if name in regions and regions[name].warnings]
    if not doubtful:
        return words
    return f"{words} That says little of {', '.join(doubtful)}: see the warnings below the map."


def _covering(name: str, region: Ellipse | None) -> str:
    if region is None or region.observed_coverage is None:
        return name
    return f"{name} (which holds {per_cent(region.observed_coverage)} of its own images)"


def _neighbour(near: Neighbour, placed: Placed, dataset: Dataset | None) -> dcc.Link:
    point = Point(near.dataset, near.split, near.position)
    place = f"{near.dataset}, {SPLIT_NAMES.get(near.split, near.split)} {count(near.position)}"
    size = zoomed(dataset.image_size, NEIGHBOUR_EDGE) if dataset else NEIGHBOUR_EDGE
    edge = {"width": f"{size}px", "height": f"{size}px"}
    shown = (
        html.Img(
            src=picture_url(point, "image", placed.index),
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
        href=neighbour_address(near, placed.map),
        className="place-neighbour",
        title=f"{near.label_name}, {place}: show it on the map",
    )
