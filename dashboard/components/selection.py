"""What a selection of images consists of, beside all images that are shown."""

from collections.abc import Mapping, Sequence

from dash import dcc, html
from dash.development.base_component import Component

from dashboard.answers import Catalogue
from dashboard.answers_map import EnrichedCode, Part, Selection, Summary
from dashboard.components.attributes import attributes
from dashboard.components.legend import swatch
from dashboard.components.pictures import picture_url, zoomed
from dashboard.components.states import empty
from dashboard.components.words import SPLIT_NAMES, UNBOUNDED, count, decibel, figure, per_cent
from dashboard.state import Point

_LABELS = 40
_FIGURES = (
    ("psnr", "PSNR", "Peak signal-to-noise ratio"),
    ("ssim", "SSIM", "Structural similarity, no unit"),
    ("mae", "MAE", "Mean absolute error, share of the full range"),
    ("quantisation_error", "Quant. error", "Quantisation error in latent units²"),
)


def composition(found: Selection, catalogue: Catalogue) -> list[Component]:
    """Shares of data sets and labels, each with its interval and beside the share of the whole."""
    if not found.n:
        return [empty("No image in the selection", "Draw it round some points.")]
    more = len(found.labels) - _LABELS
    return [
        html.Div(
            [
                _parts("Data sets", [(part, part.dataset) for part in found.datasets], catalogue),
                _parts(
                    "Labels",
                    [(part, part.label_name or "") for part in found.labels[:_LABELS]],
                    catalogue,
                ),
            ],
            className="parts-columns",
        ),
        html.Div(
            "Bar: share of the selection, with its 95 % interval (Wilson, images taken as independent). "
            "Upright line: share of all images that are shown."
            + (f" {count(more)} rarer labels are in the table." if more > 0 else ""),
            className="note",
        ),
    ]


def figures_and_codes(found: Selection) -> list[Component]:
    """Summary of the figures, and the codes that the selection has more often than the rest."""
    if not found.n:
        return [empty("No image in the selection", "Draw it round some points.")]
    return [html.Div([_figures(found), _codes(found.codes)], className="parts-columns")]


def thumbnails(found: Selection, catalogue: Catalogue) -> list[Component]:
    """A page of the selected images; each opens in the inspector."""
    cards = []
    for item in found.items:
        dataset = catalogue.get(item.dataset)
        if dataset is None:
            continue
        point = Point(item.dataset, item.split, item.position)
        place = f"{SPLIT_NAMES.get(item.split, item.split)} image {count(item.position)}"
        cards.append(
            thumbnail(
                point,
                found.index,
                size=dataset.image_size if dataset.available else None,
                text=f"{item.label_name}, {item.dataset}, {place}",
            )
        )
    return [html.Div(cards, className="thumbnails")] if cards else [empty("No image in the selection", "")]


def thumbnail(
    point: Point, version: str, *, size: int | None, text: str, edge: int = 56, src: str | None = None
) -> html.Button:
    """A small picture that opens in the inspector (assets/map_inspect.js); `size` None: there is no picture.

    `src` is its address where that is not the usual one.
    """
    shown = (
        html.Span("no picture", className="thumbnail-none")
        if size is None
        else html.Img(
            src=src or picture_url(point, "image", version),
            className="pixels" if size <= edge else "pixels shrunk",
            alt="",
            width=zoomed(size, edge),
            height=zoomed(size, edge),
        )
    )
    return html.Button(
        shown,
        type="button",
        className="thumbnail",
        title=text,
        **attributes({"data-inspect": str(point), "aria-label": f"Inspect {text}"}),
    )


def _parts(title: str, parts: Sequence[tuple[Part, str]], catalogue: Catalogue) -> html.Div:
    return html.Div(
        [
            html.Div(title, className="section-title"),
            html.Table(
                [
                    html.Thead(
                        html.Tr(
                            [
                                html.Th("", scope="col"),
                                html.Th("images", scope="col"),
                                html.Th("share, 95 % interval", scope="col"),
                                html.Th("shown", scope="col", title="share of all images that are shown"),
                            ]
                        )
                    ),
                    html.Tbody([row for part, name in parts for row in _part(part, name, catalogue)]),
                ],
                className="parts",
                **attributes({"aria-label": f"{title} of the selection"}),
            ),
        ],
        className="parts-column",
    )


