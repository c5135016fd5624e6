"""How far the groups on a map overlap; the model package compares them."""

from typing import Annotated

from fastapi import APIRouter, Depends

from backend import problems
from backend.dependencies import LoadedNow, MapName
from backend.grouped import asked_by_query, grouped
from backend.loading import Loaded
from backend.schemas_ellipses import EllipsesRequest, Overlap, OverlapGroup, OverlapPair
from model.latent.ellipse_radius import nominal_level
from model.latent.overlap import overlaps

router = APIRouter(prefix="/v1/maps", tags=["maps"])


@router.get("/{map}/ellipses/overlap", responses=problems.responses(404, 422, 503))
def overlap(
    loaded: LoadedNow, map: MapName, asked: Annotated[EllipsesRequest, Depends(asked_by_query)]
) -> Overlap:
    """Bhattacharyya distance of each two groups, and the share of each that lies in the other's ellipse."""
    return _overlap(loaded, map, asked)


@router.post("/{map}/ellipses/overlap", responses=problems.responses(404, 413, 422, 503))
def overlap_of_selection(loaded: LoadedNow, map: MapName, asked: EllipsesRequest) -> Overlap:
    """The same, also of the images inside a polygon; nothing is stored."""
    return _overlap(loaded, map, asked)


def _overlap(loaded: Loaded, map_name: str, asked: EllipsesRequest) -> Overlap:
    found = grouped(loaded, map_name, asked)
    pairs = overlaps(found.parts, found.fitted, found.names)
    return Overlap(
        **found.facts,
        kind=asked.kind,
        level=nominal_level(asked.kind, level=asked.level, k=asked.k, d=found.facts["dimensions"]),
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
