"""How unusual the test images of the index are, as one array for all images."""

import numpy as np
from fastapi import APIRouter, Response
from numpy.typing import NDArray

from backend import problems
from backend.dependencies import LoadedNow, SettingsNow
from backend.loading import Loaded
from backend.routes.columns import NPY, npy
from backend.unusual import detector_of
from model.latent.outlier_column import outlier_percentiles
from model.latent.outlier_fitting import NoReferences

router = APIRouter(prefix="/v1", tags=["columns"])


@router.get(
    "/outliers/percentiles",
    response_class=Response,
    responses={
        200: {"content": {NPY: {"schema": {"type": "string", "format": "binary"}}}},
        **problems.responses(404, 503),
    },
)
async def percentiles(loaded: LoadedNow, settings: SettingsNow) -> Response:
    """Per cent of held-out images that each image is more unusual than: an npy file of (n,) float32.

    NaN for training and validation images, by which it is judged. The first answer takes seconds.
    """
    try:
        column = await loaded.computed.get(
            "outlier percentiles", lambda: _column(loaded), seconds=settings.limits.request_seconds
        )
    except NoReferences as error:
        raise problems.not_found(str(error)) from error
    return Response(npy(column), media_type=NPY)


def _column(loaded: Loaded) -> NDArray[np.float32]:
    return outlier_percentiles(detector_of(loaded.index), loaded.index)
