"""Whether uploaded images are outliers among the held-out images of the index."""

from typing import Annotated

from fastapi import APIRouter, Query, Request

from backend import problems
from backend.dependencies import LoadedNow, SettingsNow
from backend.jobs import DESCRIBE, Described
from backend.routes.uploads import PROBLEMS, Done, Partial, compute_at
from backend.schemas import FailedItem
from backend.schemas_statistics import OutlierItem, Outliers
from backend.selection import dataset_named
from backend.unusual import detector_now, judge
from backend.uploads import REQUEST_BODY
from backend.waiting import aside

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

    async def judged(done: Done[tuple[Described, ...]]) -> list[OutlierItem | FailedItem]:
        found = await aside(request, lambda: judge(detector, done.results, datasets))
        items = [
            OutlierItem(filename=upload.filename, **dict(one))
            for upload, one in zip(done.uploads, found, strict=True)
        ]
        return done.merged(items)

    return Outliers(
        model=loaded.model.version,
        index=loaded.index.version,
        image_sizes=list(sizes),
        skipped=dict(detector.skipped),
        items=await compute_at(request, loaded, settings, DESCRIBE, judged, sizes=sizes, partial=partial),
    )
