"""Filtering and sorting tables of images by any of their columns."""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from model.latent.conditions import Condition
from model.latent.errors import ColumnNotFound

Order = Literal["asc", "desc"]


def fulfilling(table: pa.Table, conditions: Sequence[Condition]) -> NDArray[np.bool_]:
    """Which rows of a table (N,) fulfil all conditions.

    Raises:
        ColumnNotFound: a column that the table lacks.
        SettingError: see `Condition.holds`.
    """
    kept = np.ones(table.num_rows, np.bool_)
    for condition in conditions:
        kept &= condition.holds(_column(table, condition.column))
    return kept


def ranked(table: pa.Table, column: str, order: Order) -> NDArray[np.int64]:
    """Row numbers (N,) sorted by a column, missing values last; equal ones stay in their order.

    Raises:
        ColumnNotFound: the table lacks it.
    """
    values = _column(table, column).combine_chunks()
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    direction = "ascending" if order == "asc" else "descending"
    options = pc.ArraySortOptions(direction, null_placement="at_end")
    found: NDArray[np.int64] = pc.array_sort_indices(values, options=options).to_numpy().astype(np.int64)
    return found


def _column(table: pa.Table, name: str) -> Any:  # noqa: ANN401 - pyarrow has no types
    if name not in table.column_names:
        raise ColumnNotFound(f"there is no column {name!r}; there are {', '.join(table.column_names)}")
    return table[name]
