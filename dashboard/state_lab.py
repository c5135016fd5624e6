"""What the decode lab shows, as a value and as the query of its address."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from dashboard.queries import join_query, last_of, split_query, whole_of
from dashboard.state import Point

MIN_STEPS, MAX_STEPS = 3, 16
MAX_EDITS = 256
_MAX_CODE = 65535
_MAX_CELL = 255


@dataclass(frozen=True, order=True)
class Edit:
    """A cell of the code grid that was given another code."""

    row: int
    column: int
    code: int

    def __str__(self) -> str:
        return f"{self.row}.{self.column}.{self.code}"

    @classmethod
    def parse(cls, text: str) -> "Edit | None":
        """'ROW.COLUMN.CODE' as an edit, or None where it is not one."""
        numbers = [whole_of(part, -1) for part in text.split(".")]
        if len(numbers) != 3 or min(numbers) < 0 or max(numbers[:2]) > _MAX_CELL or numbers[2] > _MAX_CODE:
            return None
        return cls(*numbers)


@dataclass(frozen=True, kw_only=True)
class LabView:
    """The decode lab: whose codes are edited and how, in which cell, and the image at the other end of the walk."""

    point: Point | None = None
    edits: tuple[Edit, ...] = ()
    """At most one a cell, by cell."""
    cell: tuple[int, int] = (0, 0)
    """Row and column of the cell in hand."""
    end: Point | None = None
    steps: int = 8

    def code_at(self, row: int, column: int) -> int | None:
        """The code that a cell was given; None: it has its own."""
        return next((e.code for e in self.edits if (e.row, e.column) == (row, column)), None)

    def given(self, row: int, column: int, code: int | None) -> "LabView":
        """The view with another code in a cell, or with its own again (None)."""
        others = [e for e in self.edits if (e.row, e.column) != (row, column)]
        more = [] if code is None else [Edit(row, column, code)]
        return replace(self, edits=tuple(sorted(others + more))[:MAX_EDITS])

    def to_query(self) -> str:
        """The query of the address, with '?' unless it is empty."""
        pairs: list[tuple[str, str]] = []
        if self.point is not None:
            pairs.append(("point", str(self.point)))
        if self.edits:
            pairs.append(("edits", ",".join(map(str, self.edits))))
        if self.cell != LabView.cell:
            pairs.append(("cell", f"{self.cell[0]}.{self.cell[1]}"))
        if self.end is not None:
            pairs.append(("end", str(self.end)))
        if self.steps != LabView.steps:
            pairs.append(("steps", str(self.steps)))
        return join_query(pairs)

    @classmethod
    def from_query(cls, text: str | None) -> "LabView":
        """The view that an address asks for."""
        found = split_query(text)
        view = cls(
            point=Point.parse(last_of(found, "point", "")),
            cell=_cell(last_of(found, "cell", "")),
            end=Point.parse(last_of(found, "end", "")),
            steps=min(max(whole_of(last_of(found, "steps", ""), cls.steps), MIN_STEPS), MAX_STEPS),
        )
        for edit in map(Edit.parse, last_of(found, "edits", "").split(",")[:MAX_EDITS]):
            if edit is not None:
                view = view.given(edit.row, edit.column, edit.code)
        return view

    def to_store(self) -> dict[str, Any]:
        """As a dcc.Store keeps it."""
        return {"query": self.to_query()}

    @classmethod
    def from_store(cls, data: Mapping[str, Any] | None) -> "LabView":
        """Undo `to_store`."""
        return cls.from_query(str(data["query"]) if data else "")


def _cell(text: str) -> tuple[int, int]:
    """'ROW.COLUMN', or the first cell of what is none."""
    numbers = [whole_of(part, -1) for part in text.split(".")]
    if len(numbers) != 2 or min(numbers) < 0 or max(numbers) > _MAX_CELL:
        return LabView.cell
    return numbers[0], numbers[1]
