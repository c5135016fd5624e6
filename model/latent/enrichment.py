"""Which codes some images have more often than others do: exact tests over images, corrected for their number."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from model.intervals import LEVEL
from model.latent.errors import SettingError
from model.latent.hypergeometric import two_sided

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]

_CHUNK_BYTES = 1 << 19
"""Of the table of images by codes that is held at a time: it stays in a processor's cache."""
_BYTE = np.iinfo(np.uint8).max
UNBOUNDED = 64.0
"""Stands for an infinite logarithm, and -64 for minus infinity: JSON has none, and no number of images comes near."""
_HALVINGS = 50


@dataclass(frozen=True, eq=False)
class Enrichment:
    """Tests of many 2x2 tables, all of one shape: does an image of the group contain the code?"""

    inside: Counts
    """Images of the group that contain the code."""
    share: Floats
    """Of the group's images."""
    share_elsewhere: Floats
    """Of the other images; NaN where there is none."""
    log2_odds: Floats
    """Logarithm to base 2 of the odds ratio, from a table to which two images are added, spread over its fields as if
    group and code were independent (A. Agresti 1999, Biometrics 55, 597); NaN where a margin is empty. Half an image in
    each field (J. B. S. Haldane 1956) says that a rare code goes with every small group."""
    low: Floats
    high: Floats
    """95 % limits of the odds ratio, from the table as it is (J. Cornfield 1956, Proc. 3rd Berkeley Symp. 4, 135,
    uncorrected for continuity); each by itself, not corrected for how many there are. `UNBOUNDED` where nothing bounds
    it: of 6 images against none of 336, the odds are so many times as high at least."""
    p: Floats
    """Two-sided exact p-value: twice the smaller tail of the hypergeometric distribution (F. Yates 1984), at most 1."""
    q: Floats
    """p adjusted over all of these tests (Y. Benjamini and Y. Hochberg 1995): of tests with q <= 0.05 at most 5 % are
    false discoveries on average, where the tests are independent or depend on each other positively. A table with an
    empty margin (a code that no image, or every image, contains) tests nothing: it is not counted, has q = 1, and no
    odds ratio."""


def enrichment(inside: ArrayLike, n_inside: ArrayLike, total: ArrayLike, n_total: ArrayLike) -> Enrichment:
    """Fisher's exact test of each table. Images are counted, not cells: cells of one image are not independent.

    Args:
        inside: images of the group that contain the code.
        n_inside: images of the group.
        total: images that contain the code, of the group and elsewhere.
        n_total: images of the group and elsewhere. All four are broadcast to one shape.

    Raises:
        SettingError: counts that no table can have.
    """
    k, n, of_code, everything = (
        np.asarray(a, np.int64) for a in np.broadcast_arrays(inside, n_inside, total, n_total)
    )
    outside, n_outside = of_code - k, everything - n
    if (np.stack([k, n - k, outside, n_outside - outside]) < 0).any():
        raise SettingError("a group cannot have more images with a code than there are")
    p = two_sided(k, everything, of_code, n)
    tested = (of_code > 0) & (of_code < everything) & (n > 0) & (n < everything)
    log2_odds, low, high = (np.full(k.shape, np.nan) for _ in range(3))
    tables = k[tested], n[tested], of_code[tested], everything[tested]
    low[tested], high[tested] = _limits(*tables)
    # Smoothing can carry it out of the limits only where they are next to nothing apart.
    log2_odds[tested] = np.clip(_log2_odds(*tables), low[tested], high[tested])
    q = np.ones_like(p)
    if tested.any():
        q[tested] = stats.false_discovery_control(p[tested])
    return Enrichment(
        inside=k,
        share=k / np.maximum(n, 1),
        share_elsewhere=np.where(n_outside > 0, outside / np.maximum(n_outside, 1), np.nan),
        log2_odds=log2_odds,
        low=low,
        high=high,
        p=p,
        q=q,
    )


