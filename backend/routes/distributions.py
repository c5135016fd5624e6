"""How well images are reconstructed as a whole: histograms of their figures."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from backend import caching, problems
from backend.dependencies import DatasetFilter, LabelFilter, LoadedNow, SplitFilter
from backend.schemas_distributions import Distribution, Distributions
from backend.selection import chosen_images
from model.latent.figure_histogram import figure_histograms

MOST_BINS = 200
router = APIRouter(prefix="/v1/samples", tags=["samples"])


@router.get(
    "/distributions",
    response_model=Distributions,
    responses={
        304: {"description": "The client has this version already."},
        **problems.responses(404, 422, 503),
    },
)
def distributions(
    request: Request,
    loaded: LoadedNow,
    datasets: DatasetFilter = [],  # noqa: B006 - FastAPI copies it
    splits: SplitFilter = [],  # noqa: B006
    label: LabelFilter = None,
    bins: Annotated[int, Query(ge=1, le=MOST_BINS, description="Of equal width, from least to most.")] = 40,
) -> Response:
    """Histograms of PSNR, SSIM, mean absolute and quantisation error of the images that `/v1/samples` would list."""
    # The index is all that the answer to a question depends on.
    tag = caching.etag(loaded.model.version, loaded.index.version, request.url.query)
    headers = {"ETag": tag, "Cache-Control": caching.REVALIDATE}
    if caching.matches(request, tag):
        return caching.not_modified(headers)
    rows, images = chosen_images(loaded, datasets, splits, label)
    found = figure_histograms(images, bins)
    answer = Distributions(
        model=loaded.model.version,
        index=loaded.index.version,
        n=len(rows),
        figures={name: Distribution.model_validate(one) for name, one in found.items()},
    )
    return Response(answer.model_dump_json(), headers=headers, media_type="application/json")
