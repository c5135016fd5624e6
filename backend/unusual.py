"""The detector of unusual images, also where what it has learnt cannot be kept."""

import logging

from model.latent.index import LatentIndex
from model.latent.outlier_fitting import fit_outliers
from model.latent.outlier_store import open_outliers
from model.latent.outliers import OutlierDetector

logger = logging.getLogger(__name__)


def detector_of(index: LatentIndex) -> OutlierDetector:
    """The detector of an index, from the cache; fitted for this process alone where the cache has no room.

    Raises:
        NoReferences: no data set of the index can be judged against.
        IndexDamaged: the cached files are sound but do not fit the index.
    """
    try:
        return open_outliers(index)
    except OSError as error:
        logger.warning("the detector of unusual images is not kept in the cache: %s", error)
        return fit_outliers(index)
