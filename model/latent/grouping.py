"""Images of an index in groups: by data set, label, split, or a column of figures or metadata."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from model.latent.conditions import checked_column, filter_columns, is_numeric, numbers
from model.latent.errors import SettingError
from model.latent.several_labels import class_by_class

MAX_GROUPS = 200
"""Of more, the largest are kept."""
MAX_BINS = 20
OWN = ("dataset", "label", "split")
"""What images can be grouped by beside the columns of `filter_columns`."""

Codes = NDArray[np.int32]
Names = Callable[[int], str]


@dataclass(frozen=True, eq=False)
class Groups:
    """N images in G groups, which may overlap."""

    codes: Codes
    """(N,) group of each image, -1 for those of groups that were left out; with ``rows`` (M,), of each of them."""
    names: tuple[str, ...]
    """(G,); each group has at least one image."""
    n_left_out: int
    """Groups with fewer images than were asked for."""
    n_beyond: int = 0
    """Other groups, left out because as many as are kept are larger."""
    rows: NDArray[np.int64] | None = None
    """(M,) images, one as often as it is in a group; None: each once, in order."""

    @property
    def n_kept(self) -> int:
        """Images in a group that was not left out."""
        kept = self.codes >= 0
        return int(np.count_nonzero(kept if self.rows is None else np.bincount(self.rows[kept])))


def group_images(
    images: pa.Table,
    by: str,
    label_name: Callable[[str, int], str],
    *,
    bins: int = 4,
    edges: Sequence[float] = (),
    min_n: int = 1,
    at_most: int = MAX_GROUPS,
    several: Collection[str] = (),
) -> Groups:
    """Group the rows of an index's table of images.

    A label means something within its data set only: the pair is the group. Of a data set with several labels an image
    each class is a group, so that groups overlap, and the images without any are one. Words are grouped by value, in
    alphabetical order; numbers that take no more than ``bins`` values too, others by interval: between ``edges``, or
    between the quantiles that part them into ``bins`` of about equal size, rounded to a hundredth of their range. Where
    many numbers are equal the intervals are fewer, but two at least. Images of which nothing is known are a group of
    their own, the last. Of too many groups the largest are kept, in their order; of equally large ones the first.

    Args:
        images: N rows; ``dataset`` and ``split`` dictionary-encoded.
        by: one of `OWN`, or of the table's `filter_columns`.
        label_name: what a label value means, given its data set.
        bins: 2 to 20.
        edges: ascending; n of them make n + 1 intervals, each with its lower but without its upper end.
        min_n: groups of fewer images are left out.
        at_most: groups are kept.
        several: data sets whose label is the bit mask of an image's classes.

    Raises:
        SettingError: another ``by``, or parameters out of range.
    """
    if not 2 <= bins <= MAX_BINS:
        raise SettingError(f"bins must be 2 to {MAX_BINS}, not {bins}")
    if (
        not np.isfinite(edges).all()
        or any(right <= left for left, right in pairwise(edges))
        or len(edges) >= MAX_GROUPS
    ):
        raise SettingError(f"edges must be ascending finite numbers, fewer than {MAX_GROUPS}")
    if by not in (*OWN, *filter_columns(images)):
        raise SettingError(
            f"group_by: there is no {by!r} here; choose one of {', '.join((*OWN, *filter_columns(images)))}"
        )
    if by in ("dataset", "split"):
        codes, names = _by_dictionary(images, by)
        return _compact(codes, len(names), names.__getitem__, min_n, at_most)
    if by == "label":
        codes, count, name, rows = _by_label(images, label_name, several)
        return replace(_compact(codes, count, name, min_n, at_most), rows=rows)
    if is_numeric(images.schema.field(by).type):
        codes, count, name = _by_number(images, by, bins, edges)
    else:
        codes, count, name = _by_word(images, by)
    return _compact(codes, count, name, min_n, at_most)


def _by_dictionary(images: pa.Table, by: str) -> tuple[Codes, list[str]]:
    column = images[by].unify_dictionaries()
    names = column.chunk(0).dictionary.to_pylist() if column.num_chunks else []
    parts = [chunk.indices.to_numpy() for chunk in column.chunks] or [np.empty(0, np.int32)]
    return np.concatenate(parts).astype(np.int32, copy=False), names


def _by_label(
    images: pa.Table, label_name: Callable[[str, int], str], several: Collection[str]
) -> tuple[Codes, int, Names, NDArray[np.int64] | None]:
    datasets, names = _by_dictionary(images, "dataset")
    labels, rows = images["label"].to_numpy(), None
    masks = np.isin(datasets, [place for place, dataset in enumerate(names) if dataset in several])
    if masks.any():
        rows, labels = class_by_class(labels, masks)
        datasets = datasets[rows]
    # One number for both: hashing numbers is faster than sorting pairs.
    keys = (datasets.astype(np.int64) << 32) + labels + (1 << 31)
    encoded = pa.array(keys).dictionary_encode()
    found = encoded.dictionary.to_numpy()
    order = np.argsort(found)
    place = np.empty(len(order), np.int32)
    place[order] = np.arange(len(order))

    def name(code: int) -> str:
        dataset, label = divmod(int(found[order[code]]), 1 << 32)
        return f"{names[dataset]} / {label_name(names[dataset], label - (1 << 31))}"

    return place[encoded.indices.to_numpy()], len(order), name, rows


def _by_word(images: pa.Table, by: str) -> tuple[Codes, int, Names]:
    encoded = images[by].combine_chunks().dictionary_encode()
    words = encoded.dictionary.to_pylist()
    order = sorted(range(len(words)), key=words.__getitem__)
    place = np.empty(len(words) + 1, np.int32)
    place[order] = np.arange(len(words))
    place[-1] = len(words)  # where nothing is known
    codes = place[encoded.indices.fill_null(-1).to_numpy()]
    return codes, len(words) + 1, lambda code: _named(by, words[order[code]] if code < len(words) else None)


def _by_number(images: pa.Table, by: str, bins: int, edges: Sequence[float]) -> tuple[Codes, int, Names]:
    values = numbers(images[checked_column(images, by)])
    missing = np.isnan(values)
    known = values[~missing]
    if not edges:
        distinct = np.unique(known)
        if len(distinct) <= bins:
            codes = np.searchsorted(distinct, values).astype(np.int32)
            codes[missing] = len(distinct)
            return codes, len(distinct) + 1, lambda code: _named(by, _number(distinct, code))
        edges = _quantile_edges(known, bins)
    limits = np.asarray(edges, dtype=np.float64)
    codes = np.searchsorted(limits, values, side="right").astype(np.int32)
    codes[missing] = len(limits) + 1

    def name(code: int) -> str:
        low, high = _number(limits, code - 1), _number(limits, code)
        if code > len(limits):
            return _named(by, None)
        if low is None:
            return f"{by} < {high}"
        return f"{by} ≥ {low}" if high is None else f"{low} ≤ {by} < {high}"

    return codes, len(limits) + 2, name


def _quantile_edges(known: NDArray[np.float64], bins: int) -> list[float]:
    """One to bins - 1 edges, ascending, each with numbers on either side.

    Where so many numbers equal the least that no quantile is above it, the next larger number is the edge.

    Args:
        known: finite or not, no NaN, of several values.
        bins: at least 2.
    """

    def quantile(shares: NDArray[np.float64]) -> NDArray[np.float64]:
        values: NDArray[np.float64] = np.quantile(known, shares, method="inverted_cdf")
        return values

    least, largest = known.min(), known.max()

    def parting(edges: NDArray[np.float64]) -> list[float]:
        kept: list[float] = np.unique(edges[(edges > least) & (edges <= largest)]).tolist()
        return kept

    edges = quantile(np.arange(1, bins) / bins)
    low, high = quantile(np.array([0.1, 0.9]))
    with np.errstate(over="ignore"):
        extent = high - low or largest - least
    if 1e-290 < extent < 1e290:  # beyond, rounding overflows
        rounded = parting(np.round(edges, 2 - int(np.floor(np.log10(extent)))))
        if rounded:
            return rounded
    return parting(edges) or [float(known[known > least].min())]


def _number(numbers_: NDArray[np.float64], place: int) -> str | None:
    return f"{numbers_[place]:.12g}" if 0 <= place < len(numbers_) else None


def _named(by: str, value: str | None) -> str:
    return f"{by} missing" if value is None else f"{by} = {value}"


def _compact(codes: Codes, count: int, name: Names, min_n: int, at_most: int) -> Groups:
    """Number the groups that have images enough from 0, the largest of too many."""
    sizes = np.bincount(codes, minlength=count)
    enough = np.flatnonzero(sizes >= max(min_n, 1))
    kept = np.sort(enough[np.argsort(-sizes[enough], kind="stable")[:at_most]])
    numbers_ = np.full(count, -1, dtype=np.int32)
    numbers_[kept] = np.arange(len(kept))
    left_out = int(np.count_nonzero(sizes)) - len(enough)
    if len(kept) < count:
        codes = numbers_[codes]
    return Groups(codes, tuple(name(int(group)) for group in kept), left_out, len(enough) - len(kept))
