"""How well the classes of a data set lie apart in the space of embeddings."""

from typing import Any

from fastapi import APIRouter

from backend import problems
from backend.dependencies import DatasetName, LoadedNow, SettingsNow
from backend.schemas_statistics import Separation, SeparationFigures
from backend.selection import dataset_named

router = APIRouter(prefix="/v1/separation", tags=["statistics"])


@router.get("/{dataset}", responses=problems.responses(404, 422, 503))
async def separation(loaded: LoadedNow, settings: SettingsNow, dataset: DatasetName) -> Separation:
    """Silhouette, nearest-neighbour and linear-probe accuracy on test images; computed once.

    Of some thousand images that takes a minute or more: until then the answer is 503, and it is worked on further.
    """
    dataset_named(loaded.index, dataset)

    def figures() -> dict[str, Any]:
        # Brings scikit-learn, which a start need not wait for.
        from model.latent.class_separation import class_separation

        return class_separation(loaded.index, dataset)

    found = await loaded.computed.get(
        ("separation", dataset),
        figures,
        seconds=settings.limits.request_seconds,
        minutes=True,
    )
    why = found.get("not_computed")
    return Separation(
        model=loaded.model.version,
        index=loaded.index.version,
        dataset=dataset,
        figures=None if why else SeparationFigures.model_validate(found),
        not_computed=why,
    )
