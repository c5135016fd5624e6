"""The codebook: what each code is used for, which data sets and classes go with it, what it looks like."""

from typing import Annotated, Any, Literal

import numpy as np
import pyarrow as pa
from fastapi import APIRouter, Path, Query, Request, Response
from numpy.typing import NDArray
from starlette.concurrency import run_in_threadpool

from backend import caching, problems
from backend.batching import results
from backend.codebook_work import filled_with, image_of
from backend.codebook_work import summary as summary_of
from backend.dependencies import (
    INT32_MAX,
    DatasetFilter,
    LoadedNow,
    PictureVersion,
    SettingsNow,
    SplitFilter,
)
from backend.jobs import CELL_ERRORS, DECODE, Picture
from backend.loading import Loaded
from backend.pictures import png
from backend.routes.maps import ARROW
from backend.routes.samples import sample_items
from backend.schemas import Samples
from backend.schemas_statistics import Codebook, CodeDetails, CodeItem, Companion, GroupUse, Patches
from backend.selection import chosen_blocks, rows_of
from backend.settings import Settings
from backend.waiting import attend
from model.latent import codebook_summary
from model.latent.code_patches import CANDIDATES, Patch, contact_sheet, crop, draw_candidates, nearest_patches
from model.latent.codebook import rows_containing
from model.latent.codebook_summary import CodebookSummary
from model.latent.companions import companions

router = APIRouter(prefix="/v1/codebook", tags=["codebook"])
CodeNumber = Annotated[int, Path(ge=0, le=INT32_MAX, description="Index into the codebook.")]
PatchCount = Annotated[int, Query(ge=1, le=48, description="At most so many patches.")]
PNG: dict[int | str, dict[str, Any]] = {
    200: {"content": {"image/png": {"schema": {"type": "string", "format": "binary"}}}},
    304: {"description": "The client has this version already."},
}


@router.get(
    "",
    response_model=Codebook,
    responses={
        200: {"content": {ARROW: {"schema": {"type": "string", "format": "binary"}}}},
        **problems.responses(422, 429, 503),
    },
)
async def codebook(
    request: Request,
    loaded: LoadedNow,
    settings: SettingsNow,
    sort: Annotated[
        Literal["code", "rank", "images"],
        Query(description="rank: neighbours alike; images: most used first."),
    ] = "code",
    offset: Annotated[int, Query(ge=0, le=INT32_MAX, description="Of JSON; Arrow holds all codes.")] = 0,
    limit: Annotated[int, Query(ge=1, le=4096, description="Of JSON; Arrow holds all codes.")] = 1024,
    form: Annotated[
        Literal["json", "arrow"] | None, Query(alias="format", description="Overrules the Accept header.")
    ] = None,
) -> Response:
    """All codes, a line each: use, and the data set and class that go with each (exact tests, corrected)."""
    summary = await _summary(loaded, settings)
    if form is None:
        form = "arrow" if ARROW in request.headers.get("accept", "") else "json"
    return await run_in_threadpool(_list, loaded, summary, form, sort, offset, limit)


@router.get("/{code}", responses=problems.responses(404, 422, 429, 503))
async def details(loaded: LoadedNow, settings: SettingsNow, code: CodeNumber) -> CodeDetails:
    """One code: use by data set and class with tests and intervals, where in the image, and with which other codes."""
    _check(loaded, code)
    summary = await _summary(loaded, settings)
    return await run_in_threadpool(_details, loaded, summary, code)


