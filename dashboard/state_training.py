"""What the page on training shows, as a value and as the query of its address."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dashboard.queries import join_query, last_of, split_query, whole_of

COLOURS = ("dataset", "label")
RUN_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")


@dataclass(frozen=True, kw_only=True)
class TrainingView:
    """Which run, which of its epochs, and what colours its map."""

    run: str | None = None
    """None: the latest."""
    epoch: int | None = None
    """None: the newest, also when a newer one comes."""
    colour: str = "dataset"

    def to_query(self) -> str:
        """The query of the address, with '?' unless it is empty."""
        pairs: list[tuple[str, str]] = []
        if self.run is not None:
            pairs.append(("run", self.run))
        if self.epoch is not None:
            pairs.append(("epoch", str(self.epoch)))
        if self.colour != TrainingView.colour:
            pairs.append(("colour", self.colour))
        return join_query(pairs)

    @classmethod
    def from_query(cls, text: str | None) -> "TrainingView":
        """The view that an address asks for."""
        found = split_query(text)
        run, colour = last_of(found, "run", ""), last_of(found, "colour", cls.colour)
        epoch = whole_of(last_of(found, "epoch", ""), 0)
        return cls(
            run=run if RUN_NAME.fullmatch(run) else None,
            epoch=epoch if epoch >= 1 else None,
            colour=colour if colour in COLOURS else cls.colour,
        )

    def to_store(self) -> dict[str, Any]:
        """As a dcc.Store keeps it."""
        return {"query": self.to_query()}

    @classmethod
    def from_store(cls, data: Mapping[str, Any] | None) -> "TrainingView":
        """Undo `to_store`."""
        return cls.from_query(str(data["query"]) if data else "")
