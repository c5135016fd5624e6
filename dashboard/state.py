"""What a page shows, as a value and as the query of its address: a link reproduces a view.

Reading never fails: whoever edits an address by hand gets the default for what cannot be read.
Defaults are not written, so that addresses stay short.
"""

from dataclasses import dataclass

from dashboard.queries import join_query, last_of, number_of, split_query, whole_of

SPLITS = ("train", "val", "test")
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


GREY_LEVELS = 255
"""The grey value of white."""


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
class ReconstructionsView:
    """The reconstructions page: which images, in which order, which page of them (1, 2, …), and how they are seen."""

    dataset: str | None = None
    """None: the first one."""
    split: str | None = "test"
    """None: all splits."""
    label: int | None = None
    sort: str = "psnr-asc"
    page: int = 1
    window: float = GREY_LEVELS
    """Of grey images, how many grey values are spread from black to white; to a tenth."""
    level: float = GREY_LEVELS / 2
    """The grey value in the middle of them; to a tenth."""
    enlarged: Point | None = None
    """The image of that page that is shown large, if any."""

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
        if self.window != ReconstructionsView.window:
            pairs.append(("window", f"{self.window:g}"))
        if self.level != ReconstructionsView.level:
            pairs.append(("level", f"{self.level:g}"))
        if self.enlarged is not None:
            pairs.append(("enlarged", str(self.enlarged)))
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
            window=round(number_of(last_of(found, "window", ""), 1, GREY_LEVELS, cls.window), 1),
            level=round(number_of(last_of(found, "level", ""), 0, GREY_LEVELS, cls.level), 1),
            enlarged=Point.parse(last_of(found, "enlarged", "")),
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
