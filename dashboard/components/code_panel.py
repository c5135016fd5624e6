"""Everything known of one code: how often, where, in which data sets and labels, with which other codes."""

import math
from collections.abc import Sequence

from dash import dcc, html
from dash.development.base_component import Component

from dashboard.answers_codebook import CodeDetails, Companion, GroupUse, Patches
from dashboard.components.attributes import attributes
from dashboard.components.code_pictures import patch_list, prototype
from dashboard.components.group_bars import SURE, Datasets, bars, key, label_bars, marker
from dashboard.components.help import help_button
from dashboard.components.pictures import no_pictures
from dashboard.components.words import count, figure, odds_told, per_cent, probability

MOST_NAMED = 6


def about(details: CodeDetails) -> list[html.Div]:
    """Title, counts, links, prototype and where in the image the code is used."""
    dead = details.images == 0
    counts = (
        "A dead code: no image of the index contains it."
        if dead
        else f"In {count(details.images)} images ({per_cent(details.share)}), {count(details.cells)} cells"
    )
    links = [
        html.Button(
            f"Code {code}", type="button", className="code-link", **attributes({"data-choose": str(code)})
        )
        for code in details.similar
    ]
    return [
        html.Div(
            [html.H2(f"Code {details.code}", className="code-title"), help_button("code")],
            className="panel-head",
        ),
        html.Div(counts, className="code-counts"),
        html.Div(
            [
                *(
                    []
                    if dead
                    else [
                        dcc.Link(
                            "Show its images on the map", href=f"/?code={details.code}", className="code-map"
                        )
                    ]
                ),
                html.Span(["Most alike: ", *_between(links, ", ")], className="muted"),
            ],
            className="code-links",
        ),
        html.Div(
            [
                html.Figure(
                    [prototype(details.code), html.Figcaption("Decoded prototype: synthetic, not a patient")],
                    className="picture",
                ),
                *([] if dead else [_positions(details)]),
            ],
            className="code-pictures",
        ),
    ]


def patches(code: int, found: Patches, datasets: Datasets) -> list[html.Div]:
    """The nearest patches; nothing for a dead code."""
    if not found.containing:
        return []
    title = html.Div("Nearest patches", className="section-title")
    if not found.items:
        return [title, no_pictures()]
    among = "" if found.searched == found.containing else ", drawn at random,"
    return [
        title,
        patch_list(code, found, datasets),
        html.Div(
            f"The cell and one cell around it, with its squared distance to the code (latent units²); "
            f"nearest of {count(found.searched)}{among} of {count(found.containing)} images. "
            "Each leads to its image on the map.",
            className="note",
        ),
    ]


def use(details: CodeDetails, datasets: Datasets) -> list[Component]:
    """What goes with the code, its use by data set and label, the codes it shares images with."""
    if details.images == 0:
        return []
    longest = max(max(g.share, g.share_elsewhere or 0) for g in (*details.by_dataset, *details.by_label))
    return [
        _goes_with(details, datasets),
        html.Div(
            [
                html.Div("Use by data set", className="section-title"),
                bars(details.by_dataset, datasets),
                html.Div("Use by label", className="section-title"),
                *label_bars(details.by_label, datasets),
                html.Div(
                    "Bar: share of the group’s images that contain the code; line: of all others, "
                    "for a label of those of its data set; none where there are no others. "
                    f"A full bar is {per_cent(longest)}.",
                    className="note",
                ),
            ],
            style={"--longest": f"{longest:.6g}"},
        ),
        *_companions(details),
    ]


def _goes_with(details: CodeDetails, datasets: Datasets) -> html.Div:
    sure = [group for group in (*details.by_dataset, *details.by_label) if group.q <= SURE]
    more = sorted((g for g in sure if g.log2_odds > 0), key=lambda g: -g.low)
    less = sorted((g for g in sure if g.log2_odds < 0), key=lambda g: g.high)
    return html.Div(
        [
            *_named("Goes with", more, datasets),
            *_named("Rarer in", less, datasets),
            *(
                []
                if sure
                else [
                    html.Div(
                        f"None is told apart from chance (corrected p ≤ {SURE:g}).", className="code-counts"
                    )
                ]
            ),
        ],
        className="goes-with",
    )


