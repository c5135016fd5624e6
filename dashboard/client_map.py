"""What the map page asks of the service besides points and ellipses."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from dashboard.answers_map import Cell, Column, Columns, Neighbours, Selection, Standing
from dashboard.answers_quality import MapQuality
from dashboard.client import ApiClient, Picture
from dashboard.state import Point
from dashboard.state_map import MapView, Polygon
from dashboard.state_where import Where

EXPORTS = {"csv": "csv", "parquet": "parquet", "embeddings": "npy", "codes": "npy"}
"""Files that a selection can be had as, and how their names end."""


@dataclass(frozen=True, kw_only=True)
class Inside:
    """Which images are selected."""

    map: str
    polygon: Polygon
    datasets: tuple[str, ...] = ()
    """None: all."""
    off: Mapping[str, Sequence[int]] = field(default_factory=dict)
    """Labels of images that are left out, by data set."""
    where: tuple[Where, ...] = ()
    """Conditions that all hold."""

    @classmethod
    def of(cls, view: MapView) -> "Inside | None":
        """What a view of the map page selects; None: nothing."""
        if view.polygon is None:
            return None
        return cls(
            map=view.drawn_on or view.map,
            polygon=view.polygon,
            datasets=view.on or (),
            off=view.labels_off,
            where=view.where,
        )

    def body(self) -> dict[str, Any]:
        """As the service takes it."""
        without = [{"dataset": name, "labels": labels} for name, labels in self.off.items()]
        where = [one.body for one in self.where]
        more = {name: value for name, value in (("without", without), ("where", where)) if value}
        return {"map": self.map, "polygon": self.polygon, "datasets": self.datasets} | more


async def columns(client: ApiClient) -> Columns:
    """What is known of each image."""
    return await client.ask_once(
        "/v1/columns",
        lambda body: Columns(
            str(body["index"]), int(body["n"]), tuple(Column.of(item) for item in body["items"])
        ),
    )


async def selection(client: ApiClient, inside: Inside, *, codes: int, offset: int, limit: int) -> Selection:
    """What lies inside, with at most so many enriched codes and a page of the images."""
    body = inside.body() | {"codes": codes, "offset": offset, "limit": limit}
    return await client.ask("/v1/selections", Selection.of, body=body)


def sorted_by(order: str | None) -> dict[str, str]:
    """The order of a table as the service takes it, from what an address has: a column, after '-' descending."""
    if not order:
        return {}
    return {"sort": order.removeprefix("-"), "order": "desc" if order.startswith("-") else "asc"}


async def rows(
    client: ApiClient, inside: Inside, *, offset: int, limit: int, order: str | None
) -> tuple[int, list[dict[str, Any]]]:
    """How many images there are, and a page of them as the table shows them, in its order (`sorted_by`)."""
    body = inside.body() | {"offset": offset, "limit": limit} | sorted_by(order)
    return await client.ask(
        "/v1/selections/rows", lambda answer: (int(answer["total"]), list(answer["items"])), body=body
    )


async def quality(client: ApiClient, name: str) -> MapQuality:
    """How faithful a map is to the embeddings; ApiRefused where that was not measured."""
    return await client.ask(f"/v1/maps/{quote(name, safe='')}/quality", MapQuality.of)


async def mask(client: ApiClient, inside: Inside) -> Picture:
    """Which of all images are inside: an npy file of (n,) uint8."""
    return await client.fetch("/v1/selections/mask", body=inside.body())


def export(
    client: ApiClient, inside: Inside, form: str, order: str | None = None
) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
    """All selected images as a file, one of `EXPORTS`, in the order of the table (`sorted_by`)."""
    return client.stream("/v1/selections/rows", {"format": form}, inside.body() | sorted_by(order))


async def neighbours(client: ApiClient, point: Point, *, k: int) -> Neighbours:
    """The k nearest images of an image of the index."""
    return await client.ask(f"/v1/neighbours/{_path(point)}", Neighbours.of, params={"k": str(k)})


async def cells(client: ApiClient, point: Point) -> tuple[Cell, ...]:
    """The cells of an image's code grid, row by row."""
    return await client.ask(
        f"/v1/samples/{_path(point)}/cells", lambda body: tuple(Cell.of(item) for item in body["items"])
    )


async def standing(client: ApiClient, point: Point) -> Standing:
    """How unusual a test image is."""
    return await client.ask(f"/v1/samples/{_path(point)}/outlier", Standing.of)


def _path(point: Point) -> str:
    return f"{quote(point.dataset, safe='')}/{point.split}/{point.position}"
