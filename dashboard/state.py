"""What a page shows, as a value and as the query of its address: a link reproduces a view.

Reading never fails: whoever edits an address by hand gets the default for what cannot be read.
Defaults are not written, so that addresses stay short.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import parse_qs, urlencode

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

MIN_LEVEL, MAX_LEVEL = 50.0, 99.9
MIN_SIGMA, MAX_SIGMA = 0.5, 5.0
_MAX_NUMBER = 2**31 - 1


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
        position = _whole(parts[2], -1)
        return cls(parts[0], parts[1], position) if position >= 0 else None


@dataclass(frozen=True, kw_only=True)
class MapView:
    """The map page: which data sets are on, which ellipse, which image is inspected."""

    on: tuple[str, ...] | None = None
    """Names of the data sets that are drawn; None: all."""
    kind: str = "prediction"
    level: float = 95.0
    """Nominal coverage in per cent."""
    sigma: float = 3.0
    """Radius in standard deviations, for kind 'sigma'."""
    point: Point | None = None

    def shows(self, name: str) -> bool:
        """Whether the data set of this name is switched on."""
        return self.on is None or name in self.on

    def to_query(self) -> str:
        """The query of the address, with '?' unless it is empty."""
        pairs: list[tuple[str, str]] = []
        if self.on is not None:
            pairs += [("on", name) for name in self.on] or [("on", "")]
        if self.kind != MapView.kind:
            pairs.append(("kind", self.kind))
        if self.kind == "sigma":
            pairs += [("sigma", f"{self.sigma:g}")] if self.sigma != MapView.sigma else []
        elif self.level != MapView.level:
            pairs.append(("level", f"{self.level:g}"))
        if self.point is not None:
            pairs.append(("point", str(self.point)))
        return _query(pairs)

    @classmethod
    def from_query(cls, query: str | None) -> "MapView":
        """The view that an address asks for."""
        found = _parse(query)
        kind = _last(found, "kind", cls.kind)
        return cls(
            on=tuple(dict.fromkeys(name for name in found["on"] if name)) if "on" in found else None,
            kind=kind if kind in KINDS else cls.kind,
            level=_number(_last(found, "level", ""), MIN_LEVEL, MAX_LEVEL, cls.level),
            sigma=_number(_last(found, "sigma", ""), MIN_SIGMA, MAX_SIGMA, cls.sigma),
            point=Point.parse(_last(found, "point", "")),
        )

    @classmethod
    def from_controls(
        cls,
        on: Sequence[str] | None,
        kind: str,
        level: float | str | None,
        sigma: float | str | None,
        point: str | None,
    ) -> "MapView":
        """The view that the page's controls ask for.

        A number field that is being edited may be empty or out of range; the default stands in meanwhile.
        """
        return cls(
            on=None if on is None else tuple(on),
            kind=kind,
            level=_number(str(level), MIN_LEVEL, MAX_LEVEL, cls.level),
            sigma=_number(str(sigma), MIN_SIGMA, MAX_SIGMA, cls.sigma),
            point=Point.parse(point),
        )


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
        return _query(pairs)

    @classmethod
    def from_query(cls, query: str | None) -> "ReconstructionsView":
        """The view that an address asks for."""
        found = _parse(query)
        split, sort = _last(found, "split", ""), _last(found, "sort", cls.sort)
        label = _whole(_last(found, "label", ""), -1)
        return cls(
            dataset=_last(found, "dataset", "") or None,
            split=None if split == "all" else split if split in SPLITS else cls.split,
            label=label if label >= 0 else None,
            sort=sort if sort in SORTS else cls.sort,
            page=max(1, _whole(_last(found, "page", ""), 1)),
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
        return _query(pairs)

    @classmethod
    def from_query(cls, query: str | None) -> "CodebookView":
        """The view that an address asks for."""
        found = _parse(query)
        code, order = _whole(_last(found, "code", ""), -1), _last(found, "order", cls.order)
        zoom, show = _whole(_last(found, "zoom", ""), cls.zoom), _last(found, "show", cls.show)
        return cls(
            code=code if code >= 0 else None,
            order=order if order in CODE_ORDERS else cls.order,
            goes_with=_last(found, "with", "") or None,
            zoom=zoom if 1 <= zoom <= MAX_CODE_ZOOM else cls.zoom,
            show=show if show in CODE_PICTURES else cls.show,
        )


def _query(pairs: list[tuple[str, str]]) -> str:
    return "?" + urlencode(pairs, safe="/") if pairs else ""


def _parse(query: str | None) -> dict[str, list[str]]:
    try:
        return parse_qs((query or "").removeprefix("?"), keep_blank_values=True, max_num_fields=200)
    except ValueError:  # more fields than any address of ours has
        return {}


def _last(found: dict[str, list[str]], key: str, default: str) -> str:
    return found.get(key, [default])[-1]


def _number(text: str, low: float, high: float, default: float) -> float:
    try:
        value = float(text)
    except ValueError:
        return default
    return value if low <= value <= high else default


def _whole(text: str, default: int) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 10):
        return default
    value = int(text)
    return value if value <= _MAX_NUMBER else default
