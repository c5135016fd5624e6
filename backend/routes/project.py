"""Where uploaded images lie on a fitted map, among which images, in whose ellipses, and how unusual they are."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Query, Request

from backend import problems
from backend.batching import Job
from backend.dependencies import LoadedNow, SettingsNow
from backend.jobs import DESCRIBE, ENCODE, Described, Encoded, Picture
from backend.loading import Loaded
from backend.routes.samples import sample_items
from backend.routes.uploads import PROBLEMS, Done, Partial, compute_at
from backend.schemas import FailedItem
from backend.schemas_project import Projected, ProjectItem
from backend.unusual import detector_now, judge
from backend.uploads import REQUEST_BODY, Upload
from backend.waiting import aside
from model.latent.ellipse import Ellipse, EllipseKind, fit_parts
from model.latent.index import LatentIndex
from model.latent.neighbours import Metric, nearest

router = APIRouter(prefix="/v1", tags=["uploads"])


@router.post("/project", responses=problems.responses(404) | PROBLEMS, openapi_extra=REQUEST_BODY)
async def project(
    request: Request,
    loaded: LoadedNow,
    settings: SettingsNow,
    map: Annotated[str, Query(description="Name of a map of the index.")] = "pca",
    k: Annotated[int, Query(ge=1, le=200, description="Number of neighbours.")] = 10,
    metric: Annotated[Metric, Query(description="Distance between embeddings.")] = "cosine",
    partial: Partial = False,
    kind: Annotated[
        EllipseKind, Query(description="Of the ellipses that may contain the place.")
    ] = "prediction",
    level: Annotated[
        float, Query(gt=0, le=0.9999, description="Nominal coverage of these; not used by sigma (k = 3).")
    ] = 0.95,
    outliers: Annotated[
        bool, Query(description="Also say how unusual each image is; each is decoded for it too.")
    ] = False,
) -> Projected:
    """Each image's place on a fitted map, the ellipses that contain it, and its nearest images in latent space."""
    loaded.index.map(map)  # a wrong name is told before the body is read
    detector = await detector_now(loaded, settings.limits.request_seconds) if outliers else None
    judged = detector.image_sizes if detector else ()
    own = loaded.model.image_size
    sizes = [*judged, *([] if own in judged else [own])]

    async def placed(done: Done[tuple[Any, ...]]) -> list[ProjectItem | FailedItem]:
        def work() -> list[ProjectItem | FailedItem]:
            encoded = [found[sizes.index(own)] for found in done.results]
            items = _place(loaded, map, k, metric, done.uploads, encoded)
            if detector is not None:
                unusual = judge(detector, [found[: len(judged)] for found in done.results])
                for item, verdict in zip(items, unusual, strict=True):
                    item.outlier = verdict
            _tell_regions(items, _regions(loaded.index, map, kind, level))
            return done.merged(items)

        return await aside(request, work)

    job: Job[Picture, Any] = DESCRIBE if outliers else ENCODE
    found = await compute_at(request, loaded, settings, job, placed, sizes=sizes, partial=partial)
    return Projected(model=loaded.model.version, index=loaded.index.version, map=map, items=found)


def _tell_regions(items: Sequence[ProjectItem], regions: Mapping[str, Ellipse]) -> None:
    for item in items:
        place = [(item.x, item.y) if item.z is None else (item.x, item.y, item.z)]
        item.inside = [name for name, region in regions.items() if region.contains(place)[0]]


def _place(
    loaded: Loaded,
    name: str,
    k: int,
    metric: Metric,
    uploads: Sequence[Upload],
    results: Sequence[Encoded | Described],
) -> list[ProjectItem]:
    if not uploads:
        return []
    index = loaded.index
    embeddings = np.stack([result.embedding for result in results])
    places = index.project(embeddings, map=name, codes=np.stack([result.codes for result in results]))
    rows, distances = nearest(index.embeddings, embeddings, k=k, metric=metric, squares=index.squared_lengths)
    items = []
    for upload, place, near, far in zip(uploads, places, rows, distances, strict=True):
        names = sample_items(loaded, near)
        neighbours = [
            {**item, "distance": distance, **dict(zip("xyz", there, strict=False))}
            for item, distance, there in zip(
                names, far.tolist(), index.map(name).coordinates[near].tolist(), strict=True
            )
        ]
        items.append(
            ProjectItem.model_validate(
                {
                    "filename": upload.filename,
                    **dict(zip("xyz", place.tolist(), strict=False)),
                    "neighbours": neighbours,
                    "inside": [],
                }
            )
        )
    return items


def _regions(index: LatentIndex, name: str, kind: EllipseKind, level: float) -> dict[str, Ellipse]:
    """The ellipses of the data sets on a map, as `/v1/maps/{map}/ellipses` has them; those that could be fitted."""
    chart = index.map(name)
    names = [str(dataset["name"]) for dataset in index.datasets]
    parts = [
        np.concatenate([chart.coordinates[b.start : b.stop] for b in index.blocks if b.dataset == one])
        for one in names
    ]
    fitted = fit_parts(parts, kind=kind, level=level, k=3.0, meaningful=chart.keeps_proportions)
    return {one: region for one, region in zip(names, fitted, strict=True) if region.center is not None}
