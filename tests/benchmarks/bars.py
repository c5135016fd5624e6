"""What was measured, and the bar that it is held against."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One figure of the table: the median of what was measured, and at most, or at least, what it should be."""

    what: str
    unit: str
    values: Sequence[float]
    bar: float | None = None
    at_least: bool = False
    note: str = ""
    cpu: float | None = None
    """Time of processors that one took, in the same unit: what it takes whatever else the machine does, on one core."""

    @property
    def value(self) -> float:
        """The median."""
        return median(self.values)

    @property
    def met(self) -> bool | None:
        """Whether the bar is met; None without a bar."""
        if self.bar is None:
            return None
        return self.value >= self.bar if self.at_least else self.value <= self.bar

    def as_json(self) -> dict[str, Any]:
        """All of it."""
        return {
            "what": self.what,
            "unit": self.unit,
            "median": self.value,
            "values": list(self.values),
            "bar": self.bar,
            "at_least": self.at_least,
            "met": self.met,
            "cpu": self.cpu,
            "note": self.note,
        }


def as_table(rows: Sequence[Measured]) -> list[str]:
    """Markdown, a row a figure."""
    lines = ["| what | median | least | most | processor | bar | |", "|---|--:|--:|--:|--:|--:|---|"]
    for row in rows:
        sign = "≥" if row.at_least else "≤"
        bar = "" if row.bar is None else f"{sign} {row.bar:g} {row.unit}"
        verdict = {True: "met", False: "**missed**", None: ""}[row.met]
        figures = [f"{value:.3g} {row.unit}" for value in (row.value, min(row.values), max(row.values))]
        figures.append("" if row.cpu is None else f"{row.cpu:.3g} {row.unit}")
        note = f" ({row.note})" if row.note else ""
        lines.append(f"| {row.what}{note} | {' | '.join(figures)} | {bar} | {verdict} |")
    return lines