@router.get("/{code}/images", responses=problems.responses(404, 422, 503))
def images(
    loaded: LoadedNow,
    code: CodeNumber,
    datasets: DatasetFilter = [],  # noqa: B006 - FastAPI copies it
    splits: SplitFilter = [],  # noqa: B006
    offset: Annotated[int, Query(ge=0, le=INT32_MAX)] = 0,
    limit: Annotated[int, Query(ge=1, le=200)] = 24,
) -> Samples:
    """Page through the images that contain a code, in the order of the index."""
    _check(loaded, code)
    rows = rows_containing(loaded.index, code)
    if datasets or splits:
        chosen = rows_of(chosen_blocks(loaded.index, datasets, splits))
        rows = np.intersect1d(rows, chosen, assume_unique=True)
    page = rows[offset : offset + limit]
    return Samples.model_validate(
        {
            **_sources(loaded),
            "total": len(rows),
            "offset": offset,
            "limit": limit,
            "items": sample_items(loaded, page),
        }
    )


@router.get(
    "/{code}/prototype",
    response_class=Response,
    responses={**PNG, **problems.responses(404, 422, 429, 503)},
)
async def prototype(
    request: Request,
    loaded: LoadedNow,
    settings: SettingsNow,
    code: CodeNumber,
    version: PictureVersion = None,
) -> Response:
    """What the decoder makes of a grid filled with the code: PNG at the model's image size."""
    _check(loaded, code)
    made = loaded.pictures.get(("prototype", code))
    if made is None:
        filled = filled_with(loaded, [code])
        with loaded.batcher.slots():
            (picture,) = await attend(
                request, results(loaded.batcher, DECODE, filled), seconds=settings.limits.request_seconds
            )
        made = await run_in_threadpool(png, picture)
        loaded.pictures.put(("prototype", code), made)
    return caching.picture(request, made, forever=version == loaded.index.version)


@router.get("/{code}/patches", responses=problems.responses(404, 422, 429, 503))
async def patches(
    request: Request, loaded: LoadedNow, settings: SettingsNow, code: CodeNumber, k: PatchCount = 12
) -> Patches:
    """The cells whose latents lie nearest to the code's vector, one of an image, among images drawn at random."""
    _check(loaded, code)
    containing, rows, found = await _nearest(request, loaded, settings, code, k)
    names = sample_items(loaded, rows[[patch.candidate for patch in found]]) if found else []
    items = [
        {**name, "row": patch.row, "column": patch.column, "distance": patch.distance}
        for name, patch in zip(names, found, strict=True)
    ]
    return Patches.model_validate(
        {
            **_sources(loaded),
            "code": code,
            "containing": containing,
            "searched": len(rows),
            "items": items,
        }
    )


@router.get(
    "/{code}/patches/sheet",
    response_class=Response,
    responses={**PNG, **problems.responses(404, 422, 429, 503)},
)
async def sheet(
    request: Request,
    loaded: LoadedNow,
    settings: SettingsNow,
    code: CodeNumber,
    k: PatchCount = 12,
    version: PictureVersion = None,
) -> Response:
    """The same patches as one PNG, six in a row, nearest first: each the cell and one cell around it."""
    _check(loaded, code)
    made = loaded.pictures.get(("patches", code, k))
    if made is None:
        _, rows, found = await _nearest(request, loaded, settings, code, k)
        if not found:
            raise problems.not_found(f"no image that can be shown contains code {code}")
        made = await run_in_threadpool(_sheet, loaded, rows, found)
        loaded.pictures.put(("patches", code, k), made)
    return caching.picture(request, made, forever=version == loaded.index.version)


async def _summary(loaded: Loaded, settings: Settings) -> CodebookSummary:
    return await loaded.computed.get(
        "codebook", summary_of(loaded).value, seconds=settings.limits.request_seconds
    )


def _check(loaded: Loaded, code: int) -> None:
    if code >= loaded.model.codebook_size:
        raise problems.not_found(
            f"there is no code {code}: the codebook has 0 to {loaded.model.codebook_size - 1}"
        )


def _sources(loaded: Loaded) -> dict[str, str]:
    return {"model": loaded.model.version, "index": loaded.index.version}


