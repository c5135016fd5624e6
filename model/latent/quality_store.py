"""The quality of a map on disk: ``quality.json`` and ``preservation.npy`` beside it; a map may go without."""

import math
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from model.latent.errors import IndexDamaged
from model.latent.neighbours import Metric
from model.latent.quality import (
    DistanceCorrelation,
    Figure,
    MapQuality,
    Neighbourhoods,
    PointPreservation,
    Stability,
)
from model.latent.storage import NpyWriter, open_npy, read_json, sync, write_json
from model.once import holding

VERSION = 1
"""Of the files and of how the figures are computed; what another one wrote counts as not measured."""

_JSON, _NPY = "quality.json", "preservation.npy"
_ROWS = 1 << 16


def write_quality(folder: Path, quality: MapQuality, preservation: NDArray[np.float32]) -> None:
    """Write the quality of the map in a folder, in place of what was there.

    Killed at any moment, it leaves a map with its old quality, without, or with its new one. Of those who do so at
    the same time one waits for the other, whose figures it then replaces.
    """
    with holding(folder):
        _write(folder, quality, preservation)


def _write(folder: Path, quality: MapQuality, preservation: NDArray[np.float32]) -> None:
    parts = {name: folder / f"{name}.part" for name in (_JSON, _NPY)}
    for part in parts.values():
        part.unlink(missing_ok=True)  # cut by a kill
    with NpyWriter(parts[_NPY], preservation.shape, np.float32) as stored:
        stored.append(preservation)
    write_json(parts[_JSON], {"version": VERSION, **asdict(quality)})
    (folder / _JSON).unlink(missing_ok=True)  # first, as the two files must be of one measurement
    sync(folder)
    parts[_NPY].rename(folder / _NPY)
    sync(folder)
    parts[_JSON].rename(folder / _JSON)
    sync(folder)


def open_quality(folder: Path, n: int) -> tuple[MapQuality, NDArray[np.float32]] | None:
    """The quality of the map of ``n`` images in a folder and the preservation of its points (N,), memory-mapped.

    None if it was not measured, or by a version of VQScope that computed it otherwise.

    Raises:
        IndexDamaged: a file of it is missing, cut short, or does not fit.
    """
    described = folder / _JSON
    if not described.exists():
        return None
    try:
        content = read_json(described)
        if content.get("version") != VERSION:
            return None
        preservation = open_npy(folder / _NPY, (n,), np.float32)
        try:
            quality = _restore(content)
            if quality.neighbourhoods.n != n:
                raise ValueError(f"it is of {quality.neighbourhoods.n} images")
        except (KeyError, TypeError, ValueError) as error:
            raise IndexDamaged(f"{described} does not hold the quality of this map ({error})") from error
    except IndexDamaged as error:
        what = str(error).removesuffix("; build it again with: vqscope index")
        raise IndexDamaged(
            f"{what}; delete {described}, and the map has no quality until: vqscope map-quality"
        ) from error
    return quality, preservation


def in_range(preservation: NDArray[np.float32]) -> bool:
    """Whether all figures of points are in [0, 1], read some thousand at a time."""
    return all(
        bool(((part >= 0) & (part <= 1)).all())
        for part in (preservation[start : start + _ROWS] for start in range(0, len(preservation), _ROWS))
    )


def _restore(content: Mapping[str, Any]) -> MapQuality:
    """Undo `asdict`; KeyError, TypeError or ValueError where the content is not of it."""
    if content["metric"] not in get_args(Metric):
        raise ValueError(f"metric {content['metric']!r}")
    ranks, distances, points = content["neighbourhoods"], content["distances"], content["points"]
    stability = content["stability"]
    return MapQuality(
        metric=content["metric"],
        seed=_count(content["seed"]),
        neighbourhoods=Neighbourhoods(
            k=_count(ranks["k"]),
            n=_count(ranks["n"]),
            n_used=_count(ranks["n_used"]),
            exact=_flag(ranks["exact"]),
            trustworthiness=_figure(ranks["trustworthiness"]),
            continuity=_figure(ranks["continuity"]),
            preservation=_figure(ranks["preservation"]),
        ),
        distances=DistanceCorrelation(
            pairs=_count(distances["pairs"]),
            exact=_flag(distances["exact"]),
            spearman=None if distances["spearman"] is None else _figure(distances["spearman"]),
            pearson=None if distances["pearson"] is None else _figure(distances["pearson"]),
        ),
        points=PointPreservation(
            k=_count(points["k"]),
            references=_count(points["references"]),
            exact=_flag(points["exact"]),
            chance=_number(points["chance"]),
            mean=_number(points["mean"]),
            by_dataset={name: _number(mean) for name, mean in _object(points["by_dataset"]).items()},
        ),
        stability=None
        if stability is None
        else Stability(
            fits=_count(stability["fits"]),
            n=_count(stability["n"]),
            n_used=_count(stability["n_used"]),
            exact=_flag(stability["exact"]),
            disparities=tuple(_number(value) for value in stability["disparities"]),
            mean=_number(stability["mean"]),
            largest=_number(stability["largest"]),
        ),
    )


def _figure(content: Mapping[str, Any]) -> Figure:
    interval = content["interval"]
    if interval is not None:
        low, high = interval
        interval = _number(low), _number(high)
    return Figure(_number(content["value"]), interval, _number(content["chance"]))


def _number(value: Any) -> float:  # noqa: ANN401 - whatever the JSON holds
    if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
        raise TypeError(f"a finite number expected, not {value!r:.40}")
    return float(value)


def _count(value: Any) -> int:  # noqa: ANN401
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise TypeError(f"a count expected, not {value!r:.40}")
    return value


def _object(value: Any) -> dict[str, Any]:  # noqa: ANN401
    if not isinstance(value, dict):
        raise TypeError(f"an object expected, not {value!r:.40}")
    return value


def _flag(value: Any) -> bool:  # noqa: ANN401
    if not isinstance(value, bool):
        raise TypeError(f"true or false expected, not {value!r:.40}")
    return value
