"""How faithful a map is to the embeddings."""

from dataclasses import asdict

from fastapi import APIRouter

from backend import problems
from backend.dependencies import LoadedNow, MapName
from backend.schemas_map_quality import MapQuality

router = APIRouter(prefix="/v1/maps", tags=["maps"])


@router.get("/{map}/quality", responses=problems.responses(404, 422, 503))
async def quality(loaded: LoadedNow, map: MapName) -> MapQuality:
    """Trustworthiness, continuity, preservation of neighbours, correlation of distances; 404 if not measured."""
    measured = loaded.index.map(map).quality
    if measured is None:
        raise problems.not_found(
            f"the quality of the map {map!r} was not measured; whoever runs the service can do so with "
            f"vqscope map-quality INDEX --map {map}, and start the service again"
        )
    return MapQuality.model_validate(
        {"model": loaded.model.version, "index": loaded.index.version, "map": map, **asdict(measured)}
    )
