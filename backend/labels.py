"""What label values mean; a multi-label data set stores the bit mask of its classes in one integer."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.latent.index import LatentIndex

_BITS = 31
"""An int32 without its sign."""


@dataclass(frozen=True)
class Labels:
    """The labels of a data set of the index."""

    names: Mapping[str, str]
    """Class names, by class as text."""
    multi: bool
    """Whether an image may have several classes or none (as in ChestMNIST): its value is their bit mask."""

    def name(self, value: int) -> str:
        """Name of a label value; of a bit mask ``A + B``, or ``none``; without a name the value itself."""
        if not self.multi:
            return self.names.get(str(value), str(value))
        present = [self.names.get(str(bit), str(bit)) for bit in range(_BITS) if value >> bit & 1]
        return " + ".join(present) or "none"

    def class_name(self, value: int) -> str:
        """Name of a class itself, also where an image may have several."""
        return self.names.get(str(value), str(value))

    def alone(self, label: int) -> int:
        """The value of an image of this label alone; -1 stands for having none, where that may be."""
        if not self.multi:
            return label
        return 0 if label == -1 else 1 << label if 0 <= label < _BITS else -1

    def having(self, values: NDArray[np.int32], label: int) -> NDArray[np.bool_]:
        """Which images (n,) are of a class; in a multi-label data set the class may be one among others."""
        kept: NDArray[np.bool_] = values == label
        if self.multi:
            kept = (values >> label) % 2 == 1 if 0 <= label < _BITS else np.zeros_like(kept)
        return kept

    def all_among(self, values: NDArray[np.int32], labels: Collection[int]) -> NDArray[np.bool_]:
        """Of which images (n,) every label is one of these; -1 among them stands for having none, where that may be."""
        if not self.multi:
            return np.isin(values, list(labels))
        mask = sum(1 << label for label in set(labels) if 0 <= label < _BITS)
        found: NDArray[np.bool_] = np.where(values == 0, -1 in labels, values & ~np.int64(mask) == 0)
        return found

    def agree(self, value: int, other: int) -> bool:
        """Whether values of two images agree: are equal, or in a multi-label data set have a class in common."""
        if self.multi and value and other:
            return value & other != 0
        return value == other


def labels_of(index: LatentIndex) -> dict[str, Labels]:
    """Labels of each data set of an index, by its name.

    What the file holds decides whether there are several an image; of an index that does not say, the task.
    """
    return {
        dataset["name"]: Labels(
            dataset["labels"],
            dataset.get("multi_label", str(dataset["task"]).startswith("multi-label")),
        )
        for dataset in index.datasets
    }
