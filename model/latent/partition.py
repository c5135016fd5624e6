"""The rows of each of many groups, found in one go."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def parts_of(values: NDArray[Any], codes: NDArray[np.integer[Any]], count: int) -> list[NDArray[Any]]:
    """Rows of ``values`` by group: views where each group's rows lie together and in order, copies otherwise.

    Args:
        values: (n, …).
        codes: (n,) number of each row's group, from 0; negative: of none.
        count: how many groups there are.
    """
    # One stable sort instead of one pass over all rows per group; keys of 16 bits are sorted in linear time.
    if (codes[1:] < codes[:-1]).any():
        keys = (codes + 1).astype(np.uint16) if count < 1 << 16 else codes
        values = np.take(values, np.argsort(keys, kind="stable"), axis=0)
    counts = np.bincount(codes + 1, minlength=count + 1)
    return np.split(values, np.cumsum(counts)[:-1])[1:] if len(counts) > 1 else []
