"""The table of chosen images with the names of their labels and their places on a map; and its files."""

import io
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
from numpy.typing import NDArray

from backend.loading import Loaded
from backend.sending import PIECE
from model.latent.image_columns import distinct_labels
from model.latent.projection import LatentMap

CHUNK = 8192
"""Rows that a streamed table is made of at a time: some hundreds of KiB."""


def named_table(loaded: Loaded, chart: LatentMap, rows: NDArray[np.int64]) -> pa.Table:
    """Rows (n,) of the table of images; ``label_name`` comes after ``label``, the place on the map last."""
    images = loaded.index.images.take(pa.array(rows))
    pairs, place = distinct_labels(images)
    words = [loaded.labels[dataset].name(label) for dataset, label in pairs]
    label_names = pa.DictionaryArray.from_arrays(
        pa.array(place.astype(np.int32)), pa.array(words, pa.string())
    )
    table = images.add_column(images.column_names.index("label") + 1, "label_name", label_names)
    places = np.asarray(chart.coordinates[rows], np.float32)
    for axis, name in enumerate(("x", "y", "z")[: places.shape[1]]):
        table = table.append_column(name, pa.array(places[:, axis]))
    return table


def csv_file(table: pa.Table) -> Iterator[bytes]:
    """A table as CSV (RFC 4180) with a header, piece by piece."""
    for start in range(0, max(1, table.num_rows), CHUNK):
        piece = pa.BufferOutputStream()
        options = pyarrow.csv.WriteOptions(include_header=start == 0)
        pyarrow.csv.write_csv(_plain(table.slice(start, CHUNK)), piece, options)
        yield bytes(piece.getvalue())


def parquet_file(table: pa.Table) -> Iterator[bytes]:
    """A table as Parquet, a piece after each of its row groups."""
    sink = _Pieces()
    with pq.ParquetWriter(sink, _plain(table.slice(0, 0)).schema) as writer:
        for start in range(0, table.num_rows, CHUNK):
            writer.write_table(_plain(table.slice(start, CHUNK)))
            yield sink.take()
    yield sink.take()


def npy_file(array: NDArray[Any], rows: NDArray[np.int64]) -> Iterator[bytes]:
    """Rows (n,) of an array, which may be memory-mapped, as a file of NumPy's format, piece by piece."""
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header,
        {"descr": array.dtype.str, "fortran_order": False, "shape": (len(rows), *array.shape[1:])},
    )
    yield header.getvalue()
    row_bytes = array.dtype.itemsize * math.prod(array.shape[1:])
    step = max(1, PIECE // max(1, row_bytes))
    for start in range(0, len(rows), step):
        yield np.ascontiguousarray(array[rows[start : start + step]]).tobytes()


def _plain(table: pa.Table) -> pa.Table:
    """Without dictionaries, which other readers do not expect."""
    fields = [
        field.with_type(field.type.value_type) if pa.types.is_dictionary(field.type) else field
        for field in table.schema
    ]
    return table.cast(pa.schema(fields))


class _Pieces(io.RawIOBase):
    """A file that is only written to, and emptied as it grows."""

    def __init__(self) -> None:
        super().__init__()
        self._pieces: list[bytes] = []
        self._written = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:  # noqa: ANN401 - anything that has a buffer
        piece = bytes(data)
        self._pieces.append(piece)
        self._written += len(piece)
        return len(piece)

    def tell(self) -> int:
        return self._written

    def take(self) -> bytes:
        """What was written since the last time."""
        taken, self._pieces = b"".join(self._pieces), []
        return taken
