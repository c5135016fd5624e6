"""Page: the decode lab, where codes of an image are edited and two images are walked between (layout and parts)."""

from collections.abc import Sequence

import dash_mantine_components as dmc
from dash import dcc, html
from dash.development.base_component import Component

from dashboard.answers import Catalogue, Dataset, Sample
from dashboard.answers_map import Cell
from dashboard.client_lab import Decoded
from dashboard.components.attributes import attributes
from dashboard.components.code_pictures import palette
from dashboard.components.help import help_button
from dashboard.components.number_field import number_field
from dashboard.components.pictures import error_scale, no_pictures, picture_url, zoomed
from dashboard.components.states import empty
from dashboard.components.words import SPLIT_NAMES, count, figure
from dashboard.pages.lab_walk import SYNTHETIC, decoded_image, no_walk
from dashboard.state import SPLITS, CodebookView
from dashboard.state_lab import MAX_STEPS, MIN_STEPS, LabView

EDGE = 168
"""CSS pixels that a picture of the bench may take."""


def layout() -> html.Main:
    """The page; its data arrive by the callbacks of lab_callbacks.py."""
    return html.Main(
        [
            html.Section(
                _controls(), className="panel lab-controls", **attributes({"aria-label": "Choice of images"})
            ),
            html.Div(
                [
                    html.Section(
                        empty("Loading …", "The image is being fetched."),
                        id="lab-bench",
                        className="panel lab-bench",
                        **attributes({"aria-label": "Edited codes", "aria-live": "polite"}),
                    ),
                    _palette(),
                    html.Section(
                        no_walk(),
                        id="lab-walk",
                        className="panel lab-walk",
                        **attributes({"aria-label": "Walk between two images"}),
                    ),
                ],
                className="lab-main",
            ),
            dcc.Store(
                id="lab-view"
            ),  # LabView: what is shown; all controls change it, everything is drawn from it
            dcc.Store(id="lab-cell", data=LabView.cell),  # row and column of the cell in hand
            dcc.Store(id="lab-given"),  # the code last chosen, and the cell that it is for
            dcc.Store(id="lab-palette-data"),  # what assets/lab.js draws the palette from
            dcc.Store(id="lab-codes"),  # own codes of the image, second choice of each cell
            dcc.Store(id="lab-loaded"),  # the index that the choices come from
            dcc.Store(id="lab-query"),  # the query that reproduces this view
        ],
        id="page-lab",
        className="page lab-page",
        hidden=True,
        **attributes({"aria-label": "Decode lab"}),
    )


def dataset_options(catalogue: Catalogue) -> list[dict[str, str]]:
    """Choices of the data set."""
    return [{"value": d.name, "label": f"{d.name} ({count(d.n)})"} for d in catalogue.datasets]


def bench(
    view: LabView, sample: Sample, dataset: Dataset, decoded: Sequence[Decoded], index: str
) -> list[Component]:
    """Original, what its codes decode to, what the edited codes decode to, and what changed; then the code grid."""
    assert view.point is not None
    title = f"{sample.label_name}, {sample.dataset}, {SPLIT_NAMES[sample.split]} {count(sample.position)}"
    size = f"{zoomed(dataset.image_size, EDGE)}px"
    before, after = decoded
    original = (
        html.Img(src=picture_url(view.point, "image", index), className="pixels", alt=f"Original of {title}")
        if dataset.available
        else no_pictures()
    )
    pictures = [
        _figure("Original", original),
        _figure(
            "From its own codes", decoded_image(before.image, f"Decoded from the codes of {title}", "before")
        ),
        _figure(
            "From the edited codes",
            decoded_image(after.image, f"Decoded from edited codes of {title}", "after"),
            SYNTHETIC if view.edits else "",
        ),
        _figure(
            "Difference of the two",
            decoded_image(after.difference, "Difference that the edits make", "difference"),
        ),
    ]
    return [
        html.Div(
            [html.H2(title), html.Span(_edited(view, sample), className="muted", role="status")],
            className="panel-head",
        ),
        html.Div(
            [html.Div(pictures, className="lab-pictures", style={"--edge": size}), error_scale()],
            className="lab-shown",
        ),
    ]


