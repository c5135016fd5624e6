"""Which rows of an index a request means: rows lie in blocks of one data set and split, so slices say it."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from backend.loading import Loaded
from backend.problems import not_found
from model.latent.index import LatentIndex
from model.latent.manifest import Block


def dataset_named(index: LatentIndex, name: str) -> dict[str, Any]:
    """Attributes of a data set of the index; the problem 404 if it holds none of that name."""
    for dataset in index.datasets:
        if dataset["name"] == name:
            return dataset
    known = ", ".join(dataset["name"] for dataset in index.datasets)
    raise not_found(f"this index has no data set {name!r}; it has {known}")


def chosen_blocks(index: LatentIndex, datasets: Sequence[str], splits: Sequence[str]) -> list[Block]:
    """Blocks of the data sets and splits named; naming none means all.

    Raises:
        Problem: 404 for a data set that the index does not hold.
    """
    for name in datasets:
        dataset_named(index, name)
    return [
        block
        for block in index.blocks
        if (not datasets or block.dataset in datasets) and (not splits or block.split in splits)
    ]


def rows_of(chosen: Sequence[Block]) -> NDArray[np.int64]:
    """Row numbers of blocks, ascending."""
    return np.concatenate([np.arange(b.start, b.stop) for b in chosen] or [np.empty(0, np.int64)])


def table_of(images: pa.Table, chosen: Sequence[Block]) -> pa.Table:
    """Rows of blocks out of the table of images, without copying."""
    if sum(block.count for block in chosen) == images.num_rows:
        return images  # in one piece, which spares those who look at columns joining them
    return pa.concat_tables([images.slice(b.start, b.count) for b in chosen] or [images.slice(0, 0)])


def chosen_images(
    loaded: Loaded, datasets: Sequence[str], splits: Sequence[str], label: int | None
) -> tuple[NDArray[np.int64], pa.Table]:
    """Row numbers and table rows of the images of the data sets and splits named that have the label, if one is given.

    Raises:
        Problem: 404 for a data set that the index does not hold.
    """
    chosen = chosen_blocks(loaded.index, datasets, splits)
    rows, images = rows_of(chosen), table_of(loaded.index.images, chosen)
    if label is None:
        return rows, images
    values = np.asarray(images["label"])
    counts = np.cumsum([block.count for block in chosen])[:-1]
    kept = np.concatenate(
        [
            loaded.labels[block.dataset].having(part, label)
            for block, part in zip(chosen, np.split(values, counts), strict=True)
        ]
        or [np.empty(0, np.bool_)]
    )
    return rows[kept], images.filter(pa.array(kept))
