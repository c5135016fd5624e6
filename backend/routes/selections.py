"""Images inside a polygon on a map."""

from typing import Annotated

import numpy as np
from fastapi import APIRouter, Depends, Response
from numpy.typing import NDArray

from backend import problems
from backend.codebook_work import block_counts
from backend.dependencies import LoadedNow
from backend.loading import Loaded
from backend.questions import question_body, short_question
from backend.routes.columns import NPY, npy
from backend.routes.samples import sample_items
from backend.schemas_selections import PolygonRequest, Selection, SelectionPart, SelectionRequest
from backend.selected import Candidates, candidates, selected
from model.latent.composition import compose
from model.latent.enrichment import EnrichedCode, enriched_codes, image_counts

router = APIRouter(prefix="/v1/selections", tags=["selections"])


@router.post(
    "",
    responses=problems.responses(404, 408, 413, 415, 422, 429, 503),
    openapi_extra=question_body(SelectionRequest),
)
def selections(
    loaded: LoadedNow, asked: Annotated[SelectionRequest, Depends(short_question(SelectionRequest))]
) -> Selection:
    """Count what lies inside by data set and label, summarise its figures, and page through it; nothing is stored."""
    index = loaded.index
    searched = candidates(loaded, asked)
    meant = selected(loaded, asked, searched.rows)
    found = searched.rows[meant]
    known = index.figure_summaries if len(searched.rows) == index.n else None
    several = [dataset for dataset, labels in loaded.labels.items() if labels.multi]
    whole = compose(searched.images(index.images), meant, known, several=several)
    codes = _codes(loaded, searched, found, asked.codes) if asked.codes else []
    gone = {
        (one.dataset, loaded.labels[one.dataset].alone(label))
        for one in asked.without
        for label in one.labels
    }
    told = [part for part in whole.labels if (part.dataset, part.label) not in gone]
    labels = [SelectionPart.model_validate(part) for part in told]
    for part in labels:
        part.label_name = loaded.labels[part.dataset].name(part.label or 0)
    page = found[asked.offset : asked.offset + asked.limit]
    return Selection.model_validate(
        {
            "model": loaded.model.version,
            "index": index.version,
            "map": asked.map,
            "n": whole.n,
            "total": whole.total,
            "datasets": whole.datasets,
            "labels": labels,
            "figures": whole.figures,
            "figures_of_whole": whole.figures_of_whole,
            "codes": codes,
            "items": sample_items(loaded, np.asarray(page)),
        },
        from_attributes=True,
    )


@router.post(
    "/mask",
    response_class=Response,
    responses={
        200: {"content": {NPY: {"schema": {"type": "string", "format": "binary"}}}},
        **problems.responses(404, 408, 413, 415, 422, 429, 503),
    },
    openapi_extra=question_body(PolygonRequest),
)
def mask(
    loaded: LoadedNow, asked: Annotated[PolygonRequest, Depends(short_question(PolygonRequest))]
) -> Response:
    """Which of all n images of the index are selected: an npy file of (n,) uint8, 1 or 0; to find them on a map."""
    rows = candidates(loaded, asked).rows
    marks = np.zeros(loaded.index.n, np.uint8)
    marks[rows] = selected(loaded, asked, rows)
    return Response(npy(marks), media_type=NPY)


def _codes(loaded: Loaded, searched: Candidates, found: NDArray[np.int64], limit: int) -> list[EnrichedCode]:
    """Codes that the selection has more often than the rest; the images of whole blocks were counted before."""
    codes, size = loaded.index.codes, loaded.model.codebook_size
    places = [place for place, block in enumerate(loaded.index.blocks) if block in searched.blocks]
    totals = block_counts(loaded).value()[places].sum(axis=0)
    if len(searched.left_out):
        totals = totals - image_counts(codes, size, searched.left_out)
    return enriched_codes(
        codes, found, codebook_size=size, background=searched.rows, totals=totals, limit=limit
    )
