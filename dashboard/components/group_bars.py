"""How the images of data sets and labels use a code: bars of shares, with those of all others beside them."""

from collections.abc import Mapping, Sequence

from dash import html
from dash.development.base_component import Component

from dashboard.answers import Dataset
from dashboard.answers_codebook import GroupUse
from dashboard.components.attributes import attributes
from dashboard.components.legend import swatch
from dashboard.components.words import count, odds_told, per_cent, probability
from dashboard.palette import mark

SURE = 0.05
"""Corrected p-value up to which a group is named; the service's own table of codes uses the same."""

Datasets = Mapping[str, Dataset]


def label_bars(groups: Sequence[GroupUse], datasets: Datasets) -> list[Component]:
    """The labels of each data set, folded together where nothing in them goes with the code."""
    by_dataset: dict[str, list[GroupUse]] = {}
    for group in groups:
        by_dataset.setdefault(group.dataset, []).append(group)
    return [
        html.Details(
            [
                html.Summary(
                    [
                        *marker(name, datasets),
                        f"{name}, {len(own)} labels" if len(own) > 1 else f"{name}, 1 label",
                    ]
                ),
                bars(own, datasets),
            ],
            open=any(group.q <= SURE for group in own),
            className="label-use",
        )
        for name, own in by_dataset.items()
    ]


def bars(groups: Sequence[GroupUse], datasets: Datasets) -> html.Div:
    """A row a group; an element around them sets --longest, the share that fills a bar."""
    return html.Div([_bar(group, datasets) for group in groups], className="bars")


def _bar(group: GroupUse, datasets: Datasets) -> html.Div:
    name = group.dataset if group.label is None else (group.label_name or str(group.label))
    dataset = datasets.get(group.dataset)
    line = [] if group.share_elsewhere is None else [html.Span(className="bar-others")]
    return html.Div(
        [
            html.Span(
                [
                    *(marker(group.dataset, datasets) if group.label is None else []),
                    html.Span(name, className="bar-text"),
                ],
                className="bar-name",
                title=name,
            ),
            html.Span(
                [html.Span(className="bar-fill"), *line],
                className="bar",
                style={
                    "--share": f"{group.share:.6g}",
                    "--others": f"{group.share_elsewhere or 0:.6g}",
                    "--mark": _colour(dataset),
                },
                **attributes({"aria-hidden": "true"}),
            ),
            html.Span(per_cent(group.share), className="bar-share"),
            html.Span(f"{count(group.images)} / {count(group.n)}", className="bar-count muted"),
        ],
        className="bar-row",
        title=_compared(group),
        **attributes({"data-group": key(group)}),
    )


def _compared(group: GroupUse) -> str:
    others = "others" if group.label is None else "others of its data set"
    if group.share_elsewhere is None:
        return f"There are no {others} to compare with"
    ratio, interval = odds_told(group.log2_odds, group.low, group.high)
    return (
        f"{ratio} of the {others}{interval}, "
        f"corrected p {probability(group.q)}; others: {per_cent(group.share_elsewhere)}"
    )


def marker(name: str, datasets: Datasets) -> list[Component]:
    """The marker of a data set, where the service lists it."""
    dataset = datasets.get(name)
    return [swatch(dataset.index)] if dataset else []


def _colour(dataset: Dataset | None) -> str:
    return mark(dataset.index).colour if dataset else "var(--ink-2)"


def key(group: GroupUse) -> str:
    """NAME of a data set, or NAME/LABEL."""
    return group.dataset if group.label is None else f"{group.dataset}/{group.label}"
