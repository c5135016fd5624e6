"""Page 2: what the model makes of the images of one data set, page by page (layout only)."""

from collections.abc import Sequence

import dash_mantine_components as dmc
from dash import dcc, html

from dashboard.answers import Dataset, Sample
from dashboard.components.attributes import attributes
from dashboard.components.enlarged import enlarged
from dashboard.components.pictures import error_scale, no_pictures, trio
from dashboard.components.states import empty
from dashboard.components.words import SPLIT_NAMES, count, decibel, figure
from dashboard.pages.reconstructions_figures import overview
from dashboard.state import SPLITS, Point, ReconstructionsView
from dashboard.state_map import MapView

PAGE_SIZE = 12
SORT_NAMES = {
    "psnr-asc": "PSNR, worst first",
    "psnr-desc": "PSNR, best first",
    "ssim-asc": "SSIM, worst first",
    "ssim-desc": "SSIM, best first",
    "mae-desc": "Mean absolute error, worst first",
    "mae-asc": "Mean absolute error, best first",
    "quantisation_error-desc": "Quantisation error, largest first",
    "quantisation_error-asc": "Quantisation error, smallest first",
    "position-asc": "Position in the data set",
}
ALL_LABELS = "all"


def layout() -> html.Main:
    """The page; its data arrive by the callbacks of reconstructions_callbacks.py."""
    return html.Main(
        [
            html.Section(
                _filters(), className="panel filters", **attributes({"aria-label": "Choice of images"})
            ),
            overview(),
            html.Section(
                html.Div(
                    empty("Loading …", "The images are being fetched."),
                    id="recon-grid",
                    className="recon-grid",
                ),
                className="panel gallery",
                **attributes({"aria-label": "Original, reconstruction and error"}),
            ),
            _pager(),
            enlarged(),
            dcc.Store(id="recon-page", data=1),
            dcc.Store(id="recon-pages", data=1),
            dcc.Store(id="recon-chosen"),  # the query of the images that are shown, however they are seen
            dcc.Store(id="recon-windowed"),  # window and level, as soon as they rest
            dcc.Store(id="recon-enlarged"),  # "DATASET/SPLIT/POSITION" or null
            dcc.Store(
                id="recon-followed"
            ),  # never written: a callback without output is called where the page is not
            dcc.Store(id="recon-query"),  # the query that reproduces this view
            dcc.Store(id="recon-loaded"),
        ],
        id="page-reconstructions",
        className="page recon-page",
        hidden=True,
        **attributes({"aria-label": "Reconstructions"}),
    )


def label_options(dataset: Dataset) -> list[dict[str, str]]:
    """Choices of the label filter: a label, or of a multi-label set a class that is present among others."""
    word = "with " if dataset.multi_label else ""
    each = [{"value": str(key), "label": f"{word}{name}"} for key, name in sorted(dataset.labels.items())]
    return [{"value": ALL_LABELS, "label": "All labels"}, *each]


def cards(dataset: Dataset, samples: Sequence[Sample], version: str) -> list[html.Article]:
    """One card per image."""
    return [_card(dataset, sample, version) for sample in samples]


def _card(dataset: Dataset, sample: Sample, version: str) -> html.Article:
    point = Point(sample.dataset, sample.split, sample.position)
    place = f"{SPLIT_NAMES.get(sample.split, sample.split)} {count(sample.position)}"
    return html.Article(
        [
            trio(
                point,
                version,
                dataset.image_size,
                target=84,
                wide_target=112,
                description=f"{sample.label_name}, {dataset.name}, {place}",
            )
            if dataset.available
            else no_pictures(),
            html.Div(
                [
                    html.Span(sample.label_name, className="card-label", title=sample.label_name),
                    *([_enlarge(f"{sample.label_name}, {place}")] if dataset.available else []),
                    dcc.Link(
                        place,
                        href="/" + MapView(point=point).to_query(),
                        className="card-place",
                        title="Show this image on the map",
                    ),
                ],
                className="card-line",
            ),
            html.Div(
                [
                    html.Span(decibel(sample.psnr), **attributes({"data-figure": "psnr"})),
                    html.Span(
                        ["SSIM ", html.B(figure(sample.ssim, 3))], **attributes({"data-figure": "ssim"})
                    ),
                    html.Span(
                        ["MAE ", html.B(f"{100 * sample.mae:.2f} %")],
                        title="mean absolute error, of full range",
                        **attributes({"data-figure": "mae"}),
                    ),
                ],
                className="card-figures",
            ),
        ],
        className="card",
        **attributes(
            {
                "data-point": str(point),
                "data-size": str(dataset.image_size),
                "data-psnr": repr(sample.psnr),
                "data-ssim": repr(sample.ssim),
                "data-mae": repr(sample.mae),
            }
        ),
    )


def _enlarge(of: str) -> html.Button:
    return html.Button(
        "⤢",
        type="button",
        className="plain small card-enlarge",
        title="Enlarge",
        **attributes({"aria-label": f"Enlarge {of}", "aria-haspopup": "dialog"}),
    )


def _filters() -> list[html.Div]:
    wide = {"withinPortal": True}
    return [
        dmc.Select(
            id="recon-dataset",
            label="Data set",
            size="xs",
            data=[],
            allowDeselect=False,
            comboboxProps=wide,
            w=190,
        ),
        html.Div(
            [
                html.Div("Split", className="field-label", id="recon-split-label"),
                dmc.SegmentedControl(
                    id="recon-split",
                    size="xs",
                    value=ReconstructionsView.split,
                    data=[{"value": "all", "label": "all"}]
                    + [{"value": split, "label": SPLIT_NAMES[split]} for split in SPLITS],
                    attributes={"root": {"aria-labelledby": "recon-split-label"}},
                ),
            ]
        ),
        dmc.Select(
            id="recon-label",
            label="Label",
            size="xs",
            data=[{"value": ALL_LABELS, "label": "All labels"}],
            value=ALL_LABELS,
            allowDeselect=False,
            comboboxProps=wide,
            w=230,
        ),
        dmc.Select(
            id="recon-sort",
            label="Order",
            size="xs",
            data=[{"value": key, "label": name} for key, name in SORT_NAMES.items()],
            value=ReconstructionsView.sort,
            allowDeselect=False,
            comboboxProps=wide,
            w=220,
        ),
        html.Div(error_scale(), className="filters-scale"),
    ]


def _pager() -> html.Nav:
    def button(text: str, name: str, id_: str, keys: str) -> html.Button:
        return html.Button(
            text,
            id=id_,
            type="button",
            className="plain",
            disabled=True,
            title=f"{name} ({keys})",
            **attributes({"aria-label": name}),
        )

    return html.Nav(
        [
            html.Div(id="recon-total", className="muted pager-total", role="status"),
            html.Div(
                [
                    button("«", "First page", "recon-first", "Home"),
                    button("‹ Previous", "Previous page", "recon-previous", "← or Page Up"),
                    html.Span(
                        "Page –",
                        id="recon-place",
                        className="pager-place",
                        **attributes({"aria-live": "polite"}),
                    ),
                    button("Next ›", "Next page", "recon-next", "→ or Page Down"),
                    button("»", "Last page", "recon-last", "End"),
                ],
                className="button-row",
            ),
            html.Div("← → turn the page", className="muted pager-keys"),
        ],
        className="pager",
        **attributes({"aria-label": "Pages of images"}),
    )
