"""How points are coloured by a column: a scale for numbers, a palette for values."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dashboard.answers import Catalogue
from dashboard.answers_map import Column, Value
from dashboard.answers_quality import MapQuality
from dashboard.palette import OKABE_ITO, mark
from dashboard.state import SPLITS

SCALE = ("#440154", "#472d7b", "#3b528b", "#2c728e", "#21918c", "#28ae80", "#5ec962", "#addc30", "#fde725")
"""Viridis (S. van der Walt and N. Smith 2015): perceptually uniform, and in order for colour-blind eyes too."""
MISSING = "#b3bac0"
OTHER = "#6f7a83"
_SHOWN = len(OKABE_ITO)
_PRESENT, _ABSENT = "#D55E00", "rgba(128,140,152,0.35)"


@dataclass(frozen=True)
class Slot:
    """An entry of the legend: one value, or all others together."""

    name: str
    count: int
    colour: str
    dataset: str | None = None


@dataclass(frozen=True, kw_only=True)
class Colouring:
    """What the browser needs to colour the points, and what the legend says."""

    title: str
    path: str | None
    """Where the dashboard has the column; None: each data set in its own colour."""
    unit: str | None = None
    low: float = 0.0
    high: float = 1.0
    """Ends of the scale of numbers; beyond them its end colours are used."""
    limits: tuple[float, float] | None = None
    slots: tuple[Slot, ...] = ()
    slot_of: tuple[int, ...] = ()
    """Of values: place of each value's slot. Values that are not listed have the last slot."""
    n_missing: int = 0
    note: str | None = None
    """Of a scale whose ends are not of the column."""
    maps: tuple[str, ...] | None = None
    """Of a column that each map has of its own, its name in the path as {map}: the maps that have it."""

    @property
    def numeric(self) -> bool:
        """Whether numbers are coloured, on a scale."""
        return self.path is not None and not self.slots

    def plan(self) -> dict[str, Any] | None:
        """What assets/map_colour.js draws."""
        if self.path is None:
            return None
        if self.numeric:
            scale = {"low": self.low, "high": self.high, "colours": SCALE}
            maps = {} if self.maps is None else {"maps": self.maps}
            return {"path": self.path, "scale": scale, "missing": MISSING, **maps}
        colours = [slot.colour for slot in self.slots]
        return {"path": self.path, "slots": colours, "slotOf": self.slot_of, "missing": MISSING}


def by_dataset() -> Colouring:
    """Each data set in its colour: the legend is the list of data sets."""
    return Colouring(title="Data set", path=None)


def by_code(code: int) -> Colouring:
    """Images that contain a code, and the others."""
    return Colouring(
        title=f"Code {code}",
        path=f"/presence/{code}",
        slots=(Slot("does not contain it", -1, _ABSENT), Slot("contains it", -1, _PRESENT)),
        slot_of=(0, 1),
    )


def by_outlier() -> Colouring:
    """By how unusual a test image is among held-out images."""
    return Colouring(
        title="Outlier percentile",
        path="/outliers",
        unit="%",
        high=100.0,
        note="Share of held-out images that a test image is more unusual than. Grey: training and validation images.",
    )


def by_preservation(measured: Sequence[MapQuality]) -> Colouring:
    """By the share of its neighbours that its map keeps of each image; one scale for all maps, to compare them.

    Args:
        measured: the maps that are shown, at least one.
    """
    told = [
        f"{f'{one.map}: ' if len(measured) > 1 else ''}mean {one.point_mean:.3f}, by chance {one.point_chance:.2g}, of "
        f"the {one.k} nearest by {one.metric} distance among {one.references:,} images"
        for one in measured
    ]
    return Colouring(
        title="Neighbour preservation",
        path="/preservation/{map}",
        maps=tuple(one.map for one in measured),
        note="Share of the nearest by embedding that are among the nearest on the map: "
        + "; ".join(told)
        + ".",
    )


def by_column(column: Column, catalogue: Catalogue) -> Colouring:
    """By the values of a column."""
    path = f"/columns/{column.name}"
    if column.numeric:
        low, high = column.robust_limits or (0.0, 1.0)
        return Colouring(
            title=column.title,
            path=path,
            unit=column.unit,
            low=low,
            high=high,
            limits=column.limits,
            n_missing=column.n_missing,
        )
    slots, slot_of = _slots(column, catalogue)
    return Colouring(title=column.title, path=path, slots=slots, slot_of=slot_of, n_missing=column.n_missing)


def colours_of(column: Column, catalogue: Catalogue) -> dict[str, str]:
    """Colour of each value of a column by its name, as points have it."""
    slots, slot_of = _slots(column, catalogue)
    return {value.name: slots[slot].colour for value, slot in zip(column.values, slot_of, strict=True)}


def _slots(column: Column, catalogue: Catalogue) -> tuple[tuple[Slot, ...], tuple[int, ...]]:
    colours = _chosen(column, catalogue)
    order = sorted(colours, key=lambda i: _rank(column.values[i], i, catalogue))
    slots = [
        Slot(_short(column.values[i]), column.values[i].count, colours[i], column.values[i].dataset)
        for i in order
    ]
    place = {i: slot for slot, i in enumerate(order)}
    rest = [value for i, value in enumerate(column.values) if i not in colours]
    if rest or column.n_values > len(column.values):
        known = sum(value.count for value in column.values)
        total = sum(dataset.n for dataset in catalogue.datasets) - column.n_missing
        number = column.n_values - len(colours)
        slots.append(Slot(f"{number:,} other values", total - known + sum(v.count for v in rest), OTHER))
    return tuple(slots), tuple(place.get(i, len(slots) - 1) for i in range(len(column.values)))


def _chosen(column: Column, catalogue: Catalogue) -> dict[int, str]:
    """Colour of the values, by place, that get one of their own."""
    if column.name == "dataset":
        known = {d.name: mark(d.index).colour for d in catalogue.datasets}
        return {i: known[value.name] for i, value in enumerate(column.values) if value.name in known}
    if column.name == "split":
        return {i: OKABE_ITO[SPLITS.index(value.name)] for i, value in enumerate(column.values)}
    if column.name != "label":
        return {i: OKABE_ITO[i] for i in range(min(_SHOWN, len(column.values)))}
    # Labels of a data set differ in colour. Where the palette ends it begins again: a label of another data set has
    # another marker too, which is all that tells them apart then.
    groups: dict[str | None, list[int]] = defaultdict(list)
    for i, value in enumerate(column.values):
        groups[value.dataset].append(i)
    chosen: dict[int, str] = {}
    for name in sorted(groups, key=lambda name: _index(name, catalogue)):
        shown = sorted(groups[name][:_SHOWN], key=lambda i: column.values[i].label or 0)
        start = len(chosen)
        chosen |= {i: OKABE_ITO[k % len(OKABE_ITO)] for k, i in enumerate(shown, start)}
    return chosen


def _index(name: str | None, catalogue: Catalogue) -> int:
    dataset = None if name is None else catalogue.get(name)
    return dataset.index if dataset else 0


def _rank(value: Value, place: int, catalogue: Catalogue) -> tuple[int, int]:
    if value.dataset is not None:
        return (_index(value.dataset, catalogue), value.label or 0)
    if value.name in SPLITS:
        return (0, SPLITS.index(value.name))
    return (0, place)


def _short(value: Value) -> str:
    return value.name if value.dataset is None else value.name.removeprefix(f"{value.dataset} / ")
