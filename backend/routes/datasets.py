"""The data sets of the index."""

from collections import defaultdict

from fastapi import APIRouter

from backend import problems
from backend.dependencies import LoadedNow
from backend.schemas import DatasetItem, Datasets

router = APIRouter(prefix="/v1/datasets", tags=["datasets"])


@router.get("", responses=problems.responses(503))
async def datasets(loaded: LoadedNow) -> Datasets:
    """Attributes, licences and counts of the data sets, in the order of the index."""
    n_indexed: dict[str, dict[str, int]] = defaultdict(dict)
    for block in loaded.index.blocks:
        n_indexed[block.dataset][block.split] = block.count
    items = [
        DatasetItem.model_validate(
            {
                **dataset,
                "n_indexed": n_indexed[dataset["name"]],
                "multi_label": loaded.labels[dataset["name"]].multi,
                "available": dataset["name"] not in loaded.missing,
            }
        )
        for dataset in loaded.index.datasets
    ]
    return Datasets(model=loaded.model.version, index=loaded.index.version, items=items)
