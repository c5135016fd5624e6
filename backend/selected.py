"""Which images a selection means: those inside a polygon on a map, for which its conditions hold."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from backend.loading import Loaded
from backend.schemas_selections import LeftOut, PolygonRequest, RowCondition
from backend.selection import chosen_blocks, rows_of, table_of
from backend.tables import named_table
from model.latent.conditions import Condition, Relation
from model.latent.image_rows import fulfilling
from model.latent.manifest import Block
from model.latent.polygon import inside_polygon


@dataclass(frozen=True, eq=False)
class Candidates:
    """The whole that a selection is taken from: all images of data sets and splits but those of labels left out."""

    blocks: Sequence[Block]
    """Of these data sets and splits."""
    rows: NDArray[np.int64]
    """(N,) ascending rows of the index."""
    left_out: NDArray[np.int64]
    """The other rows of the blocks, ascending."""

    def images(self, table: pa.Table) -> pa.Table:
        """(N,) rows of the index's table of images; without copying where none is left out."""
        return table.take(pa.array(self.rows)) if len(self.left_out) else table_of(table, self.blocks)


def candidates(loaded: Loaded, asked: PolygonRequest) -> Candidates:
    """What a selection is taken from.

    Raises:
        Problem: 404 for a data set that the index does not hold.
    """
    chosen = chosen_blocks(loaded.index, asked.datasets, asked.splits)
    rows = rows_of(chosen)
    gone = np.zeros(len(rows), np.bool_)
    for left_out in asked.without:
        _mark(loaded, left_out, asked, rows, gone)
    return Candidates(chosen, rows[~gone] if gone.any() else rows, rows[gone])


def inside(loaded: Loaded, asked: PolygonRequest, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which of some rows (N,) lie in the polygon.

    Raises:
        MapNotFound: there is no such map.
    """
    coordinates = loaded.index.map(asked.map).coordinates
    # All of them are read where they lie; a choice has to be copied.
    return inside_polygon(coordinates if len(rows) == len(coordinates) else coordinates[rows], asked.polygon)


def fulfilled(loaded: Loaded, asked: PolygonRequest, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
    """For which of some rows (n,) all conditions hold.

    Raises:
        ColumnNotFound: the index has no such column.
        SettingError: a condition does not suit its column.
    """
    if not asked.where:
        return np.ones(len(rows), np.bool_)
    table = named_table(loaded, loaded.index.map(asked.map), rows)
    return fulfilling(table, [condition for one in asked.where for condition in _parts(one)])


def selected(loaded: Loaded, asked: PolygonRequest, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which of some rows (N,) are meant: inside, and the conditions hold. Raises what these raise."""
    found = inside(loaded, asked, rows)
    if asked.where:
        places = np.flatnonzero(found)
        found[places] = fulfilled(loaded, asked, rows[places])
    return found


def _mark(
    loaded: Loaded,
    left_out: LeftOut,
    asked: PolygonRequest,
    rows: NDArray[np.int64],
    gone: NDArray[np.bool_],
) -> None:
    """Set `gone` (N,) where a row (N,) has only labels that are left out."""
    for block in chosen_blocks(loaded.index, [left_out.dataset], asked.splits):
        meant = slice(*np.searchsorted(rows, [block.start, block.stop]))
        values = loaded.index.images["label"].slice(block.start, block.count).to_numpy()
        values = values[rows[meant] - block.start]
        gone[meant] |= loaded.labels[block.dataset].all_among(values, left_out.labels)


def _parts(asked: RowCondition) -> list[Condition]:
    wanted: dict[Relation, float | str | None] = {
        "contains": asked.contains,
        ">=": asked.min,
        "<=": asked.max,
    }
    return [
        Condition(asked.column, relation, str(value))
        for relation, value in wanted.items()
        if value is not None
    ]
