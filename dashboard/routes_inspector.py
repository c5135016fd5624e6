"""What the inspector shows of an image, as markup: assets/map_inspect.js asks for its parts, all at once.

Not callbacks: between a click and its answer a callback costs the browser several times what the answer itself does.
"""

import asyncio
import re
from base64 import b64encode
from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import FastAPI
from starlette.responses import JSONResponse

from dashboard.client import ApiClient
from dashboard.client_map import cells, neighbours, standing
from dashboard.components.inspector import cell_details, inspector
from dashboard.components.inspector_more import neighbour_strip, standing_words
from dashboard.components.markup import markup
from dashboard.components.states import empty, failed
from dashboard.errors import ApiError, ApiRefused
from dashboard.state import Point

NEIGHBOURS = 8
INLINE_EDGE = 64
"""Pixels of the edge of neighbours' pictures that come with the strip; the browser asks for larger ones."""
LARGEST_INLINE = 16384
"""Bytes of such a picture."""
INLINE_SECONDS = 0.3
"""For which the strip waits for one."""
_CELL = re.compile(r"[0-9]{1,4}")
Part = Callable[[ApiClient, Point], Awaitable[dict[str, Any]]]


def add_inspector_routes(server: FastAPI, client: ApiClient) -> None:
    """Attach the routes to the server; they must come before Dash's catch-all."""

    @server.get("/inspector/{dataset}/{split}/{position}/{part}", include_in_schema=False)
    async def part(dataset: str, split: str, position: str, part: str) -> JSONResponse:
        """`markup`; of the image `sample` besides: {"point", "dataset", "label", "places": {map: place}}, or null."""
        point = Point.parse(f"{dataset}/{split}/{position}")
        if point is None or part not in PARTS:
            return _shown(
                {"markup": markup(empty("No such image", "The address names none.")), "sample": None}
            )
        try:
            return _shown(await PARTS[part](client, point))
        except ApiError as error:
            return _shown({"markup": markup(failed(error)), "failed": True})

    @server.get("/inspector/{dataset}/{split}/{position}/cells/{row}/{column}", include_in_schema=False)
    async def cell(dataset: str, split: str, position: str, row: str, column: str) -> JSONResponse:
        """`markup` of what is known about a cell of the code grid."""
        point = Point.parse(f"{dataset}/{split}/{position}")
        if point is None or not (_CELL.fullmatch(row) and _CELL.fullmatch(column)):
            return _shown({"markup": ""})
        try:
            found = await cells(client, point)
        except ApiError as error:
            return _shown({"markup": markup(failed(error))})
        asked = next((c for c in found if (c.row, c.column) == (int(row), int(column))), None)
        return _shown({"markup": markup(asked and cell_details(asked))})


def _shown(content: dict[str, Any]) -> JSONResponse:
    return JSONResponse(content, headers={"Cache-Control": "no-store"})


async def _image(client: ApiClient, point: Point) -> dict[str, Any]:
    try:
        catalogue, (index, found) = await asyncio.gather(client.catalogue(), client.sample(point))
    except ApiRefused as error:
        return {"markup": markup(empty("No such image", f"{error}")), "sample": None}
    about = catalogue.get(point.dataset)
    if about is None:  # another index has come between the two questions
        return {"markup": markup(failed("the index has just changed")), "failed": True}
    filled = inspector(
        found, index, dataset_index=about.index, image_size=about.image_size, available=about.available
    )
    ring = {"point": str(point), "dataset": found.dataset, "label": found.label, "places": found.maps}
    return {"markup": markup(filled), "sample": ring}


async def _neighbours(client: ApiClient, point: Point) -> dict[str, Any]:
    try:
        catalogue, found = await asyncio.gather(client.catalogue(), neighbours(client, point, k=NEIGHBOURS))
    except ApiRefused:
        return {"markup": ""}  # there is no such image, as the first part says
    small = [
        Point(item.dataset, item.split, item.position)
        for item in found.items
        if (about := catalogue.get(item.dataset)) and about.available and about.image_size <= INLINE_EDGE
    ]
    sources = await asyncio.gather(*(_data_url(client, near, found.index) for near in small))
    pictures = {near: source for near, source in zip(small, sources, strict=True) if source}
    asked = catalogue.get(point.dataset)
    strip = neighbour_strip(found, catalogue, pictures, multi_label=asked is not None and asked.multi_label)
    return {"markup": markup(strip)}


async def _data_url(client: ApiClient, point: Point, version: str) -> str | None:
    """A small picture itself: eight requests of the browser, and a frame for each, take longer than all else here.

    None: it is not there at once, or larger than one would think; the browser then asks for it.
    """
    try:
        async with asyncio.timeout(INLINE_SECONDS):  # the others, and the words, do not wait for slow storage
            picture = await client.picture(point, "image", version=version, etag=None)
    except (ApiError, TimeoutError):
        return None
    if len(picture.content) > LARGEST_INLINE:
        return None
    return f"data:image/png;base64,{b64encode(picture.content).decode()}"


async def _standing(client: ApiClient, point: Point) -> dict[str, Any]:
    if point.split != "test":
        return {"markup": markup(standing_words(None))}
    try:
        return {"markup": markup(standing_words(await standing(client, point)))}
    except ApiRefused as error:
        return {"markup": markup(standing_words(None, f"{error}."))}


PARTS: dict[str, Part] = {"image": _image, "neighbours": _neighbours, "standing": _standing}
"""By the last part of their address."""
