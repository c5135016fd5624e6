"""Everything known about one image: pictures, figures, codes."""

import json

from dash import dcc, html
from dash.development.base_component import Component

from dashboard.answers import Sample
from dashboard.answers_map import Cell
from dashboard.components.attributes import attributes
from dashboard.components.help import help_button
from dashboard.components.legend import swatch
from dashboard.components.pictures import error_scale, no_pictures, trio
from dashboard.components.states import empty
from dashboard.components.words import SPLIT_NAMES, count, decibel, figure, percentile
from dashboard.state import Point
from dashboard.state_lab import LabView


def nothing_selected() -> html.Div:
    """The inspector before the first click."""
    return empty("No image selected", "Move over the map to see images; click a point to inspect one.")


def inspector(
    sample: Sample, version: str, *, dataset_index: int, image_size: int, available: bool
) -> html.Div:
    """The filled inspector.

    `version` is the index version of the sample, `dataset_index` the place of its data set in
    /v1/datasets, `image_size` the native edge of its images in pixels, and `available` says whether the
    service has its pictures.
    """
    point = Point(sample.dataset, sample.split, sample.position)
    split = SPLIT_NAMES.get(sample.split, sample.split)
    place = f"{split} image {count(sample.position)}"
    return html.Div(
        [
            html.Div(sample.label_name, className="inspector-label", title=sample.label_name),
            html.Div(
                [swatch(dataset_index), html.Span(sample.dataset), html.Span(place, className="muted")],
                className="inspector-place",
            ),
            trio(
                point,
                version,
                image_size,
                target=120,
                wide_target=150,
                description=f"{sample.label_name}, {sample.dataset}, {place}",
                after=[error_scale()],
                over=[_grid_over(sample.codes)] if sample.codes else [],
            )
            if available
            else no_pictures(),
            html.Div(className="cell", **attributes({"aria-live": "polite"})),
            _figures(sample, split),
            *([_codes(sample.codes)] if sample.codes else []),
            dcc.Link("Edit its codes in the decode lab", href="/lab" + LabView(point=point).to_query()),
        ],
        className="inspector-body",
        **attributes({"data-point": str(point)}),
    )


def _figures(sample: Sample, split: str) -> html.Div:
    """Each figure with its unit, and where it stands among the images of the same data set and split."""
    rows = (
        ("psnr", "PSNR", decibel(sample.psnr), "Peak signal-to-noise ratio; higher is better"),
        ("ssim", "SSIM", figure(sample.ssim, 3), "Structural similarity, 1 is identical; no unit"),
        ("mae", "Mean absolute error", f"{100 * sample.mae:.2f} %", "Share of the full range of intensities"),
        (
            "quantisation_error",
            "Quantisation error",
            figure(sample.quantisation_error, 4),
            "Mean squared distance between the encoder's vectors and their codes, in latent units",
        ),
    )
    cells = []
    for key, title, value, hint in rows:
        unit = {"mae": "of full range", "quantisation_error": "latent units²"}.get(key)
        shown = [
            html.Span(value, className="value"),
            *([html.Span(f" {unit}", className="muted")] if unit else []),
        ]
        if key in sample.percentiles:
            stands = f"percentile {percentile(sample.percentiles[key])}"
            shown.append(html.Span(stands, className="percentile muted"))
        cells += [html.Dt(title, title=hint), html.Dd(shown, **attributes({"data-figure": key}))]
    among = f"{count(int(sample.percentiles.get('n', 0)))} {split.lower()} images of {sample.dataset}"
    note = f"Percentile: per cent of the {among} that have a smaller figure, equal ones counted half"
    words = [html.Div(note, className="note")] if sample.percentiles else []
    return html.Div([html.Dl(cells, className="figures"), *words])


def cell_details(cell: Cell) -> list[Component]:
    """A cell's code, how near it is, and how close the second code comes."""
    rows = [("distance", "Distance", f"{cell.distance:.4f}")]
    if cell.second is not None and cell.margin is not None:
        rows += [
            ("second", "Second code", str(cell.second)),
            ("margin", "Margin to it", f"{cell.margin:.4f}"),
        ]
    return [
        html.Div(
            [
                dcc.Link(f"Code {cell.code}", href=f"/codebook?code={cell.code}", className="code-link"),
                html.Span(f"row {cell.row + 1}, column {cell.column + 1}", className="muted"),
            ],
            className="cell-head",
        ),
        html.Dl(
            [
                part
                for key, title, text in rows
                for part in (
                    html.Dt(title),
                    html.Dd(html.Span(text, className="value"), **attributes({"data-figure": key})),
                )
            ],
            className="figures",
        ),
        html.Div("Squared distances in the latent space, in latent units²", className="note"),
        html.Button(
            f"Mark images with code {cell.code}",
            type="button",
            className="plain small",
            **attributes({"data-mark-code": str(cell.code)}),
        ),
    ]


def _grid_over(codes: tuple[tuple[int, ...], ...]) -> html.Div:
    """The code grid over the image; hidden from readers of a screen, who have the table."""
    return html.Div(
        className="codes-over", **attributes({"data-grid": json.dumps(codes), "aria-hidden": "true"})
    )


def _codes(codes: tuple[tuple[int, ...], ...]) -> html.Div:
    """The code grid as a table; assets/code_grid.js draws its cells."""
    size = f"{len(codes)} × {len(codes[0])}"
    return html.Div(
        [
            html.Div([html.Span(f"Codes, {size}"), help_button("code")], className="section-title"),
            html.Table(
                className="codes",
                **attributes({"data-grid": json.dumps(codes), "aria-label": f"Code grid, {size}"}),
            ),
        ]
    )
