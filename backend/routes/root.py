"""The root: what this is and where to go."""

from importlib.metadata import version

from fastapi import APIRouter

from backend.schemas import Links

router = APIRouter()
LINKS = {
    "openapi": "/openapi.json",
    "live": "/health/live",
    "ready": "/health/ready",
    "models": "/v1/models",
    "datasets": "/v1/datasets",
    "maps": "/v1/maps",
    "samples": "/v1/samples",
    "codebook": "/v1/codebook",
    "runs": "/v1/runs",
}


@router.get("/", tags=["health"])
async def root() -> Links:
    """Links to what there is."""
    return Links(version=version("vqscope"), links=LINKS)
