"""What the columns of a table of images must hold; also written as text: ``sex=female``, ``age>=40``, ``site=``."""

import operator
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from model.latent.errors import SettingError
from model.latent.images_table import STORED_NAMES

_FORM = re.compile(r"([A-Za-z_][A-Za-z0-9_]{0,63})(>=|<=|!=|=|>|<)(.{0,256})", re.DOTALL)
_ORDERS: dict[str, Callable[[Any, float], Any]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}
Relation = Literal["=", "!=", ">=", "<=", ">", "<", "contains"]
"""``contains``, which text cannot write: somewhere in a word, in capitals or not."""
_OWN = frozenset({"dataset", "split", "position", "label"})


@dataclass(frozen=True)
class Condition:
    """A column compared with a value; an empty value stands for what is missing."""

    column: str
    relation: Relation
    value: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``COLUMN=VALUE``, ``COLUMN!=VALUE`` or ``COLUMN>=NUMBER`` (also ``<=``, ``>``, ``<``).

        Raises:
            SettingError: it is none of these.
        """
        found = _FORM.fullmatch(text)
        if found is None:
            raise SettingError(
                "a condition is COLUMN=VALUE, COLUMN!=VALUE or, of numbers, COLUMN>=NUMBER (also <=, >, <); "
                "COLUMN= means that nothing is known"
            )
        column, relation, value = found.groups()
        return cls(column, cast("Relation", relation), value)

    def holds(self, values: Any) -> NDArray[np.bool_]:  # noqa: ANN401 - pyarrow.ChunkedArray
        """For which of the N values of the column it holds. What is missing is in no order and contains nothing.

        Raises:
            SettingError: a word where a number is needed, or a number where a word is.
        """
        if pa.types.is_dictionary(values.type):
            values = values.cast(values.type.value_type)
        if self.relation == "contains":
            if is_numeric(values.type):
                raise SettingError(f"{self.column} holds numbers: they contain no words")
            return _array(pc.match_substring(values, self.value, ignore_case=True).fill_null(False))
        if self.relation in _ORDERS:
            if not is_numeric(values.type):
                raise SettingError(f"{self.column} holds words: they are neither above nor below a number")
            with np.errstate(invalid="ignore"):
                ordered: NDArray[np.bool_] = _ORDERS[self.relation](numbers(values), self._number())
            return ordered
        if self.value == "":
            equal = _array(pc.is_null(values))
        elif is_numeric(values.type):
            equal = numbers(values) == self._number()
        else:
            equal = _array(pc.equal(values, self.value).fill_null(False))
        return equal if self.relation == "=" else ~equal

    def _number(self) -> float:
        try:
            return float(self.value)
        except ValueError:
            raise SettingError(f"{self.column} holds numbers: compare it with one") from None


def kept_by(images: pa.Table, conditions: Sequence[Condition]) -> NDArray[np.bool_]:
    """Which of the N images all conditions keep; of those that say ``=`` of one column, any will do.

    Raises:
        SettingError: a column that the index does not have; and see `Condition.holds`.
    """
    kept = np.ones(images.num_rows, dtype=np.bool_)
    alternatives: dict[str, NDArray[np.bool_]] = {}
    for condition in conditions:
        holds = condition.holds(images[checked_column(images, condition.column)])
        if condition.relation == "=":
            known = alternatives.get(condition.column)
            alternatives[condition.column] = holds if known is None else known | holds
        else:
            kept &= holds
    for holds in alternatives.values():
        kept &= holds
    return kept


def filter_columns(images: pa.Table) -> tuple[str, ...]:
    """Columns that say something of an image by themselves: figures of its reconstruction, and metadata."""
    return tuple(name for name in images.column_names if name not in _OWN)


def checked_column(images: pa.Table, name: str) -> str:
    """The name, if it is one of `filter_columns`.

    Raises:
        SettingError: it is not.
    """
    known = filter_columns(images)
    if name not in known:
        metadata = [column for column in known if column not in STORED_NAMES]
        figures = [column for column in known if column in STORED_NAMES]
        raise SettingError(f"this index has no column {name!r}; it has {', '.join(metadata + figures)}")
    return name


def is_numeric(kind: Any) -> bool:  # noqa: ANN401 - pyarrow.DataType
    """Whether a column holds numbers."""
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind))


def numbers(values: Any) -> NDArray[np.float64]:  # noqa: ANN401 - pyarrow.ChunkedArray
    """A column of numbers, NaN where nothing is known; whole ones beyond 2^53 lose their last digits."""
    return np.asarray(
        values.cast(pa.float64(), safe=False).fill_null(float("nan")).to_numpy(), dtype=np.float64
    )


def _array(flags: Any) -> NDArray[np.bool_]:  # noqa: ANN401 - pyarrow.ChunkedArray
    return np.asarray(flags.to_numpy(), dtype=np.bool_)
