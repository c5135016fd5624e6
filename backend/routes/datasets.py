"""The data sets of the index."""

from collections import defaultdict
from typing import Any

from fastapi import APIRouter

from backend import problems
from backend.dependencies import LoadedNow
from backend.schemas import DatasetItem, Datasets, MetadataColumn
from model.latent.index import LatentIndex

router = APIRouter(prefix="/v1/datasets", tags=["datasets"])
_KINDS = {"int64": "integer", "double": "number"}


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
                "metadata": _metadata(loaded.index, dataset),
                "available": dataset["name"] not in loaded.missing,
            }
        )
        for dataset in loaded.index.datasets
    ]
    return Datasets(model=loaded.model.version, index=loaded.index.version, items=items)


def _metadata(index: LatentIndex, dataset: dict[str, Any]) -> list[MetadataColumn]:
    """Those that its own file has; the index gives columns of other sets to it as well, without a value."""
    blocks = [block for block in index.blocks if block.dataset == dataset["name"]]
    total = sum(block.count for block in blocks)
    found = []
    for name in dataset.get("metadata", {}).get("columns", {}):
        column = index.images[name]
        missing = sum(column.slice(block.start, block.count).null_count for block in blocks)
        kind = _KINDS.get(str(column.type), "text")
        found.append(MetadataColumn.model_validate({"name": name, "kind": kind, "missing": missing / total}))
    return found
