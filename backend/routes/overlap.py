"""How far the groups on a map overlap; the model package compares them."""

from fastapi import APIRouter

from backend import problems
from backend.grouped import BODY, AskedByBody, AskedByQuery, Question, grouped
from backend.schemas_ellipses import Overlap, OverlapGroup, OverlapPair
from model.latent.ellipse_radius import nominal_level
from model.latent.overlap import MAX_OVERLAPPING, overlaps

router = APIRouter(prefix="/v1/maps", tags=["maps"])


@router.get("/{map}/ellipses/overlap", responses=problems.responses(404, 422, 503))
def overlap(asked: AskedByQuery) -> Overlap:
    """Bhattacharyya distance of each two groups, and the share of each that lies in the other's ellipse."""
    return _overlap(asked)


@router.post(
    "/{map}/ellipses/overlap",
    responses=problems.responses(404, 408, 413, 415, 422, 429, 503),
    openapi_extra=BODY,
)
def overlap_of_selection(asked: AskedByBody) -> Overlap:
    """The same, also of the images inside a polygon; nothing is stored."""
    return _overlap(asked)


def _overlap(asked: Question) -> Overlap:
    found = grouped(asked, MAX_OVERLAPPING)
    pairs = overlaps(found.parts, found.fitted, found.names)
    wanted = asked.request
    return Overlap(
        **found.facts,
        kind=wanted.kind,
        level=nominal_level(wanted.kind, level=wanted.level, k=wanted.k, d=found.facts["dimensions"]),
        groups=[
            OverlapGroup(
                group=name,
                n=ellipse.n,
                observed_coverage=ellipse.observed_coverage,
                warnings=list(ellipse.warnings),
            )
            for name, ellipse in zip(found.names, found.fitted, strict=True)
        ],
        items=[
            OverlapPair(
                first=found.names[pair.first],
                second=found.names[pair.second],
                distance=pair.distance,
                interval=pair.interval,
                uncorrected=pair.uncorrected,
                coefficient=pair.coefficient,
                coefficient_interval=pair.coefficient_interval,
                first_in_second=pair.first_in_second,
                second_in_first=pair.second_in_first,
                warnings=list(pair.warnings),
            )
            for pair in pairs
        ],
    )
