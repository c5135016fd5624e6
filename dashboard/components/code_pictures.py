"""Pictures of codes, cut by the browser (assets/codebook.js, assets/lab.js) from a few larger ones."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from dash import dcc, html

from dashboard.answers import Dataset
from dashboard.answers_codebook import Codebook, Patch, Patches
from dashboard.client_codebook import ATLAS_COLUMNS, ATLAS_PAGE
from dashboard.components.attributes import attributes
from dashboard.components.legend import swatch
from dashboard.components.states import empty
from dashboard.components.words import SPLIT_NAMES, count, figure
from dashboard.state import CODE_PICTURES, Point
from dashboard.state_map import MapView

SHEET_COLUMNS = 6


def addresses(codes: int, version: str) -> dict[str, list[str]]:
    """Of the pictures of the atlas, page by page; the index version lets browsers keep them for good."""
    pages = range(-(-codes // ATLAS_PAGE))
    return {
        show: [f"/pictures/codebook/{show}/{page}?{urlencode({'v': version})}" for page in pages]
        for show in CODE_PICTURES
    }


def prototype(code: int) -> html.Span:
    """What the decoder draws for the code, at a whole multiple of its pixels that CSS decides."""
    page, place = divmod(code, ATLAS_PAGE)
    row, column = divmod(place, ATLAS_COLUMNS)
    style = {
        "--page": f"var(--atlas-prototype-{page})",
        "--row": str(row),
        "--column": str(column),
    }
    return html.Span(className="tile-picture", style=style, **attributes({"aria-hidden": "true"}))


def palette(name: str) -> list[html.Div]:
    """The codes as tiles to choose from, and what stands in their place before they are there.

    assets/lab.js draws them from what `palette_data` says.
    """
    return [
        html.Div(
            id=name,
            className="palette",
            role="listbox",
            **attributes({"aria-label": "Codes; arrow keys move, Enter chooses"}),
        ),
        html.Div(
            empty("Loading …", "The codes are being drawn."), id=f"{name}-state", className="palette-state"
        ),
    ]


def palette_data(book: Codebook) -> dict[str, Any]:
    """The codes in the order by similarity, and the pictures that their prototypes are cut from."""
    return {
        "index": book.index,
        "columns": min(ATLAS_COLUMNS, book.size),
        "page": ATLAS_PAGE,
        "pictures": addresses(book.size, book.index)["prototype"],
        "codes": [line.code for line in book.lines],
    }


def patch_list(code: int, found: Patches, datasets: Mapping[str, Dataset]) -> html.Div:
    """The patches, each a link to its image on the map."""
    columns = min(SHEET_COLUMNS, len(found.items))
    return html.Div(
        [
            html.Img(
                src=f"/pictures/codebook/patches/{code}?{urlencode({'v': found.index})}",
                className="pixels sprite",
                alt="",
                hidden=True,
                **attributes({"data-sheet": str(code), "data-columns": str(columns)}),
            ),
            html.Ol(
                [_patch(i, patch, datasets.get(patch.dataset)) for i, patch in enumerate(found.items)],
                className="patch-list",
            ),
        ],
        className="patch-sheet",
    )


def _patch(place: int, patch: Patch, dataset: Dataset | None) -> html.Li:
    row, column = divmod(place, SHEET_COLUMNS)
    split = SPLIT_NAMES.get(patch.split, patch.split)
    name = (
        f"{patch.label_name}, {patch.dataset}, {split} image {count(patch.position)}, "
        f"row {patch.row + 1}, column {patch.column + 1}"
    )
    point = Point(patch.dataset, patch.split, patch.position)
    return html.Li(
        dcc.Link(
            [
                html.Span(
                    className="patch-picture",
                    style={"--row": str(row), "--column": str(column)},
                    **attributes({"aria-hidden": "true"}),
                ),
                html.Span(
                    [*([swatch(dataset.index)] if dataset else []), figure(patch.distance, 3)],
                    className="patch-line",
                ),
                html.Span(f"{name}: show this image on the map", className="unseen"),
            ],
            href="/" + MapView(point=point).to_query(),
            title=f"{name}. Squared distance to the code: {figure(patch.distance, 4)}",
        ),
        **attributes({"data-point": str(point)}),
    )
