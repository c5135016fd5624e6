"""Page 3: the codebook as an atlas of small pictures, and everything about the code that is chosen (layout only)."""

import dash_mantine_components as dmc
from dash import dcc, html

from dashboard.answers import Catalogue
from dashboard.answers_codebook import Codebook
from dashboard.components.attributes import attributes
from dashboard.components.help import help_button
from dashboard.components.states import empty
from dashboard.state import CODE_ORDERS, CODE_PICTURES, MAX_CODE_ZOOM, CodebookView

ORDER_NAMES = {
    "similar": "Similarity: neighbours alike",
    "use": "Use: most used first",
    "rare": "Use: dead and rare first",
}
PICTURE_NAMES = {"patch": "patches", "prototype": "prototypes"}
ALL_CODES = "all"


def layout() -> html.Main:
    """The page; its data arrive by the callbacks of codebook_callbacks.py, assets/codebook.js draws the tiles."""
    return html.Main(
        [
            html.Section(
                _filters(), className="panel filters", **attributes({"aria-label": "Choice of codes"})
            ),
            html.Div([_atlas(), _panel()], className="codebook-body"),
            dcc.Store(id="codebook-data"),  # what assets/codebook.js draws
            dcc.Store(id="codebook-code"),  # the chosen code, or null
            dcc.Store(id="codebook-query"),  # the query that reproduces this view
            dcc.Store(id="codebook-loaded"),  # the index that is shown
        ],
        id="page-codebook",
        className="page codebook-page",
        hidden=True,
        **attributes({"aria-label": "Codebook"}),
    )


def goes_with_options(catalogue: Catalogue, codebook: Codebook) -> list[dict[str, object]]:
    """Choices of the filter: data sets and labels with which at least one code goes."""
    sets = {line.dataset for line in codebook.lines}
    labels = {(line.label_of, line.label): line.label_name for line in codebook.lines if line.label_of}
    groups: list[dict[str, object]] = [
        {"group": "All", "items": [{"value": ALL_CODES, "label": "All codes"}]}
    ]
    named = [{"value": d.name, "label": d.name} for d in catalogue.datasets if d.name in sets]
    if named:
        groups.append({"group": "Codes that go with a data set", "items": named})
    for dataset in catalogue.datasets:
        items = [
            {"value": f"{name}/{label}", "label": f"{dataset.name}: {text}"}
            for (name, label), text in sorted(labels.items(), key=str)
            if name == dataset.name
        ]
        if items:
            groups.append({"group": f"Codes that go with a label of {dataset.name}", "items": items})
    return groups


def _filters() -> list[html.Div]:
    return [
        dmc.Select(
            id="codebook-order",
            label="Order",
            size="xs",
            data=[{"value": key, "label": ORDER_NAMES[key]} for key in CODE_ORDERS],
            value=CodebookView.order,
            allowDeselect=False,
            comboboxProps={"withinPortal": True},
            w=205,
        ),
        dmc.Select(
            id="codebook-with",
            label="Which codes",
            size="xs",
            data=[{"value": ALL_CODES, "label": "All codes"}],
            value=ALL_CODES,
            allowDeselect=False,
            searchable=True,
            comboboxProps={"withinPortal": True},
            w=205,
        ),
        html.Div(
            [
                html.Div("Pictures", className="field-label", id="codebook-show-label"),
                dmc.SegmentedControl(
                    id="codebook-show",
                    size="xs",
                    value=CodebookView.show,
                    data=[{"value": key, "label": PICTURE_NAMES[key]} for key in CODE_PICTURES],
                    attributes={"root": {"aria-labelledby": "codebook-show-label"}},
                ),
            ]
        ),
        html.Div(
            [
                html.Div("Size", className="field-label", id="codebook-zoom-label"),
                dmc.SegmentedControl(
                    id="codebook-zoom",
                    size="xs",
                    value=str(CodebookView.zoom),
                    data=[{"value": str(z), "label": f"{z} ×"} for z in range(1, MAX_CODE_ZOOM + 1)],
                    attributes={"root": {"aria-labelledby": "codebook-zoom-label"}},
                ),
            ]
        ),
        html.Div(id="codebook-total", className="muted codebook-total", role="status"),
    ]


def _atlas() -> html.Section:
    return html.Section(
        [
            html.Div(
                [
                    html.H2("Codes"),
                    help_button("code"),
                    html.Span(
                        "bar: how many images contain the code; mark: data set that it goes with",
                        className="muted atlas-note",
                    ),
                    html.Div(className="spring"),
                    html.Span(id="codebook-shown", className="muted"),
                ],
                className="panel-head",
            ),
            html.Div(
                id="codebook-marks",
                className="atlas-marks",
                role="group",
                **attributes({"aria-label": "Marks of the data sets"}),
            ),
            html.Div(
                id="codebook-grid",
                className="codebook-grid",
                role="listbox",
                **attributes({"aria-label": "Codes; arrow keys move, Enter chooses"}),
            ),
            html.Div(
                empty("Loading …", "The codes are being counted and drawn."),
                id="codebook-state",
                className="codebook-state",
            ),
            html.Div(id="codebook-atlas", hidden=True),  # the pictures that the tiles are cut from
        ],
        className="panel codebook-atlas",
        **attributes({"aria-label": "Atlas of the codes"}),
    )


def _panel() -> html.Section:
    return html.Section(
        [
            html.Div(
                no_code(),
                id="codebook-about",
                **attributes({"aria-live": "polite", "aria-atomic": "false"}),
            ),
            html.Div(id="codebook-patches"),
            html.Div(id="codebook-use"),
        ],
        id="codebook-panel",
        className="panel codebook-panel",
        tabIndex="-1",
        **attributes({"aria-label": "The chosen code"}),
    )


def no_code() -> html.Div:
    """The panel before a code is chosen."""
    return empty(
        "No code chosen",
        "Choose a small picture to see where its code is used, what it stands for and what goes with it.",
    )