def _part(part: Part, name: str, catalogue: Catalogue) -> list[html.Tr]:
    """Its figures, and below them the same as a bar of the table's whole width, which shows intervals apart."""
    dataset = catalogue.get(part.dataset)
    low, high = part.interval
    bar = html.Div(
        [
            html.Div(className="part-share", style={"width": f"{100 * part.share:.3f}%"}),
            html.Div(
                className="part-interval",
                style={"left": f"{100 * low:.3f}%", "width": f"{100 * (high - low):.3f}%"},
            ),
            html.Div(className="part-whole", style={"left": f"{100 * part.share_of_whole:.3f}%"}),
        ],
        className="part-bar",
        title=f"{per_cent(low)} to {per_cent(high)}; of all that are shown {per_cent(part.share_of_whole)}",
    )
    words = f"{name} ({part.dataset})" if part.label is not None else name
    figures = html.Tr(
        [
            html.Th(
                html.Span(
                    [
                        *([swatch(dataset.index)] if dataset else []),
                        html.Span(name, className="part-name"),
                    ],
                    className="part-head",
                    title=words,
                ),
                scope="row",
            ),
            html.Td(count(part.count)),
            html.Td(
                [
                    per_cent(part.share),
                    html.Span(f" {100 * low:.1f}–{100 * high:.1f}", className="part-limits"),
                ]
            ),
            html.Td(per_cent(part.share_of_whole)),
        ],
        **attributes({"data-part": words}),
    )
    drawn = html.Tr(html.Td(bar, colSpan="4", className="part-cell"), **attributes({"aria-hidden": "true"}))
    return [figures, drawn]


def _figures(found: Selection) -> html.Div:
    head = ["", "mean", "quartiles", "all shown"]
    rows = [
        html.Tr(
            [
                html.Th(title, scope="row", title=hint),
                html.Td(value(name, found.figures[name].mean)),
                html.Td(_quartiles(name, found.figures[name]), className="part-quartiles"),
                html.Td(_mean(name, found.figures_of_whole)),
            ],
            **attributes({"data-figure": name}),
        )
        for name, title, hint in _FIGURES
        if name in found.figures
    ]
    return html.Div(
        [
            html.Div("Figures of the reconstructions", className="section-title"),
            html.Table(
                [
                    html.Thead(html.Tr([html.Th(text, scope="col") for text in head])),
                    html.Tbody(rows),
                ],
                className="parts",
                **attributes({"aria-label": "Figures of the selection"}),
            ),
        ],
        className="parts-column",
    )


def value(name: str, of: float) -> str:
    """A figure as the inspector shows it."""
    if name == "psnr":
        return decibel(of)
    if name == "mae":
        return f"{100 * of:.2f} %"
    return figure(of, 3 if name == "ssim" else 4)


def _mean(name: str, summaries: Mapping[str, Summary]) -> str:
    return value(name, summaries[name].mean) if name in summaries else "–"


def _quartiles(name: str, summary: Summary) -> str:
    low, middle, high = (
        value(name, quartile).removesuffix(" dB").removesuffix(" %") for quartile in summary.quartiles
    )
    return f"{low} | {middle} | {high}"


def _codes(codes: Sequence[EnrichedCode]) -> html.Div:
    if not codes:
        return html.Div(
            [
                html.Div("Enriched codes", className="section-title"),
                html.Div("No code is more frequent here than elsewhere (q ≤ 0.05).", className="muted"),
            ],
            className="parts-column",
        )
    rows = [
        html.Tr(
            [
                html.Th(
                    dcc.Link(f"code {one.code}", href=f"/codebook?code={one.code}", className="code-link"),
                    scope="row",
                ),
                html.Td(per_cent(one.share)),
                html.Td(per_cent(one.share_elsewhere)),
                html.Td(
                    [
                        f"{one.log2_odds:.1f}" if one.high < UNBOUNDED else f"≥ {one.low:.1f}",
                        html.Span(
                            f" {one.low:.1f}–{one.high:.1f}" if one.high < UNBOUNDED else "",
                            className="part-limits",
                        ),
                    ]
                ),
                html.Td(f"{one.q:.1g}"),
            ],
            **attributes({"data-code": str(one.code)}),
        )
        for one in codes
    ]
    head = ["", "have it", "elsewhere", "log₂ odds", "q"]
    return html.Div(
        [
            html.Div("Enriched codes", className="section-title"),
            html.Table(
                [html.Thead(html.Tr([html.Th(text, scope="col") for text in head])), html.Tbody(rows)],
                className="parts",
                **attributes({"aria-label": "Enriched codes"}),
            ),
            html.Div(
                "Share of images that contain the code, against all other images: of a selection of one data set, "
                "its codes are those of the data set. A place on the map follows from the codes, so q measures "
                "contrast; it is no evidence from new images.",
                className="note",
            ),
        ],
        className="parts-column",
    )
