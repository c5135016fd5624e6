"""The images inside a polygon as a table: a page of it, or all of it as a file."""

from collections.abc import Iterator
from typing import Annotated, Any, Literal

import numpy as np
from fastapi import APIRouter, Depends, Query, Response
from fastapi.responses import StreamingResponse
from numpy.typing import NDArray

from backend import problems
from backend.dependencies import LoadedNow
from backend.loading import Loaded
from backend.questions import question_body, short_question
from backend.routes.columns import NPY
from backend.schemas_selections import Rows, RowsRequest
from backend.selected import candidates, fulfilled, inside
from backend.tables import csv_file, named_table, npy_file, parquet_file
from model.latent.image_rows import ranked
from model.latent.projection import LatentMap

Form = Literal["json", "csv", "parquet", "embeddings", "codes"]
MEDIA_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "parquet": "application/vnd.apache.parquet",
    "embeddings": NPY,
    "codes": NPY,
}
_BINARY = {"schema": {"type": "string", "format": "binary"}}
router = APIRouter(prefix="/v1/selections", tags=["selections"])


@router.post(
    "/rows",
    response_model=Rows,
    responses={
        200: {"content": {name.partition(";")[0]: _BINARY for name in MEDIA_TYPES.values()}},
        **problems.responses(404, 408, 413, 415, 422, 429, 503),
    },
    openapi_extra=question_body(RowsRequest),
)
def rows(
    loaded: LoadedNow,
    asked: Annotated[RowsRequest, Depends(short_question(RowsRequest))],
    form: Annotated[
        Form,
        Query(
            alias="format",
            description="json: a page; csv, parquet: the whole table; embeddings, codes: npy, in the table's order.",
        ),
    ] = "json",
) -> Response:
    """Images inside a polygon, filtered and sorted by any column; nothing is stored."""
    index = loaded.index
    chart = index.map(asked.map)
    searched = candidates(loaded, asked).rows
    drawn = searched[inside(loaded, asked, searched)]
    kept = drawn[fulfilled(loaded, asked, drawn)]
    if asked.sort is not None:
        kept = kept[ranked(named_table(loaded, chart, kept), asked.sort, asked.order)]
    if form == "json":
        page = kept[asked.offset : asked.offset + asked.limit]
        answer = Rows(
            model=loaded.model.version,
            index=index.version,
            map=asked.map,
            n=len(drawn),
            total=len(kept),
            offset=asked.offset,
            items=[_finite(row) for row in named_table(loaded, chart, page).to_pylist()],
        )
        return Response(answer.model_dump_json(), media_type="application/json")
    return StreamingResponse(_file(loaded, chart, form, kept), media_type=MEDIA_TYPES[form])


def _file(loaded: Loaded, chart: LatentMap, form: Form, rows: NDArray[np.int64]) -> Iterator[bytes]:
    match form:
        case "csv":
            return csv_file(named_table(loaded, chart, rows))
        case "parquet":
            return parquet_file(named_table(loaded, chart, rows))
        case "embeddings":
            return npy_file(loaded.index.embeddings, rows)
        case _:
            return npy_file(loaded.index.codes, rows)


def _finite(row: dict[str, Any]) -> dict[str, Any]:
    """JSON has neither infinity nor NaN, which metadata may hold."""
    return {
        name: None if isinstance(value, float) and not np.isfinite(value) else value
        for name, value in row.items()
    }