def grid(view: LabView, codes: Sequence[Sequence[int]]) -> list[html.Button]:
    """The code grid as buttons; edited cells stand out, the one in hand is pressed."""
    buttons = []
    for row, line in enumerate(codes):
        for column, own in enumerate(line):
            given = view.code_at(row, column)
            code = own if given is None else given
            words = f"row {row + 1}, column {column + 1}: code {code}" + (
                "" if given is None else f", its own is {own}"
            )
            buttons.append(
                html.Button(
                    str(code),
                    type="button",
                    className="lab-cell" + ("" if given is None else " edited"),
                    style={"--hue": str((code * 137) % 360)},
                    title=words,
                    **attributes(
                        {
                            "aria-label": words,
                            "aria-pressed": str((row, column) == view.cell).lower(),
                            "data-lab-cell": f"{row},{column}",
                        }
                    ),
                )
            )
    return buttons


def about_cell(cell: Cell | None, row: int, column: int, code: int) -> list[Component | str]:
    """The cell in hand: its code, how close a decision that was, where to read more of it."""
    link = dcc.Link(f"code {code}", href="/codebook" + CodebookView(code=code).to_query())
    head: list[Component | str] = [html.B(f"Row {row + 1}, column {column + 1}: "), link]
    if cell is None or cell.second is None or cell.margin is None:
        return head
    return [
        *head,
        html.Div(
            f"Its own code {cell.code} lies at a squared distance of {figure(cell.distance, 3)}; second nearest is "
            f"{cell.second}, {figure(cell.margin, 3)} farther.",
            className="note",
        ),
    ]


def _edited(view: LabView, sample: Sample) -> str:
    cells = sum(map(len, sample.codes))
    return f"{len(view.edits)} of {cells} cells edited" if view.edits else "no cell edited yet"


def _figure(title: str, shown: Component, badge: str = "") -> html.Figure:
    words = [html.Span(title), *([html.Span(badge, className="lab-badge")] if badge else [])]
    return html.Figure([shown, html.Figcaption(words)], className="picture")


def _chooser(name: str, title: str) -> html.Fieldset:
    return html.Fieldset(
        [
            html.Legend(title),
            dmc.Select(
                id=f"lab-{name}-dataset",
                label="Data set",
                size="xs",
                data=[],
                clearable=name == "end",
                allowDeselect=name == "end",
                comboboxProps={"withinPortal": True},
            ),
            html.Div(
                [
                    dmc.Select(
                        id=f"lab-{name}-split",
                        label="Split",
                        size="xs",
                        data=[{"value": split, "label": SPLIT_NAMES[split]} for split in SPLITS],
                        value="test",
                        allowDeselect=False,
                        comboboxProps={"withinPortal": True},
                    ),
                    number_field(
                        f"lab-{name}-position",
                        "Position",
                        value=0,
                        min=0,
                        allowDecimal=False,
                    ),
                ],
                className="lab-pair",
            ),
        ],
        className="lab-chooser",
    )


def _palette() -> html.Section:
    note = "click one for the cell in hand; each is drawn as an image of that code alone, alike ones lie together"
    return html.Section(
        [
            html.Div(
                [html.H2("Codes"), html.Span(note, className="muted atlas-note")], className="panel-head"
            ),
            *palette("lab-palette"),
        ],
        className="panel lab-tiles",
        **attributes({"aria-label": "Palette of codes"}),
    )


def _controls() -> list[Component]:
    def button(text: str, name: str) -> html.Button:
        gives = {} if name == "reset" else {"data-lab-give": name}
        return html.Button(
            text, id=f"lab-{name}", type="button", className="plain small", **attributes(gives)
        )

    return [
        html.Div([html.H2("Decode lab"), help_button("code")], className="panel-head"),
        _chooser("start", "Image"),
        html.Div("Click a cell, then a code for it:", className="field-label"),
        html.Div(
            id="lab-grid", className="lab-grid", role="group", **attributes({"aria-label": "Code grid"})
        ),
        html.Div(id="lab-about", className="lab-about", **attributes({"aria-live": "polite"})),
        html.Div(
            [
                number_field(
                    "lab-code",
                    "Code of the cell",
                    min=0,
                    clampBehavior="strict",
                    allowDecimal=False,
                    w=120,
                ),
                button("Second nearest", "second"),
            ],
            className="lab-pair lab-give",
        ),
        html.Div(
            [button("Own code again", "own"), button("Undo all edits", "reset")], className="button-row"
        ),
        _chooser("end", "Walk to"),
        number_field(
            "lab-steps",
            "Images on the way, both ends counted",
            value=LabView.steps,
            min=MIN_STEPS,
            max=MAX_STEPS,
            allowDecimal=False,
        ),
    ]
