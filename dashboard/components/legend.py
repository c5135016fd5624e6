"""The list of data sets: legend of the map and its switches in one."""

from collections.abc import Collection, Sequence

import dash_mantine_components as dmc
from dash import html

from dashboard.answers import Dataset, Ellipse
from dashboard.components.attributes import attributes
from dashboard.components.label_switches import label_switches
from dashboard.components.popover import popover
from dashboard.components.words import NO_PICTURES, count, per_cent
from dashboard.palette import mark
from dashboard.state_map import MapView


def swatch(index: int) -> html.Span:
    """The data set's marker in its colour."""
    look = mark(index)
    return html.Span(
        className="swatch",
        style={"--swatch": look.colour},
        **attributes({"data-symbol": look.symbol, "aria-hidden": "true"}),
    )


def legend_rows(datasets: Sequence[Dataset], ellipses: Sequence[Ellipse], view: MapView) -> list[html.Div]:
    """One row per data set: switch, marker, name, number of images, coverage, warnings, 'Only'."""
    drawn = view.group == "dataset"
    regions = {e.group: e for e in ellipses} if drawn else {}
    return [
        _row(
            dataset,
            regions.get(dataset.name),
            on=view.shows(dataset.name),
            off=view.off_of(dataset.name),
            kind=view.kind,
            drawn=drawn,
        )
        for dataset in datasets
    ]


def coverage(ellipse: Ellipse | None, kind: str, *, drawn: bool = True) -> str:
    """Share of the data set's points really inside its ellipse.

    Nothing is to be said of one that is not drawn, nor of one of the mean: that it holds few images is no fault.
    """
    if not drawn:
        return ""
    if ellipse is None or not ellipse.lines:
        return "no ellipse"
    if kind == "mean":
        return ""
    return per_cent(ellipse.observed_coverage)


def group_row(ellipse: Ellipse, colour: str, kind: str) -> html.Div:
    """A group that is no data set: the colour of its ellipse, name, number of images, coverage, warnings."""
    return html.Div(
        [
            html.Span(
                className="group-line", style={"--swatch": colour}, **attributes({"aria-hidden": "true"})
            ),
            html.Span(ellipse.group, className="group-name", title=ellipse.group),
            html.Span(warning_mark(ellipse.warnings), className="legend-warning"),
            html.Span(count(ellipse.n), className="group-count muted", title="images"),
            html.Span(
                coverage(ellipse, kind),
                className="group-coverage",
                title="share of the points inside the ellipse",
            ),
        ],
        className="group-row",
        **attributes({"data-group": ellipse.group}),
    )


def warning_mark(texts: Sequence[str]) -> list[html.Span]:
    """A small sign with warnings about a data set or an ellipse; nothing where there are none."""
    if not texts:
        return []
    told = "Warning: " + "; ".join(texts)
    sign = html.Button(
        "!", type="button", className="warning", title="\n".join(texts), **attributes({"aria-label": told})
    )
    content = html.Div(
        html.Ul([html.Li(text) for text in texts], className="warning-list"),
        role="dialog",
        tabIndex="-1",
        **attributes({"aria-label": "Warnings"}),
    )
    return [popover(sign, content, width=260)]


def _no_pictures(dataset: Dataset) -> list[html.Span]:
    if dataset.available:
        return []
    return [html.Span("no pictures", className="legend-no-pictures", title=NO_PICTURES)]


def _row(
    dataset: Dataset, ellipse: Ellipse | None, *, on: bool, off: Collection[int], kind: str, drawn: bool
) -> html.Div:
    name = dataset.name
    return html.Div(
        [
            dmc.Switch(
                id={"type": "dataset-switch", "name": name},
                checked=on,
                size="xs",
                color="cyan.9",
                withThumbIndicator=False,
                attributes={"input": {"aria-label": f"Show {name}"}},
            ),
            swatch(dataset.index),
            html.Div(
                [
                    html.Div(
                        [
                            html.Span(name, className="legend-name", title=dataset.title),
                            html.Span(
                                count(dataset.n), className="legend-count", title="images in the index"
                            ),
                        ],
                        className="legend-line",
                    ),
                    html.Div(
                        [
                            html.Span(
                                warning_mark((*(ellipse.warnings if ellipse else ()), *dataset.warnings)),
                                id={"type": "dataset-warning", "name": name},
                                className="legend-warning",
                            ),
                            *_no_pictures(dataset),
                            html.Span(dataset.modality, className="legend-modality", title=dataset.modality),
                            *label_switches(dataset, off),
                            html.Span(
                                coverage(ellipse, kind, drawn=drawn),
                                id={"type": "dataset-coverage", "name": name},
                                className="legend-coverage",
                                title="observed coverage: share of the points that lie inside the ellipse",
                            ),
                        ],
                        className="legend-line muted",
                    ),
                ],
                className="legend-names",
            ),
            html.Button(
                "Only",
                id={"type": "dataset-only", "name": name},
                type="button",
                className="plain small only",
                **attributes({"aria-label": f"Show only {name}"}),
            ),
        ],
        className="legend-row",
        **attributes({"data-dataset": name}),
    )
