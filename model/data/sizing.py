"""Bringing pictures to the size that a model, or a set of references, has."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image


def fit(picture: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """Bring a picture (H, W) or (H, W, 3) to size x size pixels (antialiased bilinear); grey stays grey."""
    if picture.shape[:2] == (size, size):
        return picture
    return np.array(Image.fromarray(picture).resize((size, size), Image.Resampling.BILINEAR))