def _named(title: str, groups: Sequence[GroupUse], datasets: Datasets) -> list[Component]:
    if not groups:
        return []
    left = len(groups) - MOST_NAMED
    lines = [
        html.Li(
            [
                html.Div(_name(group, datasets), className="group-name"),
                html.Div(
                    [
                        html.B((ratio := odds_told(group.log2_odds, group.low, group.high))[0]),
                        f"{ratio[1]}, q {probability(group.q)}",
                    ],
                    className="group-odds",
                ),
            ],
            **attributes({"data-group": key(group)}),
        )
        for group in groups[:MOST_NAMED]
    ]
    return [
        html.Div(title, className="section-title"),
        html.Ul(lines, className="group-list"),
        *([html.Div(f"and {left} more, in the bars below", className="note")] if left > 0 else []),
    ]


def _positions(details: CodeDetails) -> html.Figure:
    """Where in the image: cells that took the code, by place in the code grid."""
    most = max(map(max, details.positions))
    rows = [
        html.Tr(
            [
                html.Td(
                    html.Span(count(cells), className="unseen"),
                    style={"--level": f"{100 * cells / max(most, 1):.1f}%"},
                    title=f"row {r + 1}, column {c + 1}: {count(cells)} cells",
                )
                for c, cells in enumerate(row)
            ]
        )
        for r, row in enumerate(details.positions)
    ]
    return html.Figure(
        [
            html.Div(
                [
                    html.Table(
                        html.Tbody(rows),
                        className="positions",
                        **attributes({"aria-label": "Cells that took the code, by place in the image"}),
                    ),
                    html.Div(
                        [
                            html.Div(className="positions-bar", **attributes({"aria-hidden": "true"})),
                            html.Div(
                                [html.Span(f"{count(most)} cells"), html.Span("0")],
                                className="positions-ends",
                            ),
                        ],
                        className="positions-scale",
                    ),
                ],
                className="positions-row",
            ),
            html.Figcaption("Where in the image"),
        ],
        className="picture",
    )


def _companions(details: CodeDetails) -> list[Component]:
    if not details.companions:
        return []
    links = [
        html.Li(
            html.Button(
                [
                    prototype(one.code),
                    html.Span(
                        [
                            html.Span(f"Code {one.code}", className="companion-code"),
                            html.Span(f"{count(one.images)} images", className="muted"),
                            html.Span(_ratio(one), className="muted"),
                        ],
                        className="companion-text",
                    ),
                ],
                type="button",
                className="companion",
                title=_together(one),
                **attributes({"data-choose": str(one.code)}),
            )
        )
        for one in details.companions
    ]
    return [
        html.Div("Shares images with", className="section-title"),
        html.Ul(links, className="companions"),
        html.Div(
            "Odds of images with this code to contain the other, against those of images without it, compared within "
            "data sets: codes of one data set are found together for that alone.",
            className="note",
        ),
    ]


def _ratio(one: Companion) -> str:
    if math.isnan(one.log2_odds):
        return "nothing to compare"
    return odds_told(one.log2_odds, one.low, one.high)[0]


def _together(one: Companion) -> str:
    if math.isnan(one.log2_odds):
        return f"{count(one.images)} images contain both; {_ratio(one)}"
    ratio, interval = odds_told(one.log2_odds, one.low, one.high)
    return (
        f"{count(one.images)} images contain both, {figure(one.lift, 2)} times as many as by chance within data sets: "
        f"{ratio}{interval}, q {probability(one.q)}"
    )


def _name(group: GroupUse, datasets: Datasets) -> list[Component]:
    text = group.dataset if group.label is None else f"{group.dataset}: {group.label_name}"
    return [*marker(group.dataset, datasets), html.Span(text)]


def _between(parts: Sequence[Component], text: str) -> list[Component | str]:
    return [piece for part in parts for piece in (text, part)][1:]
