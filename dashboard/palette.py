"""The colour and the marker of a data set: the same on every page, in every figure.

Colours are those of Okabe and Ito (2008, "Color Universal Design"), ordered so that the first ones
keep their distance on a light and on a dark ground. Because colour alone does not carry, each data
set also has a marker of its own.
"""

from dataclasses import dataclass

OKABE_ITO = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8B4F3A", "#6F6F6F")
"""Eight colours, which whoever lacks one sort of cone tells apart, too. Brown stands for yellow, which vanishes on
white (darkened it is orange to who sees no red), and grey for black, which vanishes on a dark ground."""

SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross", "x", "triangle-down", "star")
"""Plotly's names; each has a shape of the same name in assets/20_components.css."""


@dataclass(frozen=True)
class Mark:
    """How the points of one data set are drawn: a CSS colour and a Plotly marker symbol."""

    colour: str
    symbol: str


def mark(index: int) -> Mark:
    """The mark of the data set at this place (0, 1, …) of the service's /v1/datasets.

    Colours repeat after eight, then with another symbol: the first 64 marks differ from each other.
    """
    if index < 0:
        raise ValueError(f"the place of a data set cannot be negative, got {index}")
    n = len(OKABE_ITO)
    return Mark(OKABE_ITO[index % n], SYMBOLS[(index + index // n) % len(SYMBOLS)])


def rgba(colour: str, alpha: float) -> str:
    """'#RRGGBB' and an opacity in [0, 1] as a CSS rgba() colour."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{alpha:g})"
