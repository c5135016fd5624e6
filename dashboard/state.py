"""What a page shows, as a value and as the query of its address: a link reproduces a view.

Reading never fails: whoever edits an address by hand gets the default for what cannot be read.
Defaults are not written, so that addresses stay short.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from dashboard.queries import join_query, last_of, number_of, split_query, whole_of

SPLITS = ("train", "val", "test")
KINDS = ("prediction", "mean", "normal", "sigma", "robust")
SORTS = (
    "psnr-asc",
    "psnr-desc",
    "ssim-asc",
    "ssim-desc",
    "mae-desc",
    "mae-asc",
    "quantisation_error-desc",
    "quantisation_error-asc",
    "position-asc",
)
"""Column and direction. For PSNR and SSIM the worst come first ascending, for errors descending."""

Polygon = tuple[tuple[float, float], ...]
"""Vertices in the units of a map, in order; the last is joined to the first."""

MAX_VERTICES = 100
"""Of a polygon in an address; assets/map_select.js draws none of more."""
_POLYGON_CHARACTERS = 3000
_FARTHEST = 1e30

MIN_LEVEL, MAX_LEVEL = 50.0, 99.9
MIN_SIGMA, MAX_SIGMA = 0.5, 5.0
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}")


@dataclass(frozen=True)
class Point:
    """One image: data set, split and its position (0, 1, …) in the split."""

    dataset: str
    split: str
    position: int

    def __str__(self) -> str:
        return f"{self.dataset}/{self.split}/{self.position}"

    @classmethod
    def parse(cls, text: str | None) -> "Point | None":
        """'DATASET/SPLIT/POSITION' as a point, or None where it is not one."""
        parts = (text or "").rsplit("/", 2)
        if len(parts) != 3 or not parts[0] or "/" in parts[0] or parts[1] not in SPLITS:
            return None
        position = whole_of(parts[2], -1)
        return cls(parts[0], parts[1], position) if position >= 0 else None


@dataclass(frozen=True, kw_only=True)
class MapView:
    """The map page: which map, data sets, colours and ellipses, which image is inspected, which are selected."""

    map: str = "pca"
    on: tuple[str, ...] | None = None
    """Names of the data sets that are drawn; None: all."""
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

    def shows(self, name: str) -> bool:
        """Whether the data set of this name is switched on."""
        return self.on is None or name in self.on

    def to_query(self) -> str:
        """The query of the address, with '?' unless it is empty."""
        pairs: list[tuple[str, str]] = []
        if self.map != MapView.map:
            pairs.append(("map", self.map))
        if self.on is not None:
            pairs += [("on", name) for name in self.on] or [("on", "")]
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
        return join_query(pairs)

    @classmethod
    def from_query(cls, query: str | None) -> "MapView":
        """The view that an address asks for."""
        found = split_query(query)
        kind = last_of(found, "kind", cls.kind)
        code = whole_of(last_of(found, "code", ""), -1)
        colour = _name(last_of(found, "colour", ""), cls.colour)
        return cls(
            map=_name(last_of(found, "map", ""), cls.map),
            on=tuple(dict.fromkeys(name for name in found["on"] if name)) if "on" in found else None,
            group=_name(last_of(found, "group", ""), cls.group),
            kind=kind if kind in KINDS else cls.kind,
            level=number_of(last_of(found, "level", ""), MIN_LEVEL, MAX_LEVEL, cls.level),
            sigma=number_of(last_of(found, "sigma", ""), MIN_SIGMA, MAX_SIGMA, cls.sigma),
            colour="code" if code >= 0 else colour if colour != "code" else cls.colour,
            code=code if code >= 0 else None,
            point=Point.parse(last_of(found, "point", "")),
            polygon=parse_polygon(last_of(found, "sel", "")),
        )

    @classmethod
    def from_controls(
        cls,
        *,
        map: str | None = None,
        on: Sequence[str] | None = None,
        group: str | None = None,
        kind: str = "prediction",
        level: float | str | None = None,
        sigma: float | str | None = None,
        colour: str | None = None,
        code: float | str | None = None,
        point: str | None = None,
        polygon: Sequence[Sequence[float]] | None = None,
    ) -> "MapView":
        """The view that the page's controls ask for.

        A number field that is being edited may be empty or out of range; the default stands in meanwhile.
        """
        number = whole_of(str(code), -1)
        return cls(
            map=map or cls.map,
            on=None if on is None else tuple(on),
            group=group or cls.group,
            kind=kind,
            level=number_of(str(level), MIN_LEVEL, MAX_LEVEL, cls.level),
            sigma=number_of(str(sigma), MIN_SIGMA, MAX_SIGMA, cls.sigma),
            colour=colour or cls.colour,
            code=number if number >= 0 else None,
            point=Point.parse(point),
            polygon=tuple((float(x), float(y)) for x, y in polygon) if polygon else None,
        )


def polygon_text(polygon: Polygon) -> str:
    """Coordinates one after the other, to five digits: what assets/map_select.js rounds them to."""
    return ",".join(f"{value:.5g}" for vertex in polygon for value in vertex)


def parse_polygon(text: str | None) -> Polygon | None:
    """The reverse; None of what is no polygon, or too large a one."""
    parts = (text or "")[: _POLYGON_CHARACTERS + 1].split(",")
    if not 6 <= len(parts) <= 2 * MAX_VERTICES or len(parts) % 2 or len(text or "") > _POLYGON_CHARACTERS:
        return None
    values = [number_of(part, -_FARTHEST, _FARTHEST, math.nan) for part in parts]
    if any(math.isnan(value) for value in values):
        return None
    return tuple(zip(values[::2], values[1::2], strict=True))


@dataclass(frozen=True, kw_only=True)
class ReconstructionsView:
    """The reconstructions page: which images, in which order, which page of them (1, 2, …)."""

    dataset: str | None = None
    """None: the first one."""
    split: str | None = "test"
    """None: all splits."""
    label: int | None = None
    sort: str = "psnr-asc"
    page: int = 1

    def to_query(self) -> str:
        """The query of the address, with '?' unless it is empty."""
        pairs: list[tuple[str, str]] = []
        if self.dataset is not None:
            pairs.append(("dataset", self.dataset))
        if self.split != ReconstructionsView.split:
            pairs.append(("split", self.split or "all"))
        if self.label is not None:
            pairs.append(("label", str(self.label)))
        if self.sort != ReconstructionsView.sort:
            pairs.append(("sort", self.sort))
        if self.page != 1:
            pairs.append(("page", str(self.page)))
        return join_query(pairs)

    @classmethod
    def from_query(cls, query: str | None) -> "ReconstructionsView":
        """The view that an address asks for."""
        found = split_query(query)
        split, sort = last_of(found, "split", ""), last_of(found, "sort", cls.sort)
        label = whole_of(last_of(found, "label", ""), -1)
        return cls(
            dataset=last_of(found, "dataset", "") or None,
            split=None if split == "all" else split if split in SPLITS else cls.split,
            label=label if label >= 0 else None,
            sort=sort if sort in SORTS else cls.sort,
            page=max(1, whole_of(last_of(found, "page", ""), 1)),
        )


CODE_ORDERS = ("similar", "use", "rare")
CODE_PICTURES = ("patch", "prototype")
MAX_CODE_ZOOM = 3


@dataclass(frozen=True, kw_only=True)
class CodebookView:
    """The codebook page: in which order and size which codes are drawn, and which one is looked at."""

    code: int | None = None
    order: str = "similar"
    goes_with: str | None = None
    """Only codes that go with a data set (its name) or with a label (NAME/LABEL); None: all codes."""
    zoom: int = 2
    """Screen pixels per pixel of a prototype, 1 … MAX_CODE_ZOOM."""
    show: str = "patch"
    """What the small pictures show, one of CODE_PICTURES."""

    def to_query(self) -> str:
        """The query of the address, with '?' unless it is empty."""
        pairs: list[tuple[str, str]] = []
        if self.code is not None:
            pairs.append(("code", str(self.code)))
        if self.order != CodebookView.order:
            pairs.append(("order", self.order))
        if self.goes_with is not None:
            pairs.append(("with", self.goes_with))
        if self.zoom != CodebookView.zoom:
            pairs.append(("zoom", str(self.zoom)))
        if self.show != CodebookView.show:
            pairs.append(("show", self.show))
        return join_query(pairs)

    @classmethod
    def from_query(cls, query: str | None) -> "CodebookView":
        """The view that an address asks for."""
        found = split_query(query)
        code, order = whole_of(last_of(found, "code", ""), -1), last_of(found, "order", cls.order)
        zoom, show = whole_of(last_of(found, "zoom", ""), cls.zoom), last_of(found, "show", cls.show)
        return cls(
            code=code if code >= 0 else None,
            order=order if order in CODE_ORDERS else cls.order,
            goes_with=last_of(found, "with", "") or None,
            zoom=zoom if 1 <= zoom <= MAX_CODE_ZOOM else cls.zoom,
            show=show if show in CODE_PICTURES else cls.show,
        )


def _name(text: str, default: str) -> str:
    return text if _NAME.fullmatch(text) else default
