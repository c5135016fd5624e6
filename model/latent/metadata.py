"""Metadata of the images of a data set (age, sex, site …): ``NAME.metadata.csv`` beside ``NAME.npz``.

Its columns ``split`` (train, val, test) and ``index`` (position in the split, from 0) say which image a line is
of; all others become columns of the index. The file comes from outside: it is bounded before it is read, and no
message quotes a value of it, as they may be about patients.
"""

import csv
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as arrow_csv

from model.data.npz import SPLITS
from model.errors import VQScopeError

MAX_COLUMNS = 32
MAX_CHARACTERS = 256
"""Of a value."""
_BYTES, _BYTES_PER_IMAGE = 1 << 20, 1 << 10
_HEADER_BYTES = 1 << 14
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_MISSING = ["", "NA", "N/A", "NaN", "nan", "null", "NULL", "None"]
_EXACT = 2**53  # integers above are identifiers: JSON's numbers do not hold them
_TAKEN = frozenset({"dataset", "split", "position", "label", "label_name", "row", "x", "y", "z"})


class MetadataDamaged(VQScopeError):
    """A metadata file that cannot be used as it is."""


@dataclass(frozen=True, eq=False)
class Metadata:
    """The metadata of one data set, checked and typed."""

    sha256: str
    """Of the file."""
    table: Any
    """pyarrow.Table: one column for each of the file but its keys: int64, double or string, null where empty."""
    rows: Mapping[str, Any]
    """By split, (N,) int64: the table's row of each image, -1 where the file has none."""

    def types(self) -> dict[str, str]:
        """Arrow's name of the type of each column."""
        return {field.name: str(field.type) for field in self.table.schema}

    def of(self, split: str, schema: Any) -> list[Any]:  # noqa: ANN401 - pyarrow has no types
        """Columns of a schema for all images of a split; null where nothing is known."""
        rows = self.rows[split]
        wanted = pa.array(np.where(rows < 0, 0, rows), mask=rows < 0)
        return [
            self.table[field.name].combine_chunks().take(wanted).cast(field.type)
            if field.name in self.table.column_names
            else pa.nulls(len(rows), field.type)
            for field in schema
        ]


def metadata_path(name: str, data_dir: Path) -> Path:
    """Where the metadata of a data set lie, if it has any."""
    return data_dir / f"{name}.metadata.csv"


def metadata_digest(path: Path) -> str | None:
    """SHA-256 of a metadata file, whatever it holds; ``None`` where there is none."""
    if not path.is_file():
        return None
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def read_metadata(path: Path, n_samples: Mapping[str, int], taken: Sequence[str] = ()) -> Metadata | None:
    """The metadata at ``path``; ``None`` where there is no such file.

    A column whose values are all whole numbers (within ±2^53) is int64, one of numbers double, any other text;
    empty fields, NA, NaN, null and None are missing, and so are infinite numbers.

    Args:
        path: of the CSV file (UTF-8, commas, one header line).
        n_samples: images of each split of the data set.
        taken: further names that a column may not have.

    Raises:
        MetadataDamaged: it is larger than 1 MiB + 1 KiB an image, holds more than 32 columns or a value of more
            than 256 characters, has no or twice the same key, names an image that the data set does not have, or
            is no CSV.
    """
    if not path.is_file():
        return None
    limit = _BYTES + _BYTES_PER_IMAGE * sum(n_samples.values())
    try:
        with path.open("rb") as stream:
            data = stream.read(limit + 1)
    except OSError as error:
        raise _damaged(path, f"cannot be read ({error.strerror})") from error
    if len(data) > limit:
        raise _damaged(
            path, f"is larger than {limit:,} bytes, 1 MiB and 1 KiB for each image of the data set"
        )
    names = _names(data, path, taken)
    table = _parse(data, names, path)
    rows = _rows(table, n_samples, path)
    columns = {name: _typed(table[name].combine_chunks()) for name in names if name not in ("split", "index")}
    return Metadata(hashlib.sha256(data).hexdigest(), pa.table(columns), rows)


def common_schema(metadata: Sequence[Metadata]) -> Any:  # noqa: ANN401 - pyarrow has no types
    """Columns of several data sets together: where types differ, numbers become double and others text.

    Raises:
        VQScopeError: they are more than 4 × 32 columns.
    """
    types: dict[str, Any] = {}
    for one in metadata:
        for field in one.table.schema:
            known = types.setdefault(field.name, field.type)
            if known != field.type:
                numbers = pa.types.is_floating(known) or pa.types.is_integer(known)
                numbers &= not pa.types.is_string(field.type)
                types[field.name] = pa.float64() if numbers else pa.string()
    if len(types) > 4 * MAX_COLUMNS:
        raise VQScopeError(
            f"the data sets have {len(types)} different metadata columns, an index holds {4 * MAX_COLUMNS}; "
            "leave some out"
        )
    return pa.schema(list(types.items()))


