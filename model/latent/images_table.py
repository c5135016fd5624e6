"""``images.parquet``: which image each row is, its label, and how well it is reconstructed."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from model.errors import VQScopeError
from model.latent.manifest import Block
from model.latent.storage import damaged, sync

FIGURES = ("psnr", "ssim", "mae", "quantisation_error")
"""PSNR in dB, SSIM, MAE on the [0, 1] scale, mean squared distance to the code vectors."""

_STORED = pa.schema(
    [
        ("dataset", pa.string()),
        ("split", pa.string()),
        ("position", pa.int32()),
        ("label", pa.int32()),
        *((name, pa.float32()) for name in FIGURES),
    ]
)
STORED_NAMES = tuple(_STORED.names)
"""Columns of every index; all others of its table are metadata."""
_ROW_GROUP = 1 << 14
"""Rows that are held until they are written."""
_MAX_FLAGS = 31


def label_column(labels: NDArray[np.int64], dataset: str) -> NDArray[np.int32]:
    """One number per image: its label, or, of data sets with several yes/no labels, bit i set for label i.

    Args:
        labels: (N, L).
        dataset: its name, for the message.

    Raises:
        VQScopeError: labels that do not fit into 32 bits, or several that are not 0 or 1.
    """
    if labels.shape[1] == 1:
        limits = np.iinfo(np.int32)
        if len(labels) and not (limits.min <= labels.min() and labels.max() <= limits.max):
            raise VQScopeError(f"{dataset} has a label beyond 32 bits; number its classes from 0")
        return labels[:, 0].astype(np.int32)
    if labels.shape[1] > _MAX_FLAGS or (len(labels) and not np.isin(labels, (0, 1)).all()):
        raise VQScopeError(
            f"{dataset} has {labels.shape[1]} labels an image; an index holds one class, "
            f"or up to {_MAX_FLAGS} labels of 0 and 1"
        )
    mask: NDArray[np.int64] = (labels << np.arange(labels.shape[1])).sum(axis=1)
    return mask.astype(np.int32)


class TableWriter:
    """Writes the table one block at a time.

    Args:
        path: a new file.
        metadata: pyarrow.Schema of the metadata columns, which may hold nulls.
    """

    def __init__(self, path: Path, metadata: Any = None) -> None:  # noqa: ANN401 - pyarrow has no types
        self._path = path
        self._schema = pa.schema([*_STORED, *(metadata or ())])
        self._writer = pq.ParquetWriter(path, self._schema, write_page_checksum=True)

    def append(
        self,
        block: Block,
        labels: NDArray[np.int32],
        figures: Mapping[str, NDArray[np.float32]],
        metadata: Sequence[Any] = (),
    ) -> None:
        """Write the rows of one block; ``figures`` holds a column for each of `FIGURES`."""
        columns = [
            pa.array([block.dataset]).take(pa.array(np.zeros(block.count, np.int8))),
            pa.array([block.split]).take(pa.array(np.zeros(block.count, np.int8))),
            pa.array(np.arange(block.count, dtype=np.int32)),
            pa.array(labels),
            *(pa.array(figures[name]) for name in FIGURES),
            *metadata,
        ]
        self._writer.write_table(pa.Table.from_arrays(columns, schema=self._schema), _ROW_GROUP)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.close()
        if kind is None:
            sync(self._path)


def open_table(path: Path, blocks: Sequence[Block]) -> Any:  # noqa: ANN401 - pyarrow has no types
    """Read the table, check it against the blocks of the index, and return it in single chunks.

    ``dataset`` and ``split`` come dictionary-encoded (int32 indices), the dictionaries in the order of the
    index. Columns beside those of every index are metadata: int64, double or text, null where nothing is known.

    Returns:
        pyarrow.Table

    Raises:
        IndexDamaged: it is missing, cannot be read, or does not fit.
    """
    if not path.is_file():
        raise damaged(path, "is missing")
    try:
        table = pq.read_table(path, memory_map=True, page_checksum_verification=True)
    except (pa.ArrowException, OSError) as error:
        raise damaged(path, f"cannot be read ({' '.join(str(error).split())[:120]})") from error
    for field in _STORED:
        if field.name not in table.column_names or table.schema.field(field.name).type != field.type:
            raise damaged(path, f"has no column {field.name} of type {field.type}")
    if any(table[name].null_count for name in _STORED.names):
        raise damaged(path, "has empty fields")
    table = table.combine_chunks()
    counts = np.array([block.count for block in blocks])
    position = np.concatenate([np.arange(count, dtype=np.int32) for count in counts])
    if table.num_rows != len(position) or not np.array_equal(table["position"].to_numpy(), position):
        raise damaged(path, "does not hold the images that the index lists")
    for name in ("dataset", "split"):
        values = [getattr(block, name) for block in blocks]
        names = list(dict.fromkeys(values))
        indices = np.repeat([names.index(value) for value in values], counts).astype(np.int32)
        expected = pa.DictionaryArray.from_arrays(pa.array(indices), pa.array(names))
        if not table[name].combine_chunks().equals(expected.dictionary_decode()):
            raise damaged(path, "does not hold the images that the index lists")
        table = table.set_column(table.schema.get_field_index(name), name, expected)
    return table
