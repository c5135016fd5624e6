"""What the decode lab asks of the service."""

from dataclasses import dataclass
from typing import Any

from dashboard import client_map
from dashboard.answers_map import Cell
from dashboard.client import ApiClient
from dashboard.errors import ApiError
from dashboard.state import Point

Grid = list[list[int]]


@dataclass(frozen=True)
class Decoded:
    """An image decoded from codes and its difference from the unedited one, both base64 PNG."""

    image: str
    difference: str


@dataclass(frozen=True, kw_only=True)
class Step:
    """One image on the walk between two images."""

    weight: float
    """Share of the end, in [0, 1]."""
    flipped: tuple[tuple[int, int], ...]
    """Cells (row, column) that have another code than one step before."""
    image: str
    """Base64 PNG."""


@dataclass(frozen=True)
class Walk:
    """The walk from one image to another, over grids of so many cells."""

    cells: int
    steps: tuple[Step, ...]


async def cells(client: ApiClient, point: Point) -> tuple[Cell, ...]:
    """The cells of an image; none where the service lacks its picture, without which it cannot encode it."""
    try:
        return await client_map.cells(client, point)
    except ApiError:
        return ()


async def decode(client: ApiClient, codes: Grid, edited: Grid, *, channels: int) -> tuple[Decoded, Decoded]:
    """What the codes decode to as they are, and edited."""
    body = {"codes": [codes, edited], "channels": 1 if channels == 1 else 3, "difference": True}

    def read(answer: Any) -> tuple[Decoded, Decoded]:  # noqa: ANN401 - JSON
        before, after = (Decoded(str(i["image"]), str(i["difference"])) for i in answer["items"])
        return before, after

    return await client.ask("/v1/decode", read, body=body)


async def walk(client: ApiClient, start: Point, end: Point, *, steps: int) -> Walk:
    """Images between two images of the index, blended before the quantiser."""
    body = {"start": _end(start), "end": _end(end), "steps": steps}
    return await client.ask(
        "/v1/decode/path",
        lambda answer: Walk(
            int(answer["cells"]),
            tuple(
                Step(
                    weight=float(one["weight"]),
                    flipped=tuple((int(row), int(column)) for row, column in one["flipped"]),
                    image=str(one["image"]),
                )
                for one in answer["steps"]
            ),
        ),
        body=body,
    )


def _end(point: Point) -> dict[str, Any]:
    return {"dataset": point.dataset, "split": point.split, "position": point.position}
