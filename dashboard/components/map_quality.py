"""How far maps can be believed: a button, and behind it figures of each, with intervals and what chance gives."""

from dash import html

from dashboard.answers_quality import MapQuality, QualityFigure
from dashboard.components.attributes import attributes
from dashboard.components.popover import popover
from dashboard.components.words import count


def quality_button() -> html.Span:
    """The button; what it opens is filled when it is pressed."""
    button = html.Button(
        "How faithful?",
        id="map-quality-open",
        type="button",
        className="plain small",
        title="What the map keeps of the latent space: measured figures beside those of chance",
        **attributes({"aria-haspopup": "dialog"}),
    )
    content = html.Div(
        [html.Div("Loading …", id="map-quality-wait", className="note"), html.Div(id="map-quality-figures")],
        id="map-quality",
        role="dialog",
        tabIndex="0",  # that of two maps may have to be scrolled
        **attributes({"aria-label": "How far to believe this map", "aria-live": "polite"}),
    )
    return popover(button, content, width=540, end=True)


def quality_table(title: str, found: MapQuality) -> html.Div:
    """The figures of one map in words that need no knowledge of their names."""
    rows = [
        ("Trustworthiness", "near on the map is near in the latent space", found.trustworthiness),
        ("Continuity", "near in the latent space is near on the map", found.continuity),
        (
            f"Neighbours kept, of {found.k}",
            "the same ones on the map as in the latent space",
            found.preservation,
        ),
        *(
            [("Order of distances", "farther on the map is farther there too (Spearman)", found.spearman)]
            if found.spearman
            else []
        ),
    ]
    pairs = "all pairs" if found.all_pairs else f"{count(found.pairs)} pairs drawn from all"
    notes = [
        f"In the latent space: by {found.metric} distance of the embeddings. Neighbours of "
        f"{_of(found.n_used, found.n)}, sought among all; distances of {pairs}; intervals of 95 %. By chance: of the "
        "same map with its points shuffled. 1 is the best."
    ]
    if found.seeds:
        seeds = found.seeds
        notes.append(
            f"{seeds.fits} fits to {_of(seeds.n_used, seeds.n)} of those it was fitted to, which differ in their seed "
            f"alone, are {seeds.mean:.3f} apart on average, {seeds.largest:.3f} at most (Procrustes; 0: the same map, "
            "1: nothing in common)."
        )
    return html.Div(
        [
            html.Div(title, className="section-title"),
            html.Table(
                [
                    html.Thead(
                        html.Tr(
                            [html.Th(text, scope="col") for text in ("", "this map", "95 %", "by chance")]
                        )
                    ),
                    html.Tbody([_row(*row) for row in rows]),
                ],
                className="quality",
                **attributes({"aria-label": f"Faithfulness of the map {title}"}),
            ),
            *[html.Div(text, className="note") for text in notes],
        ],
        **attributes({"data-map": found.map}),
    )


def _of(some: int, n: int) -> str:
    return "all images" if some == n else f"{count(some)} of {count(n)} images"


def _row(name: str, meaning: str, figure: QualityFigure) -> html.Tr:
    interval = "exact" if figure.interval is None else "–".join(_number(limit) for limit in figure.interval)
    return html.Tr(
        [
            html.Th([name, html.Div(meaning, className="muted")], scope="row"),
            html.Td(html.B(_number(figure.value))),
            html.Td(interval, className="muted"),
            html.Td(_number(figure.chance), className="muted"),
        ]
    )


def _number(value: float) -> str:
    """Three decimals; more of what is near nothing, as chance often is."""
    return f"{value:.3f}" if abs(value) >= 0.01 else f"{value:.1g}"
