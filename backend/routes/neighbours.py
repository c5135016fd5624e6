"""The nearest images of an image of the index."""

from typing import Annotated

import numpy as np
from fastapi import APIRouter, Query

from backend import problems
from backend.dependencies import DatasetName, LoadedNow, Position
from backend.routes.samples import row_of, sample_items
from backend.schemas_neighbours import Agreement, Neighbours
from backend.searching import SearchKind
from model.data.npz import Split
from model.latent.neighbours import Agreement as Shared
from model.latent.neighbours import Metric, agreement, nearest

router = APIRouter(prefix="/v1/neighbours", tags=["neighbours"])


@router.get("/{dataset}/{split}/{position}", responses=problems.responses(404, 422, 503))
def neighbours(
    loaded: LoadedNow,
    dataset: DatasetName,
    split: Split,
    position: Position,
    k: Annotated[int, Query(ge=1, le=200, description="Number of neighbours.")] = 10,
    metric: Annotated[Metric, Query(description="Distance between embeddings.")] = "cosine",
    search: Annotated[
        SearchKind | None,
        Query(
            description="Default: approximate where the index is large and prepared for it with a recall of at least "
            "0.99, else exact."
        ),
    ] = None,
) -> Neighbours:
    """Search among all images of the index, the image itself left out; and how far labels agree."""
    index = loaded.index
    row = row_of(index, dataset, split, position)
    query = np.asarray(index.embeddings[row : row + 1])
    approximate = loaded.search.choose(search)
    if approximate is None:
        rows, distances = nearest(
            index.embeddings, query, k=k, metric=metric, exclude=[row], squares=index.squared_lengths
        )
    else:
        rows, distances = approximate.nearest(query, k=k, metric=metric, exclude=[row])
    items = [
        {**item, "distance": distance}
        for item, distance in zip(sample_items(loaded, rows[0]), distances[0].tolist(), strict=True)
    ]
    sizes = index.class_sizes
    label = index.images["label"][row].as_py()
    of_dataset = sum(n for (name, _), n in sizes.items() if name == dataset)
    same_dataset = [item["dataset"] == dataset for item in items]
    labels = loaded.labels[dataset]
    alike = sum(n for (name, other), n in sizes.items() if name == dataset and labels.agree(label, other))
    same_label = [item["dataset"] == dataset and labels.agree(label, item["label"]) for item in items]
    within = [shared for shared, near in zip(same_label, same_dataset, strict=True) if near]
    return Neighbours.model_validate(
        {
            "model": loaded.model.version,
            "index": index.version,
            "metric": metric,
            "search": "exact" if approximate is None else "approximate",
            "recall": 1.0 if approximate is None else approximate.recall[metric],
            "items": items,
            "same_dataset": _item(agreement(same_dataset, alike=of_dataset, n=index.n)),
            "same_label": _item(agreement(same_label, alike=alike, n=index.n)),
            "same_label_within": _item(agreement(within, alike=alike, n=of_dataset)),
        }
    )


def _item(shared: Shared) -> Agreement:
    return Agreement(n=shared.n, count=shared.count, share=shared.share, expected=shared.expected)
