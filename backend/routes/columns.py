"""Columns of the images, in the order of the index: what they are, and each as an array."""

import io
from collections.abc import Callable
from importlib.metadata import version
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Path, Request, Response
from numpy.typing import NDArray

from backend import caching, problems
from backend.dependencies import INT32_MAX, LoadedNow
from backend.loading import Loaded
from backend.schemas_columns import ColumnItem, Columns, ColumnValue
from model.latent.image_columns import LISTED, ImageColumn, column_names, contains_code, image_column

NPY = "application/x-npy"
_ARRAY: dict[int | str, dict[str, Any]] = {
    200: {"content": {NPY: {"schema": {"type": "string", "format": "binary"}}}},
    304: {"description": "The client has this version already."},
}
router = APIRouter(prefix="/v1", tags=["columns"])


@router.get(
    "/columns",
    response_model=Columns,
    responses={304: {"description": "The client has this version already."}, **problems.responses(503)},
)
def columns(request: Request, loaded: LoadedNow) -> Response:
    """What is known of each image: data set, split, label, figures of its reconstruction, metadata."""
    headers = _headers(loaded, "columns")
    if caching.matches(request, headers["ETag"]):
        return caching.not_modified(headers)
    items = [_item(loaded, _column(loaded, name)) for name in column_names(loaded.index)]
    answer = Columns(model=loaded.model.version, index=loaded.index.version, n=loaded.index.n, items=items)
    return Response(answer.model_dump_json(), headers=headers, media_type="application/json")


@router.get("/columns/{name}", response_class=Response, responses=_ARRAY | problems.responses(404, 422, 503))
def column(
    request: Request,
    loaded: LoadedNow,
    name: Annotated[str, Path(description="Name of a column of `/v1/columns`.", examples=["psnr"])],
) -> Response:
    """The values of all n images, an npy file of (n,): float32 with NaN where missing, or numbers of `values`.

    Numbers are uint16, or uint32 where there are more than 65,534 values; the largest of the type is missing.
    """
    found = _column(loaded, name)
    return _array(request, loaded, ("column", name), lambda: found.data)


@router.get(
    "/codebook/{code}/presence",
    response_class=Response,
    responses=_ARRAY | problems.responses(404, 422, 503),
)
def presence(
    request: Request,
    loaded: LoadedNow,
    code: Annotated[int, Path(ge=0, le=INT32_MAX, description="Index into the codebook.")],
) -> Response:
    """Which of all n images contain the code: an npy file of (n,) uint8, 1 or 0."""
    if code >= loaded.model.codebook_size:
        raise problems.not_found(f"codes of this model are 0 to {loaded.model.codebook_size - 1}")
    return _array(request, loaded, ("presence", str(code)), lambda: contains_code(loaded.index, code))


def _column(loaded: Loaded, name: str) -> ImageColumn:
    return image_column(loaded.index, name, lambda dataset, label: loaded.labels[dataset].name(label))


def _item(loaded: Loaded, found: ImageColumn) -> ColumnItem:
    return ColumnItem(
        name=found.name,
        title=found.title,
        kind=found.kind,
        metadata=found.name in loaded.index.metadata_columns,
        unit=found.unit,
        n_missing=int(found.missing.sum()),
        limits=found.limits,
        robust_limits=found.robust_limits,
        n_values=len(found.values),
        values=[ColumnValue.model_validate(value) for value in found.values[:LISTED]],
    )


def _array(
    request: Request, loaded: Loaded, what: tuple[str, str], make: Callable[[], NDArray[Any]]
) -> Response:
    headers = _headers(loaded, *what)
    if caching.matches(request, headers["ETag"]):
        return caching.not_modified(headers)
    return Response(npy(make()), headers=headers, media_type=NPY)


def _headers(loaded: Loaded, *what: str) -> dict[str, str]:
    # The bytes follow from these alone, so that what is unchanged costs nothing.
    tag = caching.etag(version("vqscope"), loaded.model.version, loaded.index.version, *what)
    return {"ETag": tag, "Cache-Control": caching.REVALIDATE}


def npy(array: NDArray[Any]) -> bytes:
    """An array as a file of NumPy's format, little-endian."""
    file = io.BytesIO()
    np.save(file, array.astype(array.dtype.newbyteorder("<"), copy=False), allow_pickle=False)
    return file.getvalue()
