"""The labels of a data set, each to be switched on or off on the map."""

from collections.abc import Collection

from dash import dcc, html

from dashboard.answers import Dataset
from dashboard.components.attributes import attributes
from dashboard.components.popover import popover

NO_LABEL = -1
"""Stands for having none, where an image may have several."""


def label_switches(dataset: Dataset, off: Collection[int]) -> list[html.Span]:
    """A button that opens the switches; nothing for a data set of one label."""
    values = {value: name for value, name in dataset.labels.items() if value >= 0}
    if dataset.multi_label:
        values[NO_LABEL] = "none of these"
    if len(values) < 2:
        return []
    name = dataset.name

    def button(text: str, kind: str) -> html.Button:
        said = attributes({"aria-label": f"{text} labels of {name}"})
        return html.Button(
            text, id={"type": f"label-{kind}", "name": name}, type="button", className="plain small", **said
        )

    opener = html.Button(
        "labels",
        id={"type": "label-open", "name": name},
        type="button",
        className="text-button",
        title=f"Switch labels of {name} on and off",
    )
    content = html.Div(
        [
            html.Div([button("All", "all"), button("None", "none")], className="button-row"),
            dcc.Checklist(
                id={"type": "label-switch", "name": name},
                options=[{"label": text, "value": value} for value, text in values.items()],
                value=[value for value in values if value not in off],
                className="label-switches",
            ),
            html.Div("The data set’s ellipse stays that of all its images.", className="note"),
        ],
        role="dialog",
        tabIndex="-1",
        **attributes({"aria-label": f"Labels of {name}"}),
    )
    return [popover(opener, content, width=240)]
