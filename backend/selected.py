"""Which images a selection means: those inside a polygon on a map, for which its conditions hold."""

import numpy as np
from numpy.typing import NDArray

from backend.loading import Loaded
from backend.schemas_selections import PolygonRequest, RowCondition
from backend.selection import chosen_blocks, rows_of
from backend.tables import named_table
from model.latent.conditions import Condition, Relation
from model.latent.image_rows import fulfilling
from model.latent.manifest import Block
from model.latent.polygon import inside_polygon


def candidates(loaded: Loaded, asked: PolygonRequest) -> tuple[list[Block], NDArray[np.int64]]:
    """Blocks, and their rows (N,), of the data sets and splits that are asked for.

    Raises:
        Problem: 404 for a data set that the index does not hold.
    """
    chosen = chosen_blocks(loaded.index, asked.datasets, asked.splits)
    return chosen, rows_of(chosen)


def inside(loaded: Loaded, asked: PolygonRequest, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which of the candidates (N,), in their order, lie in the polygon and have no label that is left out.

    Raises:
        MapNotFound: there is no such map.
        Problem: 404 for a data set that the index does not hold.
    """
    coordinates = loaded.index.map(asked.map).coordinates
    # All of them are read where they lie; a choice has to be copied.
    found = inside_polygon(coordinates if len(rows) == len(coordinates) else coordinates[rows], asked.polygon)
    for left_out in asked.without:
        for block in chosen_blocks(loaded.index, [left_out.dataset], asked.splits):
            meant = slice(*np.searchsorted(rows, [block.start, block.stop]))
            values = loaded.index.images["label"].slice(block.start, block.count).to_numpy()
            values = values[rows[meant] - block.start]
            found[meant] &= ~loaded.labels[block.dataset].all_among(values, left_out.labels)
    return found


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
    """Which of the candidates (N,) are meant: inside, and the conditions hold. Raises what these raise."""
    found = inside(loaded, asked, rows)
    if asked.where:
        places = np.flatnonzero(found)
        found[places] = fulfilled(loaded, asked, rows[places])
    return found


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