def _log2_odds(k: Counts, n: Counts, of_code: Counts, everything: Counts) -> Floats:
    """Smoothed logarithm of the odds ratio of tables without an empty margin."""
    share, share_of_code = n / everything, of_code / everything
    fields = [
        k + 2 * share * share_of_code,
        n - k + 2 * share * (1 - share_of_code),
        of_code - k + 2 * (1 - share) * share_of_code,
        everything - n - of_code + k + 2 * (1 - share) * (1 - share_of_code),
    ]
    log_odds: Floats = np.log2(fields[0]) - np.log2(fields[1]) - np.log2(fields[2]) + np.log2(fields[3])
    return log_odds


def _limits(k: Counts, n: Counts, of_code: Counts, everything: Counts) -> tuple[Floats, Floats]:
    """Limits of the base-2 logarithm of the odds ratio: those at which the table is just not refused.

    With odds ratio r and these margins A images of the group would be expected to contain the code. A table is not
    refused as long as (k - A)^2 times the sum of the inverses of the four expected fields is at most the square of
    1.96. That grows with the distance of A from k on either side, so A is found by halving.
    """
    fewest = np.maximum(0, n + of_code - everything).astype(np.float64)
    most = np.minimum(n, of_code).astype(np.float64)
    critical = stats.norm.ppf((1 + LEVEL) / 2) ** 2

    def fields(expected: Floats) -> tuple[Floats, Floats, Floats, Floats]:
        return expected, n - expected, of_code - expected, everything - n - of_code + expected

    limits = []
    for end, unbounded in ((fewest, -UNBOUNDED), (most, UNBOUNDED)):
        refused, kept = end.copy(), k.astype(np.float64)
        for _ in range(_HALVINGS):
            middle = (refused + kept) / 2
            with np.errstate(divide="ignore", invalid="ignore"):
                statistic = (k - middle) ** 2 * sum(1 / field for field in fields(middle))
            inside = ~(statistic > critical)
            kept, refused = np.where(inside, middle, kept), np.where(inside, refused, middle)
        with np.errstate(divide="ignore", invalid="ignore"):
            a, b, c, d = fields(kept)
            limit = np.log2(a) + np.log2(d) - np.log2(b) - np.log2(c)
        limits.append(np.where(k == end, unbounded, np.clip(limit, -UNBOUNDED, UNBOUNDED)))
    return limits[0], limits[1]


def image_counts(
    codes: NDArray[np.integer[Any]], codebook_size: int, rows: ArrayLike | None = None
) -> Counts:
    """How many of (N, H', W') images contain each code: (K,).

    Args:
        codes: may be memory-mapped; it is read in chunks.
        codebook_size: K.
        rows: (n,) which images, ascending for speed; None: all.
    """
    counts = np.zeros(codebook_size, np.int64)
    for chunk in code_chunks(codes, codebook_size, rows):
        counts += column_counts(contains(chunk, codebook_size))
    return counts


