"""Ellipses of the groups on a map; the model package fits them."""

from typing import Annotated, Literal

import numpy as np
from fastapi import APIRouter, Query
from numpy.typing import NDArray

from backend import problems
from backend.dependencies import DatasetFilter, LoadedNow, MapName, SplitFilter
from backend.loading import Loaded
from backend.schemas import EllipseItem, Ellipses
from backend.selection import chosen_blocks, rows_of
from model.latent.ellipse import Ellipse, EllipseKind, fit_ellipses
from model.latent.manifest import Block

GroupBy = Literal["dataset", "label", "split"]
router = APIRouter(prefix="/v1/maps", tags=["maps"])


@router.get("/{map}/ellipses", responses=problems.responses(404, 422, 503))
def ellipses(
    loaded: LoadedNow,
    map: MapName,
    group_by: Annotated[
        GroupBy,
        Query(
            description="label: each label of each data set; in a multi-label one each combination of classes."
        ),
    ] = "dataset",
    kind: Annotated[
        EllipseKind,
        Query(description="What the ellipse covers: a new image, the group's mean, a share of it."),
    ] = "prediction",
    level: Annotated[
        float, Query(gt=0, le=0.9999, description="Nominal coverage; not used by sigma.")
    ] = 0.95,
    k: Annotated[float, Query(gt=0, lt=100, description="Standard deviations, for sigma.")] = 3.0,
    datasets: DatasetFilter = [],  # noqa: B006 - FastAPI copies it
    splits: SplitFilter = [],  # noqa: B006
) -> Ellipses:
    """One ellipse per group of the images chosen, with its observed coverage and its warnings."""
    chart = loaded.index.map(map)
    chosen = chosen_blocks(loaded.index, datasets, splits)
    groups, names = _groups(loaded, chosen, group_by)
    coordinates = chart.coordinates[rows_of(chosen)]
    fitted = fit_ellipses(
        coordinates, groups, kind=kind, level=level, k=k, meaningful=chart.keeps_proportions
    )
    items = [_item(name, fitted[number]) for number, name in names.items()]
    return Ellipses(model=loaded.model.version, index=loaded.index.version, map=map, items=items)


def _groups(loaded: Loaded, chosen: list[Block], by: GroupBy) -> tuple[NDArray[np.int64], dict[int, str]]:
    """Number the group of each chosen row, and name the numbers."""
    counts = [block.count for block in chosen]
    if by == "split":
        splits = list(dict.fromkeys(block.split for block in chosen))
        numbers = np.repeat(np.array([splits.index(block.split) for block in chosen], np.int64), counts)
        return numbers, dict(enumerate(splits))
    datasets = list(dict.fromkeys(block.dataset for block in chosen))
    numbers = np.repeat(np.array([datasets.index(block.dataset) for block in chosen], np.int64), counts)
    if by == "dataset":
        return numbers, dict(enumerate(datasets))
    # A label means something within its data set only: the pair is the group.
    labels = np.asarray(loaded.index.images["label"])[rows_of(chosen)].astype(np.int64)
    pairs, numbers = np.unique(np.stack([numbers, labels], axis=1), axis=0, return_inverse=True)
    names = [
        f"{datasets[which]} / {loaded.labels[datasets[which]].name(label)}" for which, label in pairs.tolist()
    ]
    return numbers.reshape(-1), dict(enumerate(names))


def _item(group: str, ellipse: Ellipse) -> EllipseItem:
    return EllipseItem(
        group=group,
        n=ellipse.n,
        center=None if ellipse.center is None else ellipse.center.tolist(),
        axes=None if ellipse.axes is None else ellipse.axes.tolist(),
        angle=ellipse.angle,
        outline=None if ellipse.outline is None else ellipse.outline.tolist(),
        kind=ellipse.kind,
        level=ellipse.level,
        observed_coverage=ellipse.observed_coverage,
        warnings=list(ellipse.warnings),
    )
