"""Replacing the model and the index under a running service."""

import asyncio

from fastapi import APIRouter, Request

from backend import problems
from backend.dependencies import ServiceNow
from backend.observation import current
from backend.problems import Problem
from backend.schemas_reload import Reloaded, Versions
from model.errors import VQScopeError

router = APIRouter(prefix="/v1/reload", tags=["health"])


@router.post("", responses=problems.responses(403, 409, 503))
async def reload(request: Request, service: ServiceNow) -> Reloaded:
    """Load model and index once more, from the places that the service was started with, and serve them.

    They are loaded beside those in use and replace them at once when they are ready; requests in work end on the
    old ones. What cannot be loaded (409) changes nothing. Only where API keys are needed, else 403.
    """
    if not request.app.state.needs_key:
        detail = (
            "clients may do this only where the service asks for API keys; send SIGHUP to its process instead"
        )
        raise Problem(403, "key-needed", detail)
    before = service.loaded()
    try:
        loaded = await asyncio.shield(asyncio.wrap_future(service.reload()))
    except VQScopeError as error:
        raise Problem(409, "reload-failed", f"all stays as it was: {error}") from error
    noted = current()
    noted.model, noted.index = loaded.model.version, loaded.index.version
    previous = Versions(model=before.model.version, index=before.index.version)
    return Reloaded(model=noted.model, index=noted.index, previous=previous)
