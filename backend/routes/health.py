"""Whether the process lives, and whether it can do its work."""

from fastapi import APIRouter

from backend import problems
from backend.dependencies import ServiceNow
from backend.schemas import Live, Ready

router = APIRouter(prefix="/health", tags=["health"])


@router.get("/live")
async def live() -> Live:
    """Answer as long as the process does."""
    return Live()


@router.get("/ready", responses=problems.responses(503))
async def ready(service: ServiceNow) -> Ready:
    """Answer 200 when model and index are loaded and the model can be asked, else 503 with the reason."""
    loaded = service.ready()
    return Ready(model=loaded.model.version, index=loaded.index.version)
