"""Ellipses of the groups on a map; the model package fits them."""

from fastapi import APIRouter

from backend import problems
from backend.grouped import BODY, AskedByBody, AskedByQuery, Question, grouped
from backend.schemas_ellipses import EllipseItem, Ellipses
from model.latent.ellipse import Ellipse
from model.latent.ellipse_outline import triangles

router = APIRouter(prefix="/v1/maps", tags=["maps"])


@router.get("/{map}/ellipses", responses=problems.responses(404, 422, 503))
def ellipses(asked: AskedByQuery) -> Ellipses:
    """One ellipse per group of the images chosen, with its observed coverage and its warnings."""
    return _ellipses(asked)


@router.post(
    "/{map}/ellipses",
    responses=problems.responses(404, 408, 413, 415, 422, 429, 503),
    openapi_extra=BODY,
)
def ellipses_of_selection(asked: AskedByBody) -> Ellipses:
    """The same, also of the images inside a polygon; nothing is stored."""
    return _ellipses(asked)


def _ellipses(asked: Question) -> Ellipses:
    found = grouped(asked)
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
