"""Whether the process lives, and whether it can do its work."""

from fastapi import APIRouter

from backend import problems
from backend.dependencies import ServiceNow
from backend.observation import current
from backend.schemas import Live, Ready

router = APIRouter(prefix="/health", tags=["health"])


@router.get("/live")
async def live() -> Live:
    """Answer as long as the process does."""
    return Live()


@router.get("/ready", responses=problems.responses(503))
async def ready(service: ServiceNow) -> Ready:
    """Answer 200 when requests are welcome: model and index are loaded, the model can be asked, the index is there.

    Else 503. Asked without a key where one is needed, it does not say why.
    """
    try:
        loaded = await service.ready()
    except problems.Problem as problem:
        if current().trusted:
            raise
        raise problems.unavailable("not ready; ask with a key, or see the log") from problem
    return Ready(model=loaded.model.version, index=loaded.index.version)
