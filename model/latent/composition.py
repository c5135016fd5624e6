"""What a selection of images consists of, against the whole that it was selected from."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from model.intervals import Interval, proportion_interval
from model.latent.images_table import FIGURES
from model.latent.several_labels import class_by_class


@dataclass(frozen=True)
class Part:
    """One group's place in the selection and in the whole."""

    dataset: str
    label: int | None
    """None: all labels of the data set. Of a data set with several labels an image the mask of one class, 0 of none:
    an image counts in each of its classes, so that shares add up to more than 1."""
    count: int
    """Selected images of the group."""
    share: float
    """Of the selection; 0 of an empty one."""
    interval: Interval
    """Wilson's 95 % interval of the share, with the images taken as independent."""
    total: int
    """Images of the group in the whole."""
    share_of_whole: float


@dataclass(frozen=True)
class Summary:
    """Mean and quartiles of a figure."""

    mean: float
    quartiles: tuple[float, float, float]


@dataclass(frozen=True)
class Composition:
    """Of n selected images out of ``total``."""

    n: int
    total: int
    datasets: tuple[Part, ...]
    """Most selected first; groups without a selected image are left out."""
    labels: tuple[Part, ...]
    figures: dict[str, Summary]
    """By name (`FIGURES`), of the selection; empty if that is."""
    figures_of_whole: dict[str, Summary]


def compose(
    images: pa.Table,
    selected: NDArray[np.bool_],
    figures_of_whole: Mapping[str, Summary] | None = None,
    *,
    several: Collection[str] = (),
) -> Composition:
    """Count and summarise a selection.

    Args:
        images: the whole: rows of an index's table of images, N of them.
        selected: (N,) which of them are selected.
        figures_of_whole: `figure_summaries` of the whole, where they are known.
        several: data sets whose label is the bit mask of an image's classes.
    """
    names = images["dataset"].combine_chunks()
    names = names if pa.types.is_dictionary(names.type) else names.dictionary_encode()
    datasets, codes = names.dictionary.to_pylist(), names.indices.to_numpy().astype(np.int64)
    labels = images["label"].combine_chunks()
    rows: NDArray[np.int64] | slice = slice(None)
    masks = np.isin(codes, [place for place, dataset in enumerate(datasets) if dataset in several])
    if masks.any():
        rows, separate = class_by_class(labels.to_numpy(), masks)
        labels = pa.array(separate)
    values, numbers = _numbered(labels)
    pairs = codes[rows] * len(values) + numbers
    columns = {name: images[name].to_numpy() for name in FIGURES}
    inside = np.flatnonzero(selected)
    n, whole = len(inside), len(selected)
    return Composition(
        n=n,
        total=whole,
        datasets=_parts(codes, selected, n, whole, lambda group: (datasets[group], None)),
        labels=_parts(
            pairs,
            selected[rows],
            n,
            whole,
            lambda group: (datasets[group // len(values)], int(values[group % len(values)])),
        ),
        figures=_summaries({name: column[inside] for name, column in columns.items()}),
        figures_of_whole=_summaries(columns) if figures_of_whole is None else dict(figures_of_whole),
    )


def figure_summaries(images: pa.Table) -> dict[str, Summary]:
    """Summaries of all `FIGURES` of a table of images, by name; none of an empty one."""
    return _summaries({name: images[name].to_numpy() for name in FIGURES})


def _numbered(labels: pa.Array) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Distinct values, ascending, and the place of each label among them; hashed, as sorting many labels takes long."""
    encoded = labels.dictionary_encode()
    values, numbers = encoded.dictionary.to_numpy().astype(np.int64), encoded.indices.to_numpy()
    order = np.argsort(values)
    places = np.empty_like(order)
    places[order] = np.arange(len(order))
    return values[order], places[numbers]


def _parts(
    groups: NDArray[np.int64],
    selected: NDArray[np.bool_],
    n: int,
    whole: int,
    name: Callable[[int], tuple[str, int | None]],
) -> tuple[Part, ...]:
    totals = np.bincount(groups)
    counts = np.bincount(groups[selected], minlength=len(totals))
    parts = []
    for group in np.argsort(-counts, kind="stable").tolist():
        count, total = int(counts[group]), int(totals[group])
        if count:
            dataset, label = name(group)
            parts.append(
                Part(
                    dataset,
                    label,
                    count,
                    count / n,
                    proportion_interval(count, n),
                    total,
                    total / whole,
                )
            )
    return tuple(parts)


def _summaries(columns: Mapping[str, NDArray[np.floating[Any]]]) -> dict[str, Summary]:
    found = {}
    for name, column in columns.items():
        if len(column):
            low, middle, high = np.percentile(column, (25, 50, 75)).tolist()
            found[name] = Summary(float(column.mean(dtype=np.float64)), (low, middle, high))
    return found
