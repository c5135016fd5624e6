"""The card of a data set: what it shows, where it comes from, under which licence, and what of it is here."""

from dash import html
from dash.development.base_component import Component

from dashboard.answers_cards import DatasetCard
from dashboard.components.attributes import attributes
from dashboard.components.legend import swatch
from dashboard.components.model_card import digest, facts, table
from dashboard.components.words import NO_PICTURES, SPLIT_NAMES, count
from dashboard.state import SPLITS


def dataset_card(card: DatasetCard) -> html.Article:
    """One data set."""
    dataset = card.dataset
    channels = "grey" if card.n_channels == 1 else "colour"
    splits = [split for split in SPLITS if split in card.n_samples or split in dataset.n_indexed]
    return html.Article(
        [
            html.Div(
                [swatch(dataset.index), html.H2(dataset.name, className="models-title")],
                className="panel-head",
            ),
            html.P(dataset.title, className="models-text"),
            *_states(card),
            facts(
                [
                    ("modality", "Modality", dataset.modality or "–"),
                    ("task", "Task", card.task),
                    ("size", "Images", f"{dataset.image_size} × {dataset.image_size} pixels, {channels}"),
                    ("licence", "Licence", card.licence or "–"),
                    ("provenance", "Provenance", _provenance(card)),
                    ("md5", "MD5 of the file", digest(card.md5) if card.md5 else "–"),
                ]
            ),
            table(
                f"Images of {dataset.name}",
                ("", *(SPLIT_NAMES[split] for split in splits)),
                _rows(card, splits),
            ),
        ],
        className="panel models-dataset",
        **attributes({"data-dataset": dataset.name, "aria-label": f"Data set {dataset.name}"}),
    )


def _provenance(card: DatasetCard) -> str:
    other = card.stands_for if card.stands_for != card.dataset.name else None
    return " ".join(part for part in (f"Pictures of {other}." if other else "", card.note) if part) or "–"


def _states(card: DatasetCard) -> list[Component]:
    """Whether pictures are here, and what to be careful with."""
    dataset = card.dataset
    state = (
        html.Span("pictures available", className="chip good")
        if dataset.available
        else html.Span("no pictures", className="chip bad", title=NO_PICTURES)
    )
    return [
        html.Div(
            [
                state,
                html.Span("official file" if card.official else "not the official file", className="chip"),
            ],
            className="chips",
        ),
        *([] if dataset.available else [html.P(NO_PICTURES, className="models-text")]),
        *(
            [html.Ul([html.Li(text) for text in dataset.warnings], className="models-list models-warnings")]
            if dataset.warnings
            else []
        ),
    ]


def _rows(card: DatasetCard, splits: list[str]) -> list[Component]:
    dataset = card.dataset
    classes = [
        html.Tr(
            [
                html.Th(name, scope="row", className="text"),
                *(html.Td(_count((card.class_counts or {}).get(split, {}).get(label))) for split in splits),
            ],
            **attributes({"data-label": str(label)}),
        )
        for label, name in sorted(dataset.labels.items())
        if card.class_counts is not None
    ]
    return [
        html.Tr(
            [
                html.Th("in the index", scope="row"),
                *(html.Td(_count(dataset.n_indexed.get(s))) for s in splits),
            ],
            className="total",
            **attributes({"data-count": "indexed"}),
        ),
        html.Tr(
            [html.Th("in the file", scope="row"), *(html.Td(_count(card.n_samples.get(s))) for s in splits)],
            className="total",
            **attributes({"data-count": "file"}),
        ),
        *classes,
    ]


def _count(n: int | None) -> str:
    return "–" if n is None else count(n)
