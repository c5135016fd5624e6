"""What is known of each image, column by column: labels, figures, metadata, in the order of the index."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from model.latent.errors import ColumnNotFound
from model.latent.images_table import FIGURES

if TYPE_CHECKING:
    from model.latent.index import LatentIndex

LabelName = Callable[[str, int], str]
"""Name of a label of a data set."""

CATEGORICAL = ("dataset", "split", "label")
LISTED = 1000
"""Values of a categorical column that a description lists, the most numerous ones."""

_FIGURES = {
    "psnr": ("Reconstruction PSNR", "dB"),
    "ssim": ("Reconstruction SSIM", None),
    "mae": ("Mean absolute error", "of full range"),
    "quantisation_error": ("Quantisation error", "latent units²"),
}
_OFFSET = 1 << 31
"""Makes an int32 label positive."""
_TITLES = {"dataset": "Data set", "split": "Split", "label": "Label"}


@dataclass(frozen=True)
class Value:
    """A value of a categorical column."""

    name: str
    count: int
    dataset: str | None = None
    label: int | None = None
    """Of the column ``label`` alone: a label means something within its data set only."""


@dataclass(frozen=True, eq=False)
class ImageColumn:
    """A column and its values of all N images."""

    name: str
    title: str
    kind: Literal["numeric", "categorical"]
    unit: str | None
    data: NDArray[Any]
    """(N,): float32, NaN where missing; or the place of the value in ``values``, as uint16 (uint32 where there are
    more than 65,534), its largest number where missing."""
    values: tuple[Value, ...] = ()
    """All of a categorical column, most numerous first, equally numerous ones in the order of the index."""

    @property
    def missing(self) -> NDArray[np.bool_]:
        """(N,): of which images nothing is known."""
        numeric = self.kind == "numeric"
        missing: NDArray[np.bool_] = (
            np.isnan(self.data) if numeric else self.data == np.iinfo(self.data.dtype).max
        )
        return missing

    @property
    def limits(self) -> tuple[float, float] | None:
        """Smallest and largest number; None of a categorical column, or of one without numbers."""
        return self._quantiles(0, 100)

    @property
    def robust_limits(self) -> tuple[float, float] | None:
        """Percentiles 2 and 98: a scale that a few extreme images do not stretch."""
        return self._quantiles(2, 98)

    def _quantiles(self, low: float, high: float) -> tuple[float, float] | None:
        if self.kind != "numeric":
            return None
        known = self.data[np.isfinite(self.data)]
        return tuple(np.percentile(known, (low, high)).tolist()) if len(known) else None


def column_names(index: "LatentIndex") -> tuple[str, ...]:
    """Names of all columns."""
    return (*CATEGORICAL, *FIGURES, *index.metadata_columns)


def image_column(index: "LatentIndex", name: str, label_name: LabelName) -> ImageColumn:
    """One column of all images.

    Raises:
        ColumnNotFound: there is none of that name.
    """
    if name not in column_names(index):
        raise ColumnNotFound(f"this index has no column {name!r}; it has {', '.join(column_names(index))}")
    if name == "label":
        return _labels(index, label_name)
    column = index.images[name].combine_chunks()
    title, unit = _FIGURES.get(name, (_TITLES.get(name, name), None))
    if pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
        numbers = column.cast(pa.float64()).to_numpy(zero_copy_only=False).astype(np.float32)
        return ImageColumn(name, title, "numeric", unit, numbers)
    encoded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    indices = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    names = encoded.dictionary.to_pylist()
    data, order, counts = _by_number(indices, len(names))
    values = tuple(Value(names[old], int(counts[old])) for old in order)
    return ImageColumn(name, title, "categorical", None, data, values)


def contains_code(index: "LatentIndex", code: int) -> NDArray[np.uint8]:
    """(N,): 1 for the images that contain a code, else 0; the codes may be memory-mapped and are read in chunks."""
    found = np.zeros(index.n, np.uint8)
    step = max(1, (1 << 22) // max(1, index.codes[0].size))
    for start in range(0, index.n, step):
        found[start : start + step] = (index.codes[start : start + step] == code).any(axis=(1, 2))
    return found


def distinct_labels(images: pa.Table) -> tuple[list[tuple[str, int]], NDArray[np.int64]]:
    """The pairs of data set and label that rows (n,) of an index's table have, and the place of each row's pair."""
    datasets = images["dataset"].combine_chunks()
    names = datasets.dictionary.to_pylist()
    # One number for both: sorting numbers is many times faster than sorting pairs.
    labels = images["label"].to_numpy().astype(np.int64) + _OFFSET
    keys = datasets.indices.to_numpy().astype(np.int64) * (2 * _OFFSET) + labels
    distinct, places = np.unique(keys, return_inverse=True)
    pairs = [(names[key // (2 * _OFFSET)], key % (2 * _OFFSET) - _OFFSET) for key in distinct.tolist()]
    return pairs, places.reshape(-1).astype(np.int64)


def _labels(index: "LatentIndex", label_name: LabelName) -> ImageColumn:
    pairs, places = distinct_labels(index.images)
    data, order, counts = _by_number(places, len(pairs))
    values = tuple(
        Value(f"{dataset} / {label_name(dataset, label)}", int(counts[old]), dataset, label)
        for old in order
        for dataset, label in [pairs[old]]
    )
    return ImageColumn("label", _TITLES["label"], "categorical", None, data, values)


def _by_number(indices: NDArray[np.int64], n: int) -> tuple[NDArray[Any], list[int], NDArray[np.int64]]:
    """Renumber the values, the most numerous first; -1 is none of them."""
    counts = np.bincount(indices[indices >= 0], minlength=n)
    order = np.argsort(-counts, kind="stable")
    kind = np.uint16 if n < np.iinfo(np.uint16).max else np.uint32
    renumbered = np.full(n + 1, np.iinfo(kind).max, kind)  # the last is where -1 leads
    renumbered[order] = np.arange(n)
    return renumbered[indices], order.tolist(), counts
