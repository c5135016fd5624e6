"""Labels of data sets with several yes/no classes an image, which an index keeps as the bit mask of them."""

import numpy as np
from numpy.typing import NDArray


def class_by_class(
    labels: NDArray[np.int32], masks: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Take bit masks apart: an image of n classes becomes n rows, each with the mask of one class.

    Args:
        labels: (N,)
        masks: (N,) which labels are bit masks; the others, and those of no class, stay one row.

    Returns:
        (M,) the image of each row, and (M,) its label; the rows of one class in the order of the images.
    """
    split = masks & (labels > 0)
    places = np.flatnonzero(split)
    values = labels[places]
    rows, found = [np.flatnonzero(~split)], [labels[~split]]
    for bit in range(int(values.max(initial=0)).bit_length()):
        having = places[values >> bit & 1 == 1]
        rows.append(having)
        found.append(np.full(len(having), 1 << bit, np.int32))
    return np.concatenate(rows), np.concatenate(found)
