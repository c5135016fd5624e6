"""Names of label values; a multi-label data set stores the bit mask of its classes in one integer."""

from collections.abc import Mapping
from typing import Any


def is_multi_label(dataset: Mapping[str, Any]) -> bool:
    """Whether an image of the data set may have several classes or none (as in ChestMNIST)."""
    return str(dataset["task"]).startswith("multi-label")


def label_name(dataset: Mapping[str, Any], label: int) -> str:
    """Name of a label value; of a bit mask ``A + B``, or ``none``; without a name the value itself."""
    names: Mapping[str, str] = dataset["labels"]
    if not is_multi_label(dataset):
        return names.get(str(label), str(label))
    present = [names.get(str(bit), str(bit)) for bit in range(label.bit_length()) if label >> bit & 1]
    return " + ".join(present) or "none"