def _list(
    loaded: Loaded, summary: CodebookSummary, form: str, sort: str, offset: int, limit: int
) -> Response:
    table = summary.table()
    values = zip(table["label_of"].to_pylist(), table["label"].to_pylist(), strict=True)
    names = [None if of is None else loaded.labels[of].class_name(label) for of, label in values]
    table = table.append_column("label_name", pa.array(names, pa.string()))
    if form == "arrow":
        table = table.replace_schema_metadata(_sources(loaded))
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
        return Response(bytes(sink.getvalue()), media_type=ARROW, headers={"Vary": "Accept"})
    keys = {"code": table["code"], "rank": table["rank"], "images": table["images"]}[sort].to_numpy()
    order = np.argsort(-keys if sort == "images" else keys, kind="stable")[offset : offset + limit]
    use = summary.use
    answer = Codebook(
        **_sources(loaded),
        codebook_size=use.codebook_size,
        n=use.n,
        perplexity=use.perplexity,
        dead=use.dead.tolist(),
        offset=offset,
        limit=limit,
        items=[CodeItem.model_validate(row) for row in table.take(pa.array(order)).to_pylist()],
    )
    return Response(answer.model_dump_json(), media_type="application/json", headers={"Vary": "Accept"})


def _details(loaded: Loaded, summary: CodebookSummary, code: int) -> CodeDetails:
    use, rank = summary.use, int(summary.rank[code])
    beside = summary.order[max(0, rank - 1) : rank + 2]
    rows = rows_containing(loaded.index, code)
    return CodeDetails(
        **_sources(loaded),
        code=code,
        rank=rank,
        similar=[other for other in beside.tolist() if other != code],
        cells=int(use.cells[code]),
        images=int(use.images[code]),
        share=float(use.images[code] / use.n),
        positions=use.positions[:, :, code].tolist(),
        by_dataset=[_group(loaded, use_) for use_ in summary.datasets_of(code)],
        by_label=[_group(loaded, use_) for use_ in summary.labels_of(code)],
        companions=[Companion.model_validate(other) for other in companions(loaded.index, use, code, rows)],
    )


def _group(loaded: Loaded, use: codebook_summary.GroupUse) -> GroupUse:
    group = use.group
    name = None if group.label is None else loaded.labels[group.dataset].class_name(group.label)
    figures = {key: value for key, value in vars(use).items() if key != "group"}
    return GroupUse(dataset=group.dataset, label=group.label, label_name=name, n=group.n, **figures)


async def _nearest(
    request: Request, loaded: Loaded, settings: Settings, code: int, k: int
) -> tuple[int, NDArray[np.int64], list[Patch]]:
    """How many images contain the code, the rows searched, and the patches."""
    containing, rows, pictures = await run_in_threadpool(_candidates, loaded, settings, code)
    if not pictures:
        return containing, rows, []
    # No more than an upload may hold: one request must not fill the queue.
    with loaded.batcher.slots(len(pictures)):
        cells = await attend(
            request,
            results(loaded.batcher, CELL_ERRORS, pictures),
            seconds=settings.limits.request_seconds,
        )
    found = nearest_patches([one.codes for one in cells], [one.errors for one in cells], code, k=k)
    return containing, rows, found


def _candidates(
    loaded: Loaded, settings: Settings, code: int
) -> tuple[int, NDArray[np.int64], list[Picture]]:
    containing = rows_containing(loaded.index, code)
    shown = [block for block in loaded.index.blocks if block.dataset not in loaded.missing]
    rows = np.intersect1d(containing, rows_of(shown), assume_unique=True)
    rows = draw_candidates(rows, at_most=min(CANDIDATES, settings.limits.images_per_request))
    return len(containing), rows, [image_of(loaded, row) for row in rows.tolist()]


def _sheet(loaded: Loaded, rows: NDArray[np.int64], found: list[Patch]) -> bytes:
    patches = [
        crop(image_of(loaded, int(rows[patch.candidate])), loaded.model.code_grid, patch.row, patch.column)
        for patch in found
    ]
    return png(contact_sheet(patches))
