"""The groups of images that a request for ellipses means, and their places on the map."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, Any

import numpy as np
import pyarrow as pa
from fastapi import Depends, Query
from fastapi.exceptions import RequestValidationError
from numpy.typing import NDArray
from pydantic import ValidationError

from backend.dependencies import DatasetFilter, LoadedNow, MapName, SplitFilter
from backend.loading import Loaded
from backend.questions import question_body, short_question
from backend.schemas_ellipses import ColumnName, ConditionText, EdgeValue, EllipsesRequest, LabelValue
from backend.selection import chosen_blocks, table_of
from model.latent.conditions import Condition, kept_by
from model.latent.ellipse import Ellipse, EllipseKind, fit_parts
from model.latent.grouping import MAX_GROUPS, Groups, group_images
from model.latent.manifest import Block
from model.latent.partition import parts_of
from model.latent.polygon import inside_polygon

MAX_ROBUST = 60
"""Groups; a robust ellipse takes a tenth of a second."""
_FIELDS = EllipsesRequest.model_fields


@dataclass(frozen=True, eq=False)
class Question:
    """What is asked about groups of images on a map."""

    loaded: Loaded
    map: str
    request: EllipsesRequest


@dataclass(frozen=True, eq=False)
class Grouped:
    """Groups of images on a map."""

    names: tuple[str, ...]
    parts: list[NDArray[Any]]
    """Of each group its (n, d) points."""
    fitted: list[Ellipse]
    facts: dict[str, Any]
    """The fields of `GroupedAnswer`."""


def asked_by_query(
    loaded: LoadedNow,
    map: MapName,
    group_by: Annotated[ColumnName, Query(description=_FIELDS["group_by"].description)] = "dataset",
    bins: Annotated[int, Query(ge=2, le=20, description=_FIELDS["bins"].description)] = 4,
    edges: Annotated[
        list[EdgeValue], Query(alias="edge", max_length=199, description=_FIELDS["edges"].description)
    ] = [],  # noqa: B006 - FastAPI copies it
    min_n: Annotated[int, Query(ge=1, le=2**31 - 1, description=_FIELDS["min_n"].description)] = 1,
    kind: Annotated[EllipseKind, Query(description=_FIELDS["kind"].description)] = "prediction",
    level: Annotated[float, Query(gt=0, le=0.9999, description=_FIELDS["level"].description)] = 0.95,
    k: Annotated[float, Query(gt=0, lt=100, description=_FIELDS["k"].description)] = 3.0,
    datasets: DatasetFilter = [],  # noqa: B006
    splits: SplitFilter = [],  # noqa: B006
    labels: Annotated[
        list[LabelValue], Query(alias="label", max_length=100, description=_FIELDS["labels"].description)
    ] = [],  # noqa: B006
    where: Annotated[
        list[ConditionText], Query(max_length=32, description=_FIELDS["where"].description)
    ] = [],  # noqa: B006
) -> Question:
    """Read a question from the query; a polygon needs a body.

    Raises:
        RequestValidationError: 422, of what only a body is held to by its own schema, such as too many data sets.
    """
    try:
        asked = EllipsesRequest(
            group_by=group_by,
            bins=bins,
            edges=edges,
            min_n=min_n,
            kind=kind,
            level=level,
            k=k,
            datasets=datasets,
            splits=splits,
            labels=labels,
            where=where,
            selection=None,
        )
    except ValidationError as error:
        raise RequestValidationError(error.errors()) from error
    return Question(loaded, map, asked)


def asked_by_body(
    loaded: LoadedNow,
    map: MapName,
    asked: Annotated[EllipsesRequest, Depends(short_question(EllipsesRequest))],
) -> Question:
    """Read a question from the body of a request."""
    return Question(loaded, map, asked)


AskedByQuery = Annotated[Question, Depends(asked_by_query)]
AskedByBody = Annotated[Question, Depends(asked_by_body)]
BODY = question_body(EllipsesRequest)
"""Of a route that is `AskedByBody`, for OpenAPI."""


def grouped(question: Question, at_most: int = MAX_GROUPS) -> Grouped:
    """Choose the images, group them and fit the ellipse of each group, of the largest if they are too many.

    Raises:
        MapNotFound: there is no such map.
        SettingError: a column that is not there.
        Problem: 404 for a data set that is not there.
    """
    loaded, asked = question.loaded, question.request
    index = loaded.index
    chart = index.map(question.map)
    chosen = chosen_blocks(index, asked.datasets, asked.splits)
    images, points = table_of(index.images, chosen), _taken(chart.coordinates, chosen)
    kept = _kept(loaded, chosen, images, asked)
    if kept is not None:
        images, points = images.filter(pa.array(kept)), points[kept]
    groups = group_images(
        images,
        asked.group_by,
        lambda dataset, label: loaded.labels[dataset].name(label),
        bins=asked.bins,
        edges=asked.edges,
        min_n=asked.min_n,
        at_most=min(at_most, MAX_ROBUST) if asked.kind == "robust" else at_most,
        several=[dataset for dataset, labels in loaded.labels.items() if labels.multi],
    )
    grouped_points = points if groups.rows is None else points[groups.rows]
    parts = parts_of(grouped_points, groups.codes, len(groups.names))
    fitted = fit_parts(
        parts, kind=asked.kind, level=asked.level, k=asked.k, meaningful=chart.keeps_proportions
    )
    facts = {
        "model": loaded.model.version,
        "index": index.version,
        "map": question.map,
        "dimensions": points.shape[1],
        "group_by": asked.group_by,
        "groups_left_out": groups.n_left_out,
        "groups_beyond": groups.n_beyond,
        "warnings": _warnings(groups, len(points)),
    }
    return Grouped(groups.names, parts, fitted, facts)


def _warnings(groups: Groups, n: int) -> list[str]:
    if not groups.n_beyond:
        return []
    kept = len(groups.names)
    return [
        f"of {kept + groups.n_beyond:,} groups the {kept} largest are told, with {groups.n_kept:,} of "
        f"{n:,} images; choose fewer images, or wider groups"
    ]


def _taken(values: NDArray[Any], chosen: Sequence[Block]) -> NDArray[Any]:
    """Rows of blocks: a view where they follow each other, so that nothing is copied."""
    if all(block.start == before.stop for before, block in pairwise(chosen)):
        return values[chosen[0].start : chosen[-1].stop] if chosen else values[:0]
    return np.concatenate([values[block.start : block.stop] for block in chosen])


def _kept(
    loaded: Loaded, chosen: Sequence[Block], images: pa.Table, asked: EllipsesRequest
) -> NDArray[np.bool_] | None:
    """Which of the images are of the labels, meet the conditions and lie inside the polygon; ``None``: all."""
    if not (asked.labels or asked.where or asked.selection):
        return None
    kept = kept_by(images, [Condition.parse(text) for text in asked.where])
    if asked.labels:
        values = np.asarray(images["label"])
        start = 0
        for block in chosen:
            of = loaded.labels[block.dataset]
            part = slice(start, start + block.count)
            kept[part] &= np.any([of.having(values[part], label) for label in asked.labels], axis=0)
            start += block.count
    if asked.selection:
        drawn_on = loaded.index.map(asked.selection.map)
        kept &= inside_polygon(_taken(drawn_on.coordinates, chosen), asked.selection.polygon)
    return kept
