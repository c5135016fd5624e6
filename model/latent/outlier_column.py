"""How unusual each test image of an index is: the overall verdict of the detector as a column of all images."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from model.latent.outliers import LatentImages, OutlierDetector

if TYPE_CHECKING:
    from model.latent.index import LatentIndex

_CHUNK = 1024


def outlier_percentiles(detector: OutlierDetector, index: "LatentIndex") -> NDArray[np.float32]:
    """Per cent of held-out images that each image of the index is more unusual than.

    Args:
        detector: made of the same index.
        index: N images.

    Returns:
        (N,) float32 in [0, 100): 100 times ``more_unusual_than`` of the overall verdict of `OutlierDetector.judge`. NaN
        for training and validation images: the references are made of them, so that they cannot be judged by these.
    """
    held_out = np.sort(detector.strangeness)
    psnr = index.images["psnr"].to_numpy()
    quantisation_error = index.images["quantisation_error"].to_numpy()
    column = np.full(index.n, np.nan, np.float32)
    for block in index.blocks:
        if block.split != "test":
            continue
        for start in range(block.start, block.stop, _CHUNK):
            part = slice(start, min(start + _CHUNK, block.stop))
            images = LatentImages(
                np.asarray(index.embeddings[part]),
                np.asarray(index.codes[part]),
                quantisation_error[part],
                psnr[part],
            )
            strange = detector.strangeness_of(detector.measure(images)).min(axis=0)
            column[part] = 100 * np.searchsorted(held_out, strange, side="left") / (len(held_out) + 1)
    return column
