"""Filtering and sorting tables of images."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from model.latent.errors import ColumnNotFound, SettingError

Order = Literal["asc", "desc"]


@dataclass(frozen=True, kw_only=True)
class Condition:
    """What a column must be; rows in which it is missing do not fulfil it."""

    column: str
    minimum: float | None = None
    maximum: float | None = None
    """Of a column of numbers, inclusive."""
    contains: str | None = None
    """Of a column of text: somewhere in it, in capitals or not."""


def fulfilling(table: pa.Table, conditions: Sequence[Condition]) -> NDArray[np.bool_]:
    """Which rows of a table (N,) fulfil all conditions.

    Raises:
        ColumnNotFound: a column that the table lacks.
        SettingError: a number asked of text, or text of numbers.
    """
    kept = np.ones(table.num_rows, np.bool_)
    for condition in conditions:
        column = _plain(table, condition.column)
        text = pa.types.is_string(column.type)
        tests = []
        if condition.contains is not None:
            tests.append(text and pc.match_substring(column, condition.contains, ignore_case=True))
        if condition.minimum is not None:
            tests.append(not text and pc.greater_equal(column, pa.scalar(condition.minimum, pa.float64())))
        if condition.maximum is not None:
            tests.append(not text and pc.less_equal(column, pa.scalar(condition.maximum, pa.float64())))
        for test in tests:
            if test is False:
                kind = "text" if text else "numbers"
                raise SettingError(f"{condition.column} holds {kind}: use {_USE[kind]}")
            kept &= test.fill_null(False).to_numpy(zero_copy_only=False)
    return kept


def ranked(table: pa.Table, column: str, order: Order) -> NDArray[np.int64]:
    """Row numbers (N,) sorted by a column, missing values last; equal ones stay in their order.

    Raises:
        ColumnNotFound: the table lacks it.
    """
    values = _plain(table, column)
    direction = "ascending" if order == "asc" else "descending"
    options = pc.ArraySortOptions(direction, null_placement="at_end")
    found: NDArray[np.int64] = pc.array_sort_indices(values, options=options).to_numpy().astype(np.int64)
    return found


_USE = {"text": "contains", "numbers": "min and max"}


def _plain(table: pa.Table, name: str) -> Any:  # noqa: ANN401 - pyarrow has no types
    if name not in table.column_names:
        raise ColumnNotFound(f"there is no column {name!r}; there are {', '.join(table.column_names)}")
    column = table[name].combine_chunks()
    return column.dictionary_decode() if pa.types.is_dictionary(column.type) else column
