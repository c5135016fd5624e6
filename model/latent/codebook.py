"""What each code of the codebook is used for: how often, where in the image, in which data sets and classes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from model.latent.enrichment import (
    Counts,
    Enrichment,
    code_chunks,
    column_counts,
    contains,
    enrichment,
)

if TYPE_CHECKING:
    from model.latent.index import LatentIndex

_BITS = 31


@dataclass(frozen=True)
class Group:
    """Images of a data set, or of one of its classes."""

    dataset: str
    label: int | None
    """Class; of a data set with several labels an image, the bit: groups then overlap. None: the whole data set."""
    n: int


@dataclass(frozen=True, eq=False)
class CodebookUse:
    """Counts over the images of an index. K codes, D data sets, L classes of all of them."""

    splits: tuple[str, ...]
    """The splits counted."""
    n: int
    grid: tuple[int, int]
    cells: Counts
    """(K,) cells that took the code."""
    positions: Counts
    """(H', W', K) the same by place."""
    images: Counts
    """(K,) images that contain it."""
    datasets: tuple[Group, ...]
    images_by_dataset: Counts
    """(D, K)"""
    labels: tuple[Group, ...]
    images_by_label: Counts
    """(L, K)"""

    @property
    def codebook_size(self) -> int:
        """K."""
        return len(self.cells)

    @property
    def dead(self) -> NDArray[np.int64]:
        """Codes that no counted image contains."""
        return np.flatnonzero(self.cells == 0)

    @property
    def perplexity(self) -> float:
        """exp of the entropy of the codes over all cells: so many equally frequent codes would say as much."""
        share = self.cells[self.cells > 0] / self.cells.sum()
        return float(np.exp(-(share * np.log(share)).sum()))

    def dataset_enrichment(self) -> Enrichment:
        """(D, K): images of each data set against all others; corrected over all codes and data sets together."""
        sizes = np.array([group.n for group in self.datasets])[:, None]
        return enrichment(self.images_by_dataset, sizes, self.images, self.n)

    def label_enrichment(self) -> Enrichment:
        """(L, K): images of each class against the other images *of its data set*; corrected over all of them.

        Against all images, the class of a small data set would only repeat what goes with the data set.
        """
        place = [next(i for i, d in enumerate(self.datasets) if d.dataset == g.dataset) for g in self.labels]
        sizes = np.array([group.n for group in self.labels])[:, None]
        wholes = np.array([self.datasets[i].n for i in place])[:, None]
        return enrichment(self.images_by_label, sizes, self.images_by_dataset[place], wholes)


def codebook_use(index: "LatentIndex", splits: Sequence[str] | None = None) -> CodebookUse:
    """Count the codes of an index in one pass, in chunks: memory does not grow with the images.

    Args:
        index: its codes may be memory-mapped.
        splits: only images of these; default: of all.
    """
    size = int(index.manifest["model"]["codebook_size"])
    grid = (int(index.codes.shape[1]), int(index.codes.shape[2]))
    places = grid[0] * grid[1]
    positions = np.zeros(places * size, np.int64)
    by_dataset: dict[str, Counts] = {}
    n_dataset: dict[str, int] = {}
    by_label: dict[tuple[str, int], Counts] = {}
    n_label: dict[tuple[str, int], int] = {}
    multi = {d["name"]: has_several_labels(d) for d in index.datasets}
    labels_of_rows = index.images["label"].to_numpy()
    blocks = [block for block in index.blocks if splits is None or block.split in splits]
    for block in blocks:
        labels = labels_of_rows[block.start : block.stop]
        values, members = _membership(labels, multi[block.dataset])
        counts = by_dataset.setdefault(block.dataset, np.zeros(size, np.int64))
        n_dataset[block.dataset] = n_dataset.get(block.dataset, 0) + block.count
        for column, value in enumerate(values):
            key = (block.dataset, value)
            by_label.setdefault(key, np.zeros(size, np.int64))
            n_label[key] = n_label.get(key, 0) + int(members[:, column].sum())
        done = 0
        for chunk in code_chunks(index.codes[block.start : block.stop], size):
            flat = chunk.reshape(len(chunk), places).astype(np.int64) + np.arange(places) * size
            positions += np.bincount(flat.ravel(), minlength=len(positions))
            there = contains(chunk, size)
            counts += column_counts(there)
            # Whole numbers below 2^24: exact in float32, and a product of matrices is the quickest sum.
            of_class = members[done : done + len(chunk)].astype(np.float32).T @ there.astype(np.float32)
            for value, row in zip(values, of_class, strict=True):
                by_label[block.dataset, value] += row.astype(np.int64)
            done += len(chunk)
    datasets = tuple(Group(name, None, n_dataset[name]) for name in by_dataset)
    ordered = sorted(by_label, key=lambda key: (list(by_dataset).index(key[0]), key[1]))
    nothing = np.zeros((0, size), np.int64)
    per_dataset = np.stack(list(by_dataset.values())) if by_dataset else nothing
    where = positions.reshape(*grid, size)
    return CodebookUse(
        splits=tuple(dict.fromkeys(block.split for block in blocks)),
        n=sum(block.count for block in blocks),
        grid=grid,
        cells=where.sum(axis=(0, 1)),
        positions=where,
        images=per_dataset.sum(axis=0),
        datasets=datasets,
        images_by_dataset=per_dataset,
        labels=tuple(Group(*key, n_label[key]) for key in ordered),
        images_by_label=np.stack([by_label[key] for key in ordered]) if ordered else nothing,
    )


def rows_containing(index: "LatentIndex", code: int) -> NDArray[np.int64]:
    """Rows of the images that contain a code, ascending."""
    step = max(1, (1 << 22) // int(np.prod(index.codes.shape[1:])))
    found = [
        start + np.flatnonzero((index.codes[start : start + step] == code).any(axis=(1, 2)))
        for start in range(0, len(index.codes), step)
    ]
    return np.concatenate(found).astype(np.int64)


def co_occurrence(codes: NDArray[np.integer[Any]], codebook_size: int) -> sparse.csr_array:
    """Images that contain both of two codes: a sparse symmetric (K, K); the diagonal holds `image_counts`.

    Args:
        codes: (N, H', W'), which may be memory-mapped.
        codebook_size: K.
    """
    together = sparse.csr_array((codebook_size, codebook_size), dtype=np.int64)
    for start in range(0, len(codes), 8192):
        flat = np.asarray(codes[start : start + 8192]).reshape(-1, codes.shape[1] * codes.shape[2])
        flat = np.sort(flat.astype(np.int64), axis=1)
        first = np.ones(flat.shape, np.bool_)
        first[:, 1:] = flat[:, 1:] != flat[:, :-1]
        bounds = np.concatenate([[0], first.sum(axis=1).cumsum()])
        ones = np.ones(bounds[-1], np.int64)
        there = sparse.csr_array((ones, flat[first], bounds), shape=(len(flat), codebook_size))
        together = together + there.T @ there
    return sparse.csr_array(together)


def has_several_labels(dataset: dict[str, Any]) -> bool:
    """Whether a data set of an index has several yes/no labels an image; of an older index, its task says so."""
    return bool(dataset.get("multi_label", str(dataset.get("task")).startswith("multi-label")))


def _membership(labels: NDArray[np.int32], multi: bool) -> tuple[list[int], NDArray[np.bool_]]:
    """Classes that occur, and which image (N, classes) is of which."""
    if not multi:
        values = np.unique(labels)
        return values.tolist(), labels[:, None] == values
    bits = [bit for bit in range(_BITS) if (labels >> bit & 1).any()]
    return bits, (labels[:, None] >> np.array(bits, np.int32)) & 1 == 1
