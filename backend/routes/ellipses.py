"""Ellipses of the groups on a map; the model package fits them."""

from typing import Annotated

from fastapi import APIRouter, Depends

from backend import problems
from backend.dependencies import LoadedNow, MapName
from backend.grouped import asked_by_query, grouped
from backend.loading import Loaded
from backend.schemas_ellipses import EllipseItem, Ellipses, EllipsesRequest
from model.latent.ellipse import Ellipse
from model.latent.ellipse_outline import triangles

router = APIRouter(prefix="/v1/maps", tags=["maps"])


@router.get("/{map}/ellipses", responses=problems.responses(404, 422, 503))
def ellipses(
    loaded: LoadedNow, map: MapName, asked: Annotated[EllipsesRequest, Depends(asked_by_query)]
) -> Ellipses:
    """One ellipse per group of the images chosen, with its observed coverage and its warnings."""
    return _ellipses(loaded, map, asked)


@router.post("/{map}/ellipses", responses=problems.responses(404, 413, 422, 503))
def ellipses_of_selection(loaded: LoadedNow, map: MapName, asked: EllipsesRequest) -> Ellipses:
    """The same, also of the images inside a polygon; nothing is stored."""
    return _ellipses(loaded, map, asked)


def _ellipses(loaded: Loaded, map_name: str, asked: EllipsesRequest) -> Ellipses:
    found = grouped(loaded, map_name, asked)
    return Ellipses(
        **found.facts,
        triangles=[tuple(corners) for corners in triangles().tolist()]
        if found.facts["dimensions"] == 3
        else None,
        items=[_item(name, ellipse) for name, ellipse in zip(found.names, found.fitted, strict=True)],
    )


def _item(group: str, ellipse: Ellipse) -> EllipseItem:
    names = ("center", "axes", "directions", "outline", "mesh", "outlines")
    arrays = {name: getattr(ellipse, name) for name in names}
    return EllipseItem(
        group=group,
        n=ellipse.n,
        **{name: None if array is None else array.tolist() for name, array in arrays.items()},
        angle=ellipse.angle,
        kind=ellipse.kind,
        level=ellipse.level,
        observed_coverage=ellipse.observed_coverage,
        warnings=list(ellipse.warnings),
    )
