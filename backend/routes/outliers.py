"""Whether uploaded images are outliers among the held-out images of the index."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.concurrency import run_in_threadpool

from backend import problems
from backend.dependencies import LoadedNow, SettingsNow
from backend.jobs import DESCRIBE
from backend.routes.uploads import PROBLEMS, Partial, compute_at
from backend.schemas_statistics import OutlierItem, Outliers
from backend.selection import dataset_named
from backend.unusual import detector_now, judge
from backend.uploads import REQUEST_BODY

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
    detector = await detector_now(loaded, settings.limits.request_seconds)
    sizes = detector.image_sizes
    done = await compute_at(request, loaded, settings, DESCRIBE, sizes=sizes, partial=partial)
    found = await run_in_threadpool(judge, detector, done.results, datasets)
    items = [
        OutlierItem(filename=upload.filename, **dict(one))
        for upload, one in zip(done.uploads, found, strict=True)
    ]
    return Outliers(
        model=loaded.model.version,
        index=loaded.index.version,
        image_sizes=list(sizes),
        skipped=dict(detector.skipped),
        items=done.merged(items),
    )
