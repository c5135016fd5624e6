"""What the detector of unusual images says, also where what it has learnt cannot be kept."""

import logging
from collections.abc import Collection, Sequence

import numpy as np

from backend import problems
from backend.jobs import Described
from backend.loading import Loaded
from backend.schemas_statistics import OutlierVerdict, Unusual
from model.latent.index import LatentIndex
from model.latent.outlier_fitting import NoReferences, fit_outliers
from model.latent.outlier_store import open_outliers
from model.latent.outliers import LatentImages, OutlierDetector

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


async def detector_now(loaded: Loaded, seconds: float) -> OutlierDetector:
    """The detector of what is served; the first request fits its references.

    Raises:
        Problem: 404 if no data set can be judged against, 503 if it is not there within ``seconds``.
    """
    try:
        return await loaded.computed.get("outliers", lambda: detector_of(loaded.index), seconds=seconds)
    except NoReferences as error:
        raise problems.not_found(str(error)) from error


def judge(
    detector: OutlierDetector, found: Sequence[tuple[Described, ...]], datasets: Collection[str] = ()
) -> list[Unusual]:
    """How unusual images are.

    Args:
        detector: whose references they are held against.
        found: of each image, what it is at each of the detector's sizes.
        datasets: only these by themselves; none: all.
    """
    if not found:
        return []
    images = {
        size: _stacked(described)
        for size, described in zip(detector.image_sizes, zip(*found, strict=True), strict=True)
    }
    return [
        Unusual(
            overall=OutlierVerdict.model_validate(judgement.overall),
            datasets=[
                OutlierVerdict.model_validate(verdict)
                for verdict in judgement.datasets
                if not datasets or verdict.reference in datasets
            ],
            most_like=judgement.most_like,
        )
        for judgement in detector.judge(images)
    ]


def _stacked(found: Sequence[Described]) -> LatentImages:
    return LatentImages(
        np.stack([one.embedding for one in found]),
        np.stack([one.codes for one in found]),
        np.array([one.quantisation_error for one in found]),
        np.array([one.psnr for one in found]),
    )
