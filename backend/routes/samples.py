"""The images of the index: lists of them, one with its codes, and their pictures."""

from typing import Annotated, Any, Literal

import numpy as np
import pyarrow as pa
from fastapi import APIRouter, Path, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from backend import caching, problems
from backend.batching import results
from backend.dependencies import (
    INT32_MAX,
    DatasetFilter,
    DatasetName,
    LabelFilter,
    LoadedNow,
    PictureVersion,
    Position,
    SettingsNow,
    SplitFilter,
)
from backend.jobs import DECODE, CodedImage, Picture
from backend.loading import Loaded
from backend.pictures import png
from backend.schemas import Sample, Samples
from backend.selection import chosen_images, dataset_named
from backend.settings import Settings
from backend.waiting import attend
from model.data.npz import Split
from model.latent.figure_percentiles import figure_percentiles
from model.latent.index import LatentIndex
from model.metrics import error_map

SortKey = Literal["position", "psnr", "ssim", "mae", "quantisation_error"]
PictureKind = Literal["image", "reconstruction", "error"]
router = APIRouter(prefix="/v1/samples", tags=["samples"])


@router.get("", responses=problems.responses(404, 422, 503))
def samples(
    loaded: LoadedNow,
    datasets: DatasetFilter = [],  # noqa: B006 - FastAPI copies it
    splits: SplitFilter = [],  # noqa: B006
    label: LabelFilter = None,
    sort: Annotated[SortKey, Query(description="position: in the order of the index.")] = "position",
    order: Literal["asc", "desc"] = "asc",
    offset: Annotated[int, Query(ge=0, le=INT32_MAX)] = 0,
    limit: Annotated[int, Query(ge=1, le=200)] = 24,
) -> Samples:
    """Page through images of the index, sorted by how well they are reconstructed if so wished."""
    index = loaded.index
    rows, images = chosen_images(loaded, datasets, splits, label)
    keys = rows if sort == "position" else np.asarray(images[sort])
    ranked = np.argsort(keys if order == "asc" else -keys, kind="stable")
    page = rows[ranked[offset : offset + limit]]
    items = sample_items(loaded, page)
    return Samples.model_validate(
        {
            "model": loaded.model.version,
            "index": index.version,
            "total": len(rows),
            "offset": offset,
            "limit": limit,
            "items": items,
        }
    )


@router.get("/{dataset}/{split}/{position}", responses=problems.responses(404, 422, 503))
def sample(loaded: LoadedNow, dataset: DatasetName, split: Split, position: Position) -> Sample:
    """One image's label, figures and where they stand, codes and place on every map."""
    index = loaded.index
    row = row_of(index, dataset, split, position)
    standing = figure_percentiles(index, row)
    return Sample.model_validate(
        {
            "model": loaded.model.version,
            "index": index.version,
            **sample_items(loaded, np.array([row]))[0],
            "percentiles": {"n": standing.n, **standing.percentiles},
            "codes": index.codes[row].tolist(),
            "maps": {name: index.map(name).coordinates[row].tolist() for name in index.map_names},
        }
    )


@router.get(
    "/{dataset}/{split}/{position}/{kind}",
    response_class=Response,
    responses={
        200: {"content": {"image/png": {"schema": {"type": "string", "format": "binary"}}}},
        304: {"description": "The client has this version already."},
        **problems.responses(404, 422, 429, 503),
    },
)
async def picture(
    request: Request,
    loaded: LoadedNow,
    settings: SettingsNow,
    dataset: DatasetName,
    split: Split,
    position: Position,
    kind: Annotated[
        PictureKind, Path(description="The original, its reconstruction, or the error between them.")
    ],
    version: PictureVersion = None,
) -> Response:
    """A picture of an image of the index, PNG at native size, grey where the original is grey."""
    row = row_of(loaded.index, dataset, split, position)
    key = (kind, row)
    made = loaded.pictures.get(key)
    if made is None:
        image = original_of(loaded, dataset, split, position)
        made = await _make(request, loaded, settings, kind, row, image)
        loaded.pictures.put(key, made)
    return caching.picture(request, made, forever=version == loaded.index.version)


def sample_items(loaded: Loaded, rows: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - (n,) integers
    """Rows of the table of images as JSON knows them, each with the name of its label."""
    items: list[dict[str, Any]] = loaded.index.images.take(pa.array(rows, pa.int64())).to_pylist()
    for item in items:
        item["label_name"] = loaded.labels[item["dataset"]].name(item["label"])
    return items


def row_of(index: LatentIndex, dataset: str, split: str, position: int) -> int:
    """The row of an image; the problem 404 where there is none."""
    dataset_named(index, dataset)
    return index.row(dataset, split, position)


def original_of(loaded: Loaded, dataset: str, split: str, position: int) -> Picture:
    """An image of the index as its file holds it; the problem 404 where that is not at hand."""
    if dataset in loaded.missing:
        raise problems.not_found(
            f"the images of {dataset} are not in the data folder of the service, or not as they were indexed"
        )
    return np.asarray(loaded.splits[dataset, split].images[position])


async def _make(
    request: Request, loaded: Loaded, settings: Settings, kind: PictureKind, row: int, image: Picture
) -> bytes:
    if kind == "image":
        return await run_in_threadpool(png, image)
    coded = CodedImage(np.asarray(loaded.index.codes[row]), image)
    with loaded.batcher.slots():
        (reconstruction,) = await attend(
            request, results(loaded.batcher, DECODE, [coded]), seconds=settings.limits.request_seconds
        )
    if kind == "reconstruction":
        return await run_in_threadpool(png, reconstruction)
    return await run_in_threadpool(lambda: png(error_map(image[None], reconstruction[None])[0]))
