"""The maps of the index and their points, as JSON or as an Arrow stream."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from importlib.metadata import version
from typing import Annotated, Literal, get_args

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from fastapi import APIRouter, Query, Request, Response

from backend import caching, problems
from backend.dependencies import DatasetFilter, LoadedNow, MapName, SettingsNow, SplitFilter
from backend.loading import Loaded
from backend.map_jobs import may_fit
from backend.schemas import MapItem, Maps, Points
from backend.schemas_maps import Fittable, MethodItem, ParameterItem, Stability
from backend.selection import chosen_blocks, rows_of, table_of
from model.latent.manifest import Block
from model.latent.map_settings import options
from model.latent.projection import LatentMap, method_class

_PIECE = 8192
"""Values of a column, in JSON."""
ARROW = "application/vnd.apache.arrow.stream"
router = APIRouter(prefix="/v1/maps", tags=["maps"])


@router.get("", responses=problems.responses(503))
async def maps(loaded: LoadedNow, settings: SettingsNow) -> Maps:
    """The maps, and what their axes mean; and the methods that others can be fitted with."""
    items = [_describe(loaded.index.map(name)) for name in loaded.index.map_names]
    methods = [_method(name) for name in get_args(Fittable)] if may_fit(settings) else []
    return Maps(model=loaded.model.version, index=loaded.index.version, items=items, methods=methods)


@router.get(
    "/{map}/points",
    response_model=Points,
    responses={
        200: {"content": {ARROW: {"schema": {"type": "string", "format": "binary"}}}},
        304: {"description": "The client has this version already."},
        **problems.responses(404, 422, 503),
    },
)
def points(
    request: Request,
    loaded: LoadedNow,
    map: MapName,
    datasets: DatasetFilter = [],  # noqa: B006 - FastAPI copies it
    splits: SplitFilter = [],  # noqa: B006
    form: Annotated[
        Literal["json", "arrow"] | None, Query(alias="format", description="Overrules the Accept header.")
    ] = None,
) -> Response:
    """Points of a map with their data set, split, position, label, and how well the map keeps their neighbourhood.

    Many are best had as Arrow.
    """
    chart = loaded.index.map(map)
    chosen = chosen_blocks(loaded.index, datasets, splits)
    if form is None:
        form = "arrow" if ARROW in request.headers.get("accept", "") else "json"
    # A map may be measured, or measured otherwise, while the index stays the same.
    measured = None if chart.quality is None else asdict(chart.quality)
    names = json.dumps([map, form, [(block.dataset, block.split) for block in chosen], measured])
    # The bytes follow from these alone, so that an unchanged map costs nothing.
    tag = caching.etag(
        version("vqscope"),
        version("pyarrow"),
        loaded.model.version,
        loaded.index.version,
        chart.version,
        names,
    )
    headers = {"ETag": tag, "Cache-Control": caching.REVALIDATE, "Vary": "Accept"}
    if caching.matches(request, tag):
        return caching.not_modified(headers)
    table = _table(loaded, chart, chosen)
    if form == "arrow":
        return Response(_arrow(loaded, map, table), headers=headers, media_type=ARROW)
    return Response("".join(_json(loaded, map, table)), headers=headers, media_type="application/json")


def _describe(chart: LatentMap) -> MapItem:
    ratio = chart.explained_variance_ratio
    return MapItem(
        name=chart.name,
        version=chart.version,
        method=chart.method,
        parameters=dict(chart.parameters),
        dimensions=chart.dimensions,
        n=len(chart.coordinates),
        fitted_on=chart.fitted_on,
        n_fitted=chart.n_fitted,
        keeps_proportions=chart.keeps_proportions,
        explained_variance_ratio=None if ratio is None else [float(share) for share in ratio],
        axis_labels=list(chart.axis_labels),
        stability=Stability.model_validate(chart.quality.stability)
        if chart.quality and chart.quality.stability
        else None,
    )


def _method(name: str) -> MethodItem:
    parameters = [
        ParameterItem(
            name=one.name,
            type=one.type_name,
            default=one.default,
            choices=list(one.choices),
            low=one.low,
            high=one.high,
            help=one.help,
        )
        for one in options(method_class(name).settings_type)
    ]
    return MethodItem(name=name, parameters=parameters)


def _table(loaded: Loaded, chart: LatentMap, chosen: list[Block]) -> pa.Table:
    rows = rows_of(chosen)
    coordinates = np.asarray(chart.coordinates[rows], np.float32)
    images = table_of(loaded.index.images, chosen)
    columns = {
        **{axis: pa.array(place) for axis, place in zip("xyz", coordinates.T, strict=False)},
        **{name: images[name] for name in ("dataset", "split", "position", "label")},
    }
    if chart.preservation is not None:
        columns["preservation"] = pa.array(np.asarray(chart.preservation[rows], np.float32))
    return pa.table(columns)


def _finite(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """JSON has neither infinity nor NaN, which a map may hold: null takes their place."""
    if not pa.types.is_floating(column.type):
        return column
    return pc.if_else(pc.is_finite(column), column, pa.scalar(None, column.type))


def _json(loaded: Loaded, name: str, table: pa.Table) -> Iterator[str]:
    """`Points` in pieces: written at once, many would hold the interpreter, and all other requests, for a second."""
    facts = {"model": loaded.model.version, "index": loaded.index.version, "map": name, "n": table.num_rows}
    yield json.dumps(facts)[:-1] + ', "columns": {'
    for number, column in enumerate(table.column_names):
        yield (", " if number else "") + json.dumps(column) + ": ["
        values = _finite(table[column])
        for start in range(0, table.num_rows, _PIECE):
            piece = json.dumps(values.slice(start, _PIECE).to_pylist(), allow_nan=False)[1:-1]
            yield ", " + piece if start else piece
        yield "]"
    yield "}}"


def _arrow(loaded: Loaded, name: str, table: pa.Table) -> bytes:
    table = table.replace_schema_metadata(
        {"model": loaded.model.version, "index": loaded.index.version, "map": name}
    )
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table.unify_dictionaries().combine_chunks())
    return bytes(sink.getvalue())
