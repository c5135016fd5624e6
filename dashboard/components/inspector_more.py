"""What the inspector shows once the image itself is there: its neighbours, and how unusual it is."""

from collections.abc import Mapping

from dash import html
from dash.development.base_component import Component

from dashboard.answers import Catalogue
from dashboard.answers_map import Agreement, Neighbours, Standing
from dashboard.components.selection import thumbnail
from dashboard.components.words import SPLIT_NAMES, count, figure, per_cent
from dashboard.state import Point


def neighbour_strip(
    found: Neighbours, catalogue: Catalogue, pictures: Mapping[Point, str], *, multi_label: bool
) -> list[Component]:
    """The nearest images with their distances, and how far their labels agree beside chance.

    `pictures` are those that come with the strip, as data URLs; the browser asks for the others. `multi_label` is
    whether the image itself is of a data set whose images may have several classes: one in common is agreement.
    """
    cards = []
    for item in found.items:
        about = catalogue.get(item.dataset)
        point = Point(item.dataset, item.split, item.position)
        place = f"{SPLIT_NAMES.get(item.split, item.split)} image {count(item.position)}"
        distance = figure(item.distance, 3)
        cards.append(
            html.Div(
                [
                    thumbnail(
                        point,
                        found.index,
                        size=about.image_size if about and about.available else None,
                        text=f"{item.label_name}, {item.dataset}, {place}, distance {distance}",
                        src=pictures.get(point),
                    ),
                    html.Div(distance, className="neighbour-distance"),
                ],
                className="neighbour",
            )
        )
    label = "a label in common, or likewise none" if multi_label else "the same label"
    return [
        html.Div("Nearest images", className="section-title"),
        html.Div(cards, className="neighbours"),
        html.Div("Below each: cosine distance of the embeddings", className="note"),
        html.Ul(
            [
                html.Li(_agreement("", label, found.same_label)),
                html.Li(_agreement("", "the same data set", found.same_dataset)),
                # Of other data sets no image has the label: that neighbours are of one is half of the agreement.
                *(
                    [html.Li(_agreement(" within it", label, found.same_label_within))]
                    if found.same_label_within.n
                    else []
                ),
            ],
            className="plain-list",
        ),
    ]


def standing_words(found: Standing | None, instead: str = "") -> list[Component]:
    """How unusual the image is, in words; `instead` where that is not known."""
    if found is None:
        words = [
            instead
            or "Only test images are judged: the training and validation images are what they are judged by."
        ]
    else:
        words = [f"{_sentence(verdict.words)}." for verdict in (found.overall, found.own) if verdict]
        words.append(f"Of all data sets it is least unlike {found.most_like}.")
    return [
        html.Div("How unusual it is", className="section-title"),
        html.Ul([html.Li(text) for text in words], className="plain-list"),
    ]


def _agreement(where: str, what: str, shared: Agreement) -> str:
    return (
        f"{shared.count} of {shared.n}{where} have {what} ({per_cent(shared.share)}; "
        f"by chance {per_cent(shared.expected)})"
    )


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:]
