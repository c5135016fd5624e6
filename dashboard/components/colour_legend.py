"""The legend of the points' colours, over the map."""

from collections.abc import Sequence
from itertools import groupby

from dash import html

from dashboard.colouring import MISSING, SCALE, Colouring, Slot
from dashboard.components.attributes import attributes
from dashboard.components.words import count


def colour_legend(colouring: Colouring) -> list[html.Div]:
    """Title, then a scale with its ends and unit, or a list of values; nothing where data sets are coloured."""
    if colouring.path is None:
        return []
    parts: list[html.Div] = [html.Div(colouring.title, className="colours-title")]
    if colouring.numeric:
        parts.append(_scale(colouring))
    else:
        for dataset, slots in groupby(colouring.slots, key=lambda slot: slot.dataset):
            parts.append(_values(dataset, list(slots)))
    if colouring.n_missing:
        parts.append(_value(Slot("not known", colouring.n_missing, MISSING)))
    return parts


def _scale(colouring: Colouring) -> html.Div:
    low, high = (number(value) for value in (colouring.low, colouring.high))
    limits = colouring.limits
    note = "no number is known"
    if colouring.note is not None:
        note = colouring.note
    elif limits:
        low, high = f"≤ {low}", f"≥ {high}"
        note = f"all: {number(limits[0])} to {number(limits[1])}; 2 % of the images lie beyond each end"
    return html.Div(
        [
            html.Div(
                className="colours-bar",
                style={"background": f"linear-gradient(90deg, {', '.join(SCALE)})"},
                **attributes({"aria-hidden": "true"}),
            ),
            html.Div(
                [
                    html.Span(low),
                    html.Span(colouring.unit or "", className="colours-unit"),
                    html.Span(high),
                ],
                className="scale-ends",
            ),
            html.Div(note, className="colours-note"),
        ]
    )


def _values(dataset: str | None, slots: Sequence[Slot]) -> html.Div:
    head = [html.Div(dataset, className="colours-head")] if dataset else []
    more = attributes({"data-colours-of": dataset}) if dataset else {}
    return html.Div([*head, *map(_value, slots)], className="colours-values", **more)


def _value(slot: Slot) -> html.Div:
    return html.Div(
        [
            html.Span(
                className="colours-swatch",
                style={"background": slot.colour},
                **attributes({"aria-hidden": "true"}),
            ),
            html.Span(slot.name, className="colours-name", title=slot.name),
            *([html.Span(count(slot.count), className="colours-count")] if slot.count >= 0 else []),
        ],
        className="colours-value",
    )


def number(value: float) -> str:
    """Three digits, as a scale shows them: 0.0123, 21.5, 1,230."""
    if value == 0 or 1e-4 <= abs(value) < 1e-2:
        return f"{value:.2g}"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}"
