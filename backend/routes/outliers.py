"""Whether uploaded images are outliers among the held-out images of the index."""

from collections.abc import Sequence
from typing import Annotated

import numpy as np
from fastapi import APIRouter, Query, Request
from starlette.concurrency import run_in_threadpool

from backend import problems
from backend.dependencies import LoadedNow, SettingsNow
from backend.jobs import DESCRIBE, Described
from backend.routes.uploads import PROBLEMS, Partial, compute_at
from backend.schemas_statistics import OutlierItem, Outliers, OutlierVerdict
from backend.selection import dataset_named
from backend.unusual import detector_of
from backend.uploads import REQUEST_BODY, Upload
from model.latent.outlier_fitting import NoReferences
from model.latent.outliers import LatentImages, OutlierDetector

router = APIRouter(prefix="/v1", tags=["uploads"])


@router.post("/outliers", responses=problems.responses(404) | PROBLEMS, openapi_extra=REQUEST_BODY)
async def outliers(
    request: Request,
    loaded: LoadedNow,
    settings: SettingsNow,
    datasets: Annotated[
        list[str],
        Query(alias="dataset", description="Verdicts only against these data sets; repeat for several."),
    ] = [],  # noqa: B006 - FastAPI copies it
    partial: Partial = False,
) -> Outliers:
    """How unusual each image is, in the space of embeddings, among held-out images: overall and by data set."""
    for name in datasets:
        dataset_named(loaded.index, name)
    # Before the body is read: the first request fits the references, and may have to come back.
    try:
        detector = await loaded.computed.get(
            "outliers", lambda: detector_of(loaded.index), seconds=settings.limits.request_seconds
        )
    except NoReferences as error:
        raise problems.not_found(str(error)) from error
    sizes = detector.image_sizes
    done = await compute_at(request, loaded, settings, DESCRIBE, sizes=sizes, partial=partial)
    items = await run_in_threadpool(_judge, detector, done.uploads, done.results, datasets)
    return Outliers(
        model=loaded.model.version,
        index=loaded.index.version,
        image_sizes=list(sizes),
        skipped=dict(detector.skipped),
        items=done.merged(items),
    )


def _judge(
    detector: OutlierDetector,
    uploads: Sequence[Upload],
    found: Sequence[tuple[Described, ...]],
    datasets: Sequence[str],
) -> list[OutlierItem]:
    if not uploads:
        return []
    images = {
        size: _stacked(described)
        for size, described in zip(detector.image_sizes, zip(*found, strict=True), strict=True)
    }
    return [
        OutlierItem(
            filename=upload.filename,
            overall=OutlierVerdict.model_validate(judgement.overall),
            datasets=[
                OutlierVerdict.model_validate(verdict)
                for verdict in judgement.datasets
                if not datasets or verdict.reference in datasets
            ],
            most_like=judgement.most_like,
        )
        for upload, judgement in zip(uploads, detector.judge(images), strict=True)
    ]


def _stacked(found: Sequence[Described]) -> LatentImages:
    return LatentImages(
        np.stack([one.embedding for one in found]),
        np.stack([one.codes for one in found]),
        np.array([one.quantisation_error for one in found]),
        np.array([one.psnr for one in found]),
    )
