"""Page: the decode lab, where codes of an image are edited and two images are walked between (layout and parts)."""

from collections.abc import Sequence

import dash_mantine_components as dmc
from dash import dcc, html
from dash.development.base_component import Component

from dashboard.answers import Catalogue, Dataset, Sample
from dashboard.answers_map import Cell
from dashboard.client_lab import Decoded, Walk
from dashboard.components.attributes import attributes
from dashboard.components.help import help_button
from dashboard.components.pictures import error_scale, no_pictures, picture_url, zoomed
from dashboard.components.states import empty
from dashboard.components.words import SPLIT_NAMES, count, figure
from dashboard.state import SPLITS, CodebookView
from dashboard.state_lab import MAX_STEPS, MIN_STEPS, LabView

EDGE, STEP_EDGE = 168, 112
"""CSS pixels that a picture of the bench, and of the walk, may take."""
SYNTHETIC = "synthetic, not a patient"


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
            dcc.Store(id="lab-cell", data=[0, 0]),  # row and column of the cell in hand
            dcc.Store(id="lab-codes"),  # own codes of the image, and the second choice of each cell
            dcc.Store(id="lab-loaded"),  # the index that the choices come from
            dcc.Store(id="lab-query"),  # the query that reproduces this view
        ],
        id="page-lab",
        className="page lab-page",
        hidden=True,
        **attributes({"aria-label": "Decode lab"}),
    )


def no_walk() -> html.Div:
    """What stands in the place of the walk before a second image is chosen."""
    return empty(
        "No second image", "Choose the image to walk to: the codes change on the way, a few cells at a time."
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
        _figure("From its own codes", _png(before.image, f"Decoded from the codes of {title}", "before")),
        _figure(
            "From the edited codes",
            _png(after.image, f"Decoded from edited codes of {title}", "after"),
            SYNTHETIC,
        ),
        _figure(
            "Difference of the two", _png(after.difference, "Difference that the edits make", "difference")
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


def grid(view: LabView, codes: Sequence[Sequence[int]], chosen: Sequence[int]) -> list[html.Button]:
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
                    id={"type": "lab-button", "row": row, "column": column},
                    type="button",
                    className="lab-cell" + ("" if given is None else " edited"),
                    style={"--hue": str((code * 137) % 360)},
                    title=words,
                    **attributes(
                        {"aria-label": words, "aria-pressed": str([row, column] == list(chosen)).lower()}
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


def steps(walk: Walk, codes: Sequence[Sequence[int]], dataset: Dataset) -> list[Component]:
    """The images on the walk, with the cells that flipped marked on each."""
    rows, columns = len(codes), len(codes[0])
    size = f"{zoomed(dataset.image_size, STEP_EDGE)}px"
    shown = []
    for number, step in enumerate(walk.steps):
        flips = len(step.flipped)
        marks = [
            html.Span(
                className="lab-flip",
                style={
                    "left": f"{100 * column / columns:.3f}%",
                    "top": f"{100 * row / rows:.3f}%",
                    "width": f"{100 / columns:.3f}%",
                    "height": f"{100 / rows:.3f}%",
                },
            )
            for row, column in step.flipped
        ]
        words = "start" if number == 0 else f"{flips} of {walk.cells} codes flip"
        shown.append(
            html.Figure(
                [
                    html.Div(
                        [
                            _png(
                                step.image, f"{100 * step.weight:.0f} % of the way, {words}", f"step-{number}"
                            ),
                            *marks,
                        ],
                        className="lab-step-picture",
                    ),
                    html.Figcaption([html.B(f"{100 * step.weight:.0f} %"), html.Br(), words]),
                ],
                className="lab-step",
                **attributes({"data-flips": str(flips)}),
            )
        )
    return [
        html.Div(
            [html.H2("From the first image to the second"), html.Span(SYNTHETIC, className="lab-badge")],
            className="panel-head",
        ),
        html.Div(shown, className="lab-steps", style={"--edge": size}),
        html.Div(
            "The latents of both images are blended before the quantiser, and each step is quantised anew; frames mark "
            "the cells whose code differs from the step before.",
            className="note",
        ),
    ]


def _edited(view: LabView, sample: Sample) -> str:
    cells = sum(map(len, sample.codes))
    return f"{len(view.edits)} of {cells} cells edited" if view.edits else "no cell edited yet"


def _figure(title: str, shown: Component, badge: str = "") -> html.Figure:
    words = [html.Span(title), *([html.Span(badge, className="lab-badge")] if badge else [])]
    return html.Figure([shown, html.Figcaption(words)], className="picture")


def _png(data: str, alt: str, role: str) -> html.Img:
    return html.Img(
        src=f"data:image/png;base64,{data}", className="pixels", alt=alt, **attributes({"data-lab": role})
    )


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
                    dmc.NumberInput(
                        id=f"lab-{name}-position",
                        label="Position",
                        size="xs",
                        value=0,
                        min=0,
                        allowDecimal=False,
                        debounce=300,
                    ),
                ],
                className="lab-pair",
            ),
        ],
        className="lab-chooser",
    )


def _controls() -> list[Component]:
    def button(text: str, name: str) -> html.Button:
        return html.Button(text, id=f"lab-{name}", type="button", className="plain small")

    return [
        html.Div([html.H2("Decode lab"), help_button("code")], className="panel-head"),
        _chooser("start", "Image"),
        html.Div("Click a cell, give it another code:", className="field-label"),
        html.Div(
            id="lab-grid", className="lab-grid", role="group", **attributes({"aria-label": "Code grid"})
        ),
        html.Div(id="lab-about", className="lab-about", **attributes({"aria-live": "polite"})),
        html.Div(
            [
                dmc.NumberInput(
                    id="lab-code",
                    label="Code of the cell",
                    size="xs",
                    min=0,
                    allowDecimal=False,
                    debounce=300,
                    w=120,
                ),
                button("Second nearest", "second"),
            ],
            className="lab-pair lab-give",
        ),
        html.Div(
            [button("Own code again", "restore"), button("Undo all edits", "reset")], className="button-row"
        ),
        _chooser("end", "Walk to"),
        dmc.NumberInput(
            id="lab-steps",
            label="Images on the way, both ends counted",
            size="xs",
            value=LabView.steps,
            min=MIN_STEPS,
            max=MAX_STEPS,
            allowDecimal=False,
            debounce=300,
        ),
    ]
