"""Routes that the map page uses besides callbacks: columns as arrays, and the selection as a file."""

import io
import re
from collections.abc import AsyncIterator, Awaitable
from contextlib import AsyncExitStack

import numpy as np
from fastapi import FastAPI, Request
from starlette.background import BackgroundTask
from starlette.responses import Response, StreamingResponse

from dashboard.client import ApiClient, Picture
from dashboard.client_map import EXPORTS, Inside, export, mask
from dashboard.errors import ApiError, ApiRefused
from dashboard.passing import etag_of, problem
from dashboard.state_map import MapView

_COLUMN = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_CODE = re.compile(r"[0-9]{1,9}")


def add_map_routes(server: FastAPI, client: ApiClient) -> None:
    """Attach the routes to the server; they must come before Dash's catch-all."""

    @server.get("/columns/{name}", include_in_schema=False)
    async def column(request: Request, name: str) -> Response:
        if not _COLUMN.fullmatch(name):
            return problem(404, "Column not available", "there is no such column")
        return await _array(request, client, f"/v1/columns/{name}")

    @server.get("/outliers", include_in_schema=False)
    async def outliers(request: Request) -> Response:
        return await _array(request, client, "/v1/outliers/percentiles")

    @server.get("/presence/{code}", include_in_schema=False)
    async def presence(request: Request, code: str) -> Response:
        if not _CODE.fullmatch(code):
            return problem(404, "Code not available", "there is no such code")
        return await _array(request, client, f"/v1/codebook/{int(code)}/presence")

    @server.get("/inside", include_in_schema=False)
    async def inside(request: Request) -> Response:
        """Which of all images the selection of an address of the map page holds, to find them on another map."""
        view = MapView.from_query(request.url.query)
        if view.polygon is None:
            return problem(422, "Selection not available", "the address names no selection")
        chosen = Inside(map=view.map, polygon=view.polygon, where=view.where)
        return await _passed_on(mask(client, chosen))

    @server.get("/points/{map}", include_in_schema=False)
    async def points(map: str, v: str | None = None) -> Response:
        """All points of a map in the order of the index: all x, float32, all y, in space all z, all labels, int32.

        The header X-VQScope-Dimensions says how many coordinates there are. Of the version `v` of the index alone:
        rows of another one are other images.
        """
        try:
            found = await client.points(map)
        except ApiRefused as error:
            return problem(error.status, "Map not available", str(error))
        except ApiError as error:
            return problem(503, "Map not available", str(error))
        if v not in (None, found.index):
            return problem(409, "Map not available", "the index has just changed")
        places = [found.x, found.y, *([] if found.z is None else [found.z])]
        columns = [column.astype("<f4").tobytes() for column in places]
        headers = {
            "Cache-Control": "no-store",  # the browser holds them while the page is open
            "X-VQScope-Dimensions": str(len(places)),
        }
        return Response(
            b"".join([*columns, found.label.astype("<i4").tobytes()]),
            headers=headers,
            media_type="application/octet-stream",
        )

    @server.get("/preservation/{map}", include_in_schema=False)
    async def preservation(map: str) -> Response:
        """Share of each image's neighbours that a map keeps."""
        try:
            found = (await client.points(map)).preservation
        except ApiRefused as error:
            return problem(error.status, "Map not available", str(error))
        except ApiError as error:
            return problem(503, "Map not available", str(error))
        if found is None:
            return problem(404, "Column not available", "the quality of this map was not measured")
        file = io.BytesIO()
        np.save(file, found, allow_pickle=False)
        headers = {"Cache-Control": "no-store"}  # a map may be measured again while the index stays
        return Response(file.getvalue(), headers=headers, media_type="application/x-npy")

    @server.get("/exports/{form}", include_in_schema=False)
    async def exported(request: Request, form: str) -> Response:
        """The selection of an address of the map page as a file."""
        view = MapView.from_query(request.url.query)
        if form not in EXPORTS:
            return problem(404, "File not available", f"a selection can be had as {', '.join(EXPORTS)}")
        inside = Inside.of(view)
        if inside is None or not view.on:
            return problem(422, "File not available", "the address names no selection, or no data sets")
        try:
            return await _file(client, inside, form, view.order)
        except ApiRefused as error:
            return problem(error.status, "File not available", str(error))
        except ApiError as error:
            return problem(503, "File not available", str(error))


async def _file(client: ApiClient, inside: Inside, form: str, order: str | None) -> Response:
    opened = AsyncExitStack()
    # Before the answer starts, so that a refusal still is one.
    pieces = await opened.enter_async_context(export(client, inside, form, order))

    async def sent() -> AsyncIterator[bytes]:
        async with opened:
            async for piece in pieces:
                yield piece

    name = f"selection-{form}.{EXPORTS[form]}" if EXPORTS[form] == "npy" else f"selection.{form}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    kinds = {"csv": "text/csv; charset=utf-8"}
    return StreamingResponse(
        sent(),
        headers=headers,
        media_type=kinds.get(form, "application/octet-stream"),
        background=BackgroundTask(opened.aclose),  # where the browser left before the first piece
    )


async def _array(request: Request, client: ApiClient, path: str) -> Response:
    return await _passed_on(client.fetch(path, etag=etag_of(request)))


async def _passed_on(asked: Awaitable[Picture]) -> Response:
    try:
        found = await asked
    except ApiRefused as error:
        return problem(error.status, "Column not available", str(error))
    except ApiError as error:
        return problem(503, "Column not available", str(error))
    return Response(found.content, found.status, headers=found.headers)
