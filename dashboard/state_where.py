"""What the columns of selected images must hold, as the address of the map page writes it.

``psnr:20..25``, ``psnr:..25``, ``age:40..``: a number within limits, which count as within. ``site~back``: a word that
contains another, in capitals or not.
"""

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from dashboard.queries import number_of

MAX_CONDITIONS = 16
_NUMBERS = re.compile(r"([A-Za-z_][A-Za-z0-9_]{0,63}):([^:]{0,32})\.\.([^:]{0,32})")
_WORDS = re.compile(r"([A-Za-z_][A-Za-z0-9_]{0,63})~(.{1,200})", re.DOTALL)
_FARTHEST = 1e30


@dataclass(frozen=True, kw_only=True)
class Where:
    """One condition: limits of numbers, or part of a word."""

    column: str
    min: float | None = None
    max: float | None = None
    contains: str | None = None

    @property
    def text(self) -> str:
        """As an address has it."""
        if self.contains is not None:
            return f"{self.column}~{self.contains}"
        low, high = ("" if limit is None else f"{limit:.7g}" for limit in (self.min, self.max))
        return f"{self.column}:{low}..{high}"

    @property
    def body(self) -> dict[str, Any]:
        """As the service takes it, and as the store map-polygon holds it."""
        found = {"min": self.min, "max": self.max, "contains": self.contains}
        return {"column": self.column} | {name: value for name, value in found.items() if value is not None}

    @classmethod
    def parse(cls, text: str) -> "Where | None":
        """The reverse of `text`; None of what is no condition."""
        if words := _WORDS.fullmatch(text):
            return cls(column=words[1], contains=words[2])
        numbers = _NUMBERS.fullmatch(text)
        if numbers is None:
            return None
        low, high = (number_of(part, -_FARTHEST, _FARTHEST, math.nan) for part in numbers.groups()[1:])
        given = [None if math.isnan(limit) else limit for limit in (low, high)]
        return cls(column=numbers[1], min=given[0], max=given[1]) if given != [None, None] else None


def parsed(texts: Iterable[str]) -> tuple[Where, ...]:
    """The conditions that an address names, one for a column; what is none is left out."""
    found = [one for text in texts if (one := Where.parse(text)) is not None]
    return tuple({one.column: one for one in found}.values())[:MAX_CONDITIONS]


def stored(bodies: Iterable[Mapping[str, Any]]) -> tuple[Where, ...]:
    """The conditions of a store, see `Where.body`."""
    return tuple(Where(**body) for body in bodies)[:MAX_CONDITIONS]
