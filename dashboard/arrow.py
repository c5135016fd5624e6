"""Reading the points of a map out of an Arrow stream."""

import io
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from dashboard.answers import Points
from dashboard.state import SPLITS


def read_points(content: bytes) -> Points:
    """The points; ArrowException, KeyError, TypeError or ValueError where the bytes hold none."""
    with pa.ipc.open_stream(io.BytesIO(content)) as reader:
        table = reader.read_all().unify_dictionaries().combine_chunks()
    names, dataset = _categories(table, "dataset")
    split_names, split = _categories(table, "split")
    to_code = np.array([SPLITS.index(name) for name in split_names], dtype=np.int8)
    return Points(
        x=_column(table, "x").astype(np.float32),
        y=_column(table, "y").astype(np.float32),
        dataset=dataset,
        names=names,
        split=to_code[split] if len(split) else np.empty(0, np.int8),
        position=_column(table, "position").astype(np.int32),
        label=_column(table, "label").astype(np.int32),
        z=_known(table, "z"),
        index=(table.schema.metadata or {}).get(b"index", b"").decode(),
        preservation=_known(table, "preservation"),
    )


def _known(table: pa.Table, name: str) -> NDArray[np.float32] | None:
    return _column(table, name).astype(np.float32) if name in table.column_names else None


def _column(table: pa.Table, name: str) -> NDArray[Any]:
    column: NDArray[Any] = table.column(name).to_numpy()
    return column


def _categories(table: pa.Table, name: str) -> tuple[tuple[str, ...], NDArray[np.int32]]:
    array = table.column(name).combine_chunks()
    if isinstance(array, pa.ChunkedArray):  # a table without rows has no chunk to combine
        array = pa.concat_arrays(array.chunks) if array.num_chunks else pa.array([], array.type)
    if not pa.types.is_dictionary(array.type):
        array = array.dictionary_encode()
    return tuple(array.dictionary.to_pylist()), array.indices.to_numpy(zero_copy_only=False).astype(np.int32)