def code_chunks(
    codes: NDArray[np.integer[Any]], codebook_size: int, rows: ArrayLike | None = None
) -> Iterator[NDArray[np.integer[Any]]]:
    """Some images' codes, (n, H', W') each, so many that `contains` of them, and the codes as int64, stay small."""
    step = max(1, _CHUNK_BYTES // max(codebook_size, 8 * math.prod(codes.shape[1:])))
    chosen = None if rows is None else np.asarray(rows, np.int64)
    for start in range(0, len(codes) if chosen is None else len(chosen), step):
        part = slice(start, start + step)
        yield np.asarray(codes[part if chosen is None else chosen[part]])


def contains(codes: NDArray[np.integer[Any]], codebook_size: int) -> NDArray[np.bool_]:
    """(n, H', W') -> (n, K): which image contains which code."""
    table = np.zeros((len(codes), codebook_size), np.bool_)
    places = codes.reshape(len(codes), -1) + np.arange(0, table.size, codebook_size)[:, None]
    table.reshape(-1)[places.reshape(-1)] = True
    return table


def column_counts(table: NDArray[np.bool_]) -> Counts:
    """(n, K) -> (K,): how often each column is true; bytes are summed as bytes as long as they cannot overflow."""
    counts = np.zeros(table.shape[1], np.int64)
    for start in range(0, len(table), _BYTE):
        counts += table[start : start + _BYTE].sum(axis=0, dtype=np.uint8)
    return counts


@dataclass(frozen=True)
class EnrichedCode:
    """A code that a selection has more (or less) often than the other images."""

    code: int
    inside: int
    total: int
    share: float
    share_elsewhere: float
    log2_odds: float
    low: float
    high: float
    p: float
    q: float


def enriched_codes(
    codes: NDArray[np.integer[Any]],
    rows: ArrayLike,
    *,
    codebook_size: int,
    background: ArrayLike | None = None,
    totals: Sequence[int] | Counts | None = None,
    level: float = 0.05,
    depleted: bool = False,
    limit: int | None = None,
) -> list[EnrichedCode]:
    """Codes that the images of a selection contain more often than the others, largest log-odds first.

    The selection is compared with the images of the background that are not in it. What was selected *because* of
    its codes, or of a place on a map that they determine, makes p-values a measure of contrast, not of evidence.

    Args:
        codes: (N, H', W'), which may be memory-mapped.
        rows: (n,) distinct rows of the selection.
        codebook_size: K.
        background: rows to compare with; those of the selection belong to it whether named or not. None: all N.
        totals: (K,) images of the background that contain each code (`image_counts`), if known: saves counting them.
            The background has to name the selection then.
        level: largest q, in (0, 1].
        depleted: also give the codes that the selection has less often, as negative log-odds.
        limit: at most so many.

    Returns:
        Codes with ``q <= level``, not one that every image has; none where the selection is empty or the whole.

    Raises:
        SettingError: rows out of range or repeated, a level outside (0, 1], totals of a background that lacks rows of
            the selection.
    """
    if not 0 < level <= 1:
        raise SettingError(f"level must lie in (0, 1], not {level}")
    selected = _marked(rows, len(codes), "rows")
    whole = (
        np.ones(len(codes), np.bool_) if background is None else _marked(background, len(codes), "background")
    )
    if totals is not None and (selected & ~whole).any():
        raise SettingError("totals are those of the background, which has to hold the selection then")
    others = whole & ~selected
    n_selected, n_others = int(selected.sum()), int(others.sum())
    if not n_selected or not n_others:
        return []
    if totals is None:
        counts = image_counts(codes, codebook_size, np.flatnonzero(selected))
        of_code = counts + image_counts(codes, codebook_size, np.flatnonzero(others))
    elif n_selected <= n_others:
        of_code = np.asarray(totals, np.int64)
        counts = image_counts(codes, codebook_size, np.flatnonzero(selected))
    else:
        of_code = np.asarray(totals, np.int64)
        counts = of_code - image_counts(codes, codebook_size, np.flatnonzero(others))
    n_total = n_selected + n_others
    used = np.flatnonzero((of_code > 0) & (of_code < n_total))  # what none or all have is no hypothesis
    tests = enrichment(counts[used], n_selected, of_code[used], n_total)
    kept = np.flatnonzero((tests.q <= level) & ((tests.log2_odds > 0) | depleted))
    kept = kept[np.argsort(-tests.log2_odds[kept], kind="stable")][:limit]
    return [
        EnrichedCode(
            code=int(used[i]),
            inside=int(tests.inside[i]),
            total=int(of_code[used[i]]),
            **{
                name: float(getattr(tests, name)[i])
                for name in ("share", "share_elsewhere", "log2_odds", "low", "high", "p", "q")
            },
        )
        for i in kept
    ]


def _marked(rows: ArrayLike, n: int, what: str) -> NDArray[np.bool_]:
    """(n,) true in the rows named. Sorting out repeated ones with `np.unique` takes seconds for a million."""
    marked = np.zeros(n, np.bool_)
    given = np.asarray(rows)
    if given.size == 0:
        return marked
    if given.ndim != 1 or given.dtype.kind not in "iu":
        raise SettingError(f"{what} must be a list of row numbers")
    if given.min() >= 0 and given.max() < n:
        marked[given] = True
    if marked.sum() < len(given):
        raise SettingError(f"{what} must be distinct rows of 0 to {n - 1}")
    return marked
