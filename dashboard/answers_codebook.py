"""What the service says of its codebook, as values of our own."""

import math
from dataclasses import dataclass

from dashboard.answers import Json


@dataclass(frozen=True, kw_only=True)
class CodeLine:
    """A code in a line."""

    code: int
    rank: int
    """Place in the order by similarity."""
    images: int
    """Images that contain it; 0: a dead code."""
    share: float
    """Of all images, in [0, 1]."""
    dataset: str | None
    """Data set that goes with it, or None."""
    label_of: str | None
    """Data set of the label that goes with it, or None; then so are the next two."""
    label: int | None
    label_name: str | None

    @classmethod
    def of(cls, item: Json) -> "CodeLine":
        """From one item of /v1/codebook; KeyError, TypeError or ValueError where it is not one."""
        label = item["label"]
        return cls(
            code=int(item["code"]),
            rank=int(item["rank"]),
            images=int(item["images"]),
            share=float(item["share"]),
            dataset=_text(item["dataset"]),
            label_of=_text(item["label_of"]),
            label=None if label is None else int(label),
            label_name=_text(item["label_name"]),
        )


@dataclass(frozen=True, kw_only=True)
class Codebook:
    """The codes in the order by similarity, as far as one answer holds."""

    index: str
    size: int
    """Codes there are."""
    n: int
    """Images counted."""
    perplexity: float
    dead: int
    """Codes that no image contains."""
    lines: tuple[CodeLine, ...]

    @classmethod
    def of(cls, body: Json) -> "Codebook":
        """From the answer to /v1/codebook."""
        return cls(
            index=str(body["index"]),
            size=int(body["codebook_size"]),
            n=int(body["n"]),
            perplexity=float(body["perplexity"]),
            dead=len(body["dead"]),
            lines=tuple(CodeLine.of(item) for item in body["items"]),
        )


@dataclass(frozen=True, kw_only=True)
class GroupUse:
    """How the images of a data set, or of one of its labels, use a code, against the others."""

    dataset: str
    label: int | None
    """None: the whole data set."""
    label_name: str | None
    n: int
    images: int
    """Of the n, those that contain the code."""
    share: float
    share_elsewhere: float | None
    """None: there are no others."""
    log2_odds: float
    """Base-2 logarithm of the odds ratio; NaN, as its limits are, where there is nothing to compare."""
    low: float
    high: float
    """95 % interval of it."""
    q: float
    """p-value, corrected for all codes and groups."""

    @classmethod
    def of(cls, item: Json) -> "GroupUse":
        """From one entry of `by_dataset` or `by_label`."""
        label, elsewhere = item["label"], item["share_elsewhere"]
        return cls(
            dataset=str(item["dataset"]),
            label=None if label is None else int(label),
            label_name=_text(item["label_name"]),
            n=int(item["n"]),
            images=int(item["images"]),
            share=float(item["share"]),
            share_elsewhere=None if elsewhere is None else float(elsewhere),
            **_odds(item),
        )


@dataclass(frozen=True, kw_only=True)
class Companion:
    """A code that shares `images` with another, `lift` times as many as by chance within data sets."""

    code: int
    images: int
    lift: float
    log2_odds: float
    """Base-2 logarithm of the odds ratio; NaN, as its limits are, where no data set has anything to compare."""
    low: float
    high: float
    """95 % interval of it."""
    q: float
    """p-value, corrected for all codes."""

    @classmethod
    def of(cls, item: Json) -> "Companion":
        """From one entry of `companions`."""
        return cls(
            code=int(item["code"]),
            images=int(item["images"]),
            lift=float(item["lift"]),
            **_odds(item),
        )


@dataclass(frozen=True, kw_only=True)
class CodeDetails:
    """One code in full."""

    code: int
    similar: tuple[int, ...]
    """Codes beside it in the order by similarity."""
    cells: int
    images: int
    share: float
    positions: tuple[tuple[int, ...], ...]
    """Cells that took it, by place in the code grid."""
    by_dataset: tuple[GroupUse, ...]
    by_label: tuple[GroupUse, ...]
    companions: tuple[Companion, ...]

    @classmethod
    def of(cls, body: Json) -> "CodeDetails":
        """From the answer to /v1/codebook/{code}."""
        return cls(
            code=int(body["code"]),
            similar=tuple(int(code) for code in body["similar"]),
            cells=int(body["cells"]),
            images=int(body["images"]),
            share=float(body["share"]),
            positions=tuple(tuple(int(cells) for cells in row) for row in body["positions"]),
            by_dataset=tuple(GroupUse.of(item) for item in body["by_dataset"]),
            by_label=tuple(GroupUse.of(item) for item in body["by_label"]),
            companions=tuple(Companion.of(item) for item in body["companions"]),
        )


@dataclass(frozen=True, kw_only=True)
class Patch:
    """A cell of an image that took the code."""

    dataset: str
    split: str
    position: int
    label_name: str
    row: int
    column: int
    distance: float
    """Squared, from the cell's latent to the code's vector."""

    @classmethod
    def of(cls, item: Json) -> "Patch":
        """From one item of /v1/codebook/{code}/patches."""
        return cls(
            dataset=str(item["dataset"]),
            split=str(item["split"]),
            position=int(item["position"]),
            label_name=str(item["label_name"]),
            row=int(item["row"]),
            column=int(item["column"]),
            distance=float(item["distance"]),
        )


@dataclass(frozen=True)
class Patches:
    """The nearest patches of a code, of different images, nearest first."""

    index: str
    containing: int
    """Images with the code."""
    searched: int
    """Of them, those whose distances were computed."""
    items: tuple[Patch, ...]

    @classmethod
    def of(cls, body: Json) -> "Patches":
        """From the answer to /v1/codebook/{code}/patches."""
        return cls(
            str(body["index"]),
            int(body["containing"]),
            int(body["searched"]),
            tuple(Patch.of(item) for item in body["items"]),
        )


def _odds(item: Json) -> dict[str, float]:
    """Odds ratio, its limits, and q, of whatever has them."""
    log2_odds, (low, high) = item["log2_odds"], item["interval"] or (math.nan, math.nan)
    known = math.nan if log2_odds is None else float(log2_odds)
    return {"log2_odds": known, "low": float(low), "high": float(high), "q": float(item["q"])}


def _text(value: object) -> str | None:
    return None if value is None else str(value)
