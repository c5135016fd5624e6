"""The models served: one, at this stage."""

from fastapi import APIRouter

from backend import problems
from backend.dependencies import LoadedNow
from backend.schemas import ModelItem, Models

router = APIRouter(prefix="/v1/models", tags=["models"])


@router.get("", responses=problems.responses(503))
async def models(loaded: LoadedNow) -> Models:
    """What is served: sizes, rate, SHA-256 and card of the model."""
    return Models(model=loaded.model.version, items=[ModelItem.model_validate(loaded.model)])