def _names(data: bytes, path: Path, taken: Sequence[str]) -> list[str]:
    try:
        line = data[:_HEADER_BYTES].splitlines()[0].decode("utf-8-sig")
        names = next(csv.reader([line]))
    except (IndexError, StopIteration, UnicodeDecodeError, csv.Error) as error:
        raise _damaged(path, "has no readable header line") from error
    if not {"split", "index"} <= set(names):
        raise _damaged(path, "needs the columns split and index, which say what image a line is of")
    if len(set(names)) < len(names):
        raise _damaged(path, "has a column twice")
    if len(names) - 2 > MAX_COLUMNS:
        raise _damaged(path, f"has {len(names) - 2} columns beside its keys, {MAX_COLUMNS} at most are held")
    for number, name in enumerate(names, 1):
        if not _NAME.fullmatch(name):
            raise _damaged(path, f"has a name of letters, digits and _ missing at column {number}")
        if name != "split" and (name in _TAKEN or name in taken):
            raise _damaged(path, f"has a column {name}, which the index has itself; rename it")
    return names


def _parse(data: bytes, names: list[str], path: Path) -> Any:  # noqa: ANN401 - pyarrow has no types
    try:
        return arrow_csv.read_csv(
            pa.py_buffer(data),
            read_options=arrow_csv.ReadOptions(column_names=names, skip_rows=1, use_threads=False),
            convert_options=arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()),
                null_values=_MISSING,
                strings_can_be_null=True,
                quoted_strings_can_be_null=True,
            ),
        )
    except pa.ArrowInvalid as error:
        # What Arrow says of a broken line quotes it.
        line = re.search(r"Row #(\d+)", str(error))
        where = f" (line {line[1]})" if line else ""
        raise _damaged(path, f"is no CSV of {len(names)} columns in UTF-8{where}") from error


def _rows(table: Any, n_samples: Mapping[str, int], path: Path) -> dict[str, Any]:  # noqa: ANN401
    splits = table["split"].combine_chunks()
    known = pc.is_in(splits, value_set=pa.array(SPLITS)).to_numpy(zero_copy_only=False)
    _all(known, path, f"whose split is none of {', '.join(SPLITS)}")
    whole = pc.match_substring_regex(table["index"].combine_chunks(), r"^[0-9]{1,9}$")
    _all(whole.fill_null(False).to_numpy(zero_copy_only=False), path, "whose index is no whole number")
    index = table["index"].combine_chunks().cast(pa.int64()).to_numpy()
    splits = splits.to_numpy(zero_copy_only=False)
    rows: dict[str, Any] = {}
    for split in SPLITS:
        n = n_samples.get(split, 0)
        mine = splits == split
        _all(~mine | (index < n), path, f"of an image that the data set does not have ({split} has {n:,})")
        rows[split] = np.full(n, -1, dtype=np.int64)
        rows[split][index[mine]] = np.flatnonzero(mine)
        if (rows[split] >= 0).sum() < mine.sum():
            raise _damaged(path, f"names an image of {split} twice")
    for name in table.column_names:
        length = pc.max(pc.utf8_length(table[name])).as_py()
        if length is not None and length > MAX_CHARACTERS:
            raise _damaged(
                path, f"has a value of {length:,} characters in {name}, {MAX_CHARACTERS} at most are held"
            )
    return rows


def _all(good: Any, path: Path, what: str) -> None:  # noqa: ANN401 - (n,) bool
    if not good.all():
        raise _damaged(path, f"has a line ({int(good.argmin()) + 2}) {what}")


def _typed(values: Any) -> Any:  # noqa: ANN401 - pyarrow has no types
    values = pc.utf8_trim_whitespace(values)
    if values.null_count == len(values):
        return values
    try:
        whole = values.cast(pa.int64())
    except pa.ArrowInvalid:
        pass
    else:
        extent = pc.min_max(whole).as_py()
        return whole if max(-extent["min"], extent["max"]) <= _EXACT else values
    try:
        numbers = values.cast(pa.float64())
    except pa.ArrowInvalid:
        return values
    return pc.if_else(pc.is_finite(numbers), numbers, pa.scalar(None, pa.float64()))


def _damaged(path: Path, what: str) -> MetadataDamaged:
    return MetadataDamaged(f"{path.name} {what}; mend it or move it out of the data folder")
