"""What a projector is given: what the model makes of images, and whom to tell how far it has come."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int64]
"""Ascending row numbers, each once."""
Progress = Callable[[str, float], None]
"""Told what is being done and the share of it that is done, in [0, 1]; an exception that it raises ends the fit."""


@dataclass(frozen=True, eq=False)
class Features:
    """N images as a projector sees them: a whole index, memory-mapped, or some new images."""

    embeddings: NDArray[np.float32]
    """(N, D)"""
    codes: NDArray[np.integer[Any]] | None = None
    """(N, H', W'), where they are known."""
    code_vectors: NDArray[np.float32] | None = None
    """(K, d): the model's codebook, where it is known; only a fit may need it."""

    def __len__(self) -> int:
        return len(self.embeddings)

    def __getitem__(self, part: slice) -> "Features":
        codes = None if self.codes is None else self.codes[part]
        return Features(self.embeddings[part], codes, self.code_vectors)


def silent(stage: str, share: float) -> None:
    """The `Progress` of a fit that nobody watches."""


def selected(array: NDArray[np.float32], rows: Rows) -> NDArray[np.float32]:
    """Some rows of an array that may be memory-mapped, copied only as far as they are looked at slice by slice.

    What comes back has a shape, a length and slices, no more: what a scan over chunks of rows needs.
    """
    if len(rows) and len(rows) == rows[-1] - rows[0] + 1:
        return array[rows[0] : rows[-1] + 1]
    return cast("NDArray[np.float32]", _Selected(array, rows))


class _Selected:
    def __init__(self, array: NDArray[np.float32], rows: Rows) -> None:
        self._array = array
        self._rows = rows
        self.shape = (len(rows), *array.shape[1:])
        self.ndim = array.ndim
        self.dtype = array.dtype

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, part: slice) -> NDArray[np.float32]:
        return self._array[self._rows[part]]
