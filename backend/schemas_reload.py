"""The shape of the answer to a reload."""

from pydantic import BaseModel

from backend.schemas import IndexVersion, ModelVersion


class Versions(BaseModel):
    """A model and an index that belong together."""

    model: ModelVersion
    index: IndexVersion


class Reloaded(Versions):
    """What is served from now on, and what was before; the same versions where nothing had changed."""

    previous: Versions
