"""What the map page shows, as a value and as the query of its address; as in `dashboard.state`."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from dashboard.queries import join_query, last_of, number_of, split_query, whole_of
from dashboard.state import Point
from dashboard.state_seen import FARTHEST, Seen
from dashboard.state_where import Where, parsed, stored

TABS = ("composition", "codes", "images", "table")
KINDS = ("prediction", "mean", "normal", "sigma", "robust")

Polygon = tuple[tuple[float, float], ...]
"""Vertices in the units of a map, in order; the last is joined to the first."""

MAX_VERTICES = 100
"""Of a polygon in an address; assets/map_select.js draws none of more."""
_POLYGON_CHARACTERS = 3000
MIN_LEVEL, MAX_LEVEL = 50.0, 99.9
MIN_SIGMA, MAX_SIGMA = 0.5, 5.0
_LABELS = re.compile(r"([A-Za-z_][A-Za-z0-9_.-]{0,63})/((?:-1|[0-9]{1,4})(?:,(?:-1|[0-9]{1,4}))*)")
_MOST_LABELS = 1000
"""In an address."""
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}")


@dataclass(frozen=True, kw_only=True)
class MapView:
    """The map page: which map, data sets, colours and ellipses, which image is inspected, which are selected."""

    map: str = "pca"
    second: str | None = None
    """The map beside it, if any."""
    on: tuple[str, ...] | None = None
    """Names of the data sets that are drawn; None: all."""
    off: tuple[tuple[str, int], ...] = ()
    """Data set and label of those that are switched off, in order; -1: images of no label."""
    group: str = "dataset"
    """What the ellipses are fitted to: each data set, label or split."""
    kind: str = "prediction"
    level: float = 95.0
    """Nominal coverage in per cent."""
    sigma: float = 3.0
    """Radius in standard deviations, for kind 'sigma'."""
    colour: str = "dataset"
    """Column that the points are coloured by, or 'code'."""
    code: int | None = None
    """Of colour 'code': images that contain it are marked."""
    point: Point | None = None
    polygon: Polygon | None = None
    """Selected are the images inside."""
    drawn_on: str | None = None
    """The map that the polygon is drawn on; None: on `map`."""
    where: tuple[Where, ...] = ()
    """Of the images inside only those are selected for which all these hold; empty without a polygon."""
    tab: str = "composition"
    """What is shown of the selection, one of TABS; without a polygon the first."""
    order: str | None = None
    """Column that the table of the selection is sorted by, after '-' in descending order; None without a polygon."""
    seen: Seen | None = None
    """What is seen of `map`; None: all of it."""
    second_seen: Seen | None = None
    """The same of the map beside it."""

    @property
    def stored_seen(self) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
        """What is seen of each map, as the stores map-view and map-view-2 hold it."""
        return (
            self.seen.store(self.map) if self.seen else None,
            self.second_seen.store(self.second) if self.second_seen and self.second else None,
        )

    @property
    def drawn(self) -> dict[str, Any] | None:
        """The polygon and its map, as the store map-polygon holds them."""
        if self.polygon is None:
            return None
        where = {"where": [one.body for one in self.where]} if self.where else {}
        return {"map": self.drawn_on or self.map, "vertices": self.polygon} | where

    def on_map(self, name: str) -> "MapView":
        """The same view of another map. A polygon goes with its map: it stays where that is still shown."""
        view = replace(self, map=name, second=None if self.second == name else self.second)
        if self.map != name:
            view = replace(view, seen=None)
        if view.second is None:
            view = replace(view, second_seen=None)
        if self.polygon is None:
            return view
        drawn_on = self.drawn_on or self.map
        kept = drawn_on in (view.map, view.second)
        return replace(
            view,
            polygon=self.polygon if kept else None,
            where=self.where if kept else (),
            tab=self.tab if kept else MapView.tab,
            order=self.order if kept else None,
            drawn_on=drawn_on if kept and drawn_on != name else None,
        )

    def shows(self, name: str) -> bool:
        """Whether the data set of this name is switched on."""
        return self.on is None or name in self.on

    def off_of(self, name: str) -> tuple[int, ...]:
        """Labels of a data set that are switched off."""
        return tuple(label for dataset, label in self.off if dataset == name)

    @property
    def labels_off(self) -> dict[str, list[int]]:
        """Labels that are switched off by their data set, as the store map-off holds them."""
        return {name: list(self.off_of(name)) for name, _ in self.off}

    def to_query(self) -> str:
        """The query of the address, with '?' unless it is empty."""
        pairs: list[tuple[str, str]] = []
        if self.map != MapView.map:
            pairs.append(("map", self.map))
        if self.second is not None:
            pairs.append(("second", self.second))
        pairs += self.seen.pairs() if self.seen else []
        pairs += self.second_seen.pairs("2") if self.second_seen else []
        if self.on is not None:
            pairs += [("on", name) for name in self.on] or [("on", "")]
        pairs += [("off", f"{name}/{','.join(map(str, labels))}") for name, labels in self.labels_off.items()]
        if self.colour == "code":
            pairs += [] if self.code is None else [("code", str(self.code))]
        elif self.colour != MapView.colour:
            pairs.append(("colour", self.colour))
        if self.group != MapView.group:
            pairs.append(("group", self.group))
        if self.kind != MapView.kind:
            pairs.append(("kind", self.kind))
        if self.kind == "sigma":
            pairs += [("sigma", f"{self.sigma:g}")] if self.sigma != MapView.sigma else []
        elif self.level != MapView.level:
            pairs.append(("level", f"{self.level:g}"))
        if self.point is not None:
            pairs.append(("point", str(self.point)))
        if self.polygon is not None:
            pairs.append(("sel", polygon_text(self.polygon)))
            pairs += [] if self.drawn_on is None else [("drawn", self.drawn_on)]
            pairs += [("where", one.text) for one in self.where]
            pairs += [("tab", self.tab)] if self.tab != MapView.tab else []
            pairs += [("order", self.order)] if self.order else []
        return join_query(pairs)

    @classmethod
    def from_query(cls, query: str | None) -> "MapView":
        """The view that an address asks for."""
        found = split_query(query)
        kind = last_of(found, "kind", cls.kind)
        code = whole_of(last_of(found, "code", ""), -1)
        colour = _name(last_of(found, "colour", ""), cls.colour)
        map_, second = _name(last_of(found, "map", ""), cls.map), _name(last_of(found, "second", ""), "")
        polygon, drawn_on = parse_polygon(last_of(found, "sel", "")), last_of(found, "drawn", "")
        tab, order = last_of(found, "tab", cls.tab), last_of(found, "order", "")
        second = second if second != map_ else ""
        return cls(
            map=map_,
            second=second or None,
            on=tuple(dict.fromkeys(name for name in found["on"] if name)) if "on" in found else None,
            off=_labels(found.get("off", [])),
            group=_name(last_of(found, "group", ""), cls.group),
            kind=kind if kind in KINDS else cls.kind,
            level=number_of(last_of(found, "level", ""), MIN_LEVEL, MAX_LEVEL, cls.level),
            sigma=number_of(last_of(found, "sigma", ""), MIN_SIGMA, MAX_SIGMA, cls.sigma),
            colour="code" if code >= 0 else colour if colour != "code" else cls.colour,
            code=code if code >= 0 else None,
            point=Point.parse(last_of(found, "point", "")),
            polygon=polygon,
            where=parsed(found.get("where", [])) if polygon else (),
            tab=tab if polygon and tab in TABS else cls.tab,
            drawn_on=drawn_on if polygon and drawn_on == second and drawn_on not in ("", map_) else None,
            order=order if polygon and _NAME.fullmatch(order.removeprefix("-")) else None,
            seen=Seen.parse(last_of(found, "view", ""), last_of(found, "camera", "")),
            second_seen=Seen.parse(last_of(found, "view2", ""), last_of(found, "camera2", ""))
            if second
            else None,
        )

    @classmethod
    def from_controls(
        cls,
        *,
        map: str | None = None,
        second: str | None = None,
        on: Sequence[str] | None = None,
        off: Mapping[str, Sequence[int]] | None = None,
        group: str | None = None,
        kind: str = "prediction",
        level: float | str | None = None,
        sigma: float | str | None = None,
        colour: str | None = None,
        code: float | str | None = None,
        point: str | None = None,
        polygon: Mapping[str, Any] | None = None,
        tab: str | None = None,
        order: str | None = None,
        seen: Mapping[str, Any] | None = None,
        second_seen: Mapping[str, Any] | None = None,
    ) -> "MapView":
        """The view that the page's controls ask for.

        A number field that is being edited may be empty or out of range; the default stands in meanwhile.
        `polygon` is what the store map-polygon holds, see `drawn`; `seen` and
        `second_seen` those of map-view and map-view-2, of these maps or others.
        """
        number = whole_of(str(code), -1)
        map_ = map or cls.map
        second = second if second and second != map_ else None
        return cls(
            map=map_,
            second=second,
            on=None if on is None else tuple(on),
            off=tuple(sorted((name, label) for name, labels in (off or {}).items() for label in labels)),
            group=group or cls.group,
            kind=kind,
            level=number_of(str(level), MIN_LEVEL, MAX_LEVEL, cls.level),
            sigma=number_of(str(sigma), MIN_SIGMA, MAX_SIGMA, cls.sigma),
            colour=colour or cls.colour,
            code=number if number >= 0 else None,
            point=Point.parse(point),
            polygon=tuple((float(x), float(y)) for x, y in polygon["vertices"]) if polygon else None,
            where=stored(polygon.get("where", ())) if polygon else (),
            tab=tab if polygon and tab else cls.tab,
            drawn_on=polygon["map"] if polygon and polygon["map"] != map_ else None,
            order=order if polygon and order else None,
            seen=Seen.stored(seen, map_),
            second_seen=Seen.stored(second_seen, second),
        )


def _labels(texts: Sequence[str]) -> tuple[tuple[str, int], ...]:
    """'DATASET/LABEL,…,LABEL' each; what is none is left out."""
    found = [match for text in texts if (match := _LABELS.fullmatch(text))]
    pairs = ((match[1], int(label)) for match in found for label in match[2].split(","))
    return tuple(sorted(set(islice(pairs, _MOST_LABELS))))


def polygon_text(polygon: Polygon) -> str:
    """Coordinates one after the other, to five digits: what assets/map_select.js rounds them to."""
    return ",".join(f"{value:.5g}" for vertex in polygon for value in vertex)


def parse_polygon(text: str | None) -> Polygon | None:
    """The reverse; None of what is no polygon, or too large a one."""
    parts = (text or "")[: _POLYGON_CHARACTERS + 1].split(",")
    if not 6 <= len(parts) <= 2 * MAX_VERTICES or len(parts) % 2 or len(text or "") > _POLYGON_CHARACTERS:
        return None
    values = [number_of(part, -FARTHEST, FARTHEST, math.nan) for part in parts]
    if any(math.isnan(value) for value in values):
        return None
    return tuple(zip(values[::2], values[1::2], strict=True))


def _name(text: str, default: str) -> str:
    return text if _NAME.fullmatch(text) else default
