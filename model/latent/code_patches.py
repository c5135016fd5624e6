"""The pieces of images that a code stands for: where the encoder's latent came closest to the code's vector."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Pictures = NDArray[np.uint8]

CANDIDATES = 256
"""Images whose latents are computed for the patches of a code: one pass of the encoder, under a second on a core."""
_GROUND = 255


@dataclass(frozen=True)
class Patch:
    """A cell of an image that took the code."""

    candidate: int
    """Place among the candidates."""
    row: int
    column: int
    """Of the code grid."""
    distance: float
    """Squared distance from the cell's latent to the code's vector."""


def draw_candidates(
    containing: NDArray[np.int64], *, at_most: int = CANDIDATES, seed: int = 0
) -> NDArray[np.int64]:
    """Rows out of those of the images that contain a code, ascending; of more than ``at_most``, drawn at random.

    The index does not keep the distance of each cell, which would double its size: it is computed when asked for,
    for these images. They are drawn evenly, as the images of least quantisation error would be the plainest ones.
    """
    if len(containing) <= at_most:
        return containing
    return np.sort(np.random.default_rng(seed).choice(containing, at_most, replace=False))


def nearest_patches(
    codes: Sequence[NDArray[np.integer[Any]]],
    errors: Sequence[NDArray[np.floating[Any]]],
    code: int,
    *,
    k: int,
) -> list[Patch]:
    """The best cell of each candidate, the k nearest of them, nearest first: k different images show more than one.

    Args:
        codes: (H', W') of each candidate.
        errors: the same shape: squared distance of each cell to the vector of its code.
        code: which.
        k: at most so many.
    """
    found = []
    for place, (grid, distances) in enumerate(zip(codes, errors, strict=True)):
        masked = np.where(grid == code, distances, np.inf)
        row, column = np.unravel_index(int(masked.argmin()), masked.shape)
        if np.isfinite(masked[row, column]):
            found.append(Patch(place, int(row), int(column), float(masked[row, column])))
    return sorted(found, key=lambda patch: (patch.distance, patch.candidate))[:k]


def crop(image: Pictures, grid: tuple[int, int], row: int, column: int, *, margin: int = 1) -> Pictures:
    """The pixels of a cell with ``margin`` cells around it; borders are mirrored: (h, w) or (h, w, 3).

    The encoder's field of view is larger than the cell, so that a patch alone would not show what it saw.
    """
    height, width = image.shape[0] / grid[0], image.shape[1] / grid[1]
    pad_rows, pad_columns = round(margin * height), round(margin * width)
    pads = [(pad_rows, pad_rows), (pad_columns, pad_columns)] + [(0, 0)] * (image.ndim - 2)
    padded = np.pad(image, pads, mode="symmetric")
    top, left = round(row * height), round(column * width)
    bottom, right = round((row + 1) * height) + 2 * pad_rows, round((column + 1) * width) + 2 * pad_columns
    return np.ascontiguousarray(padded[top:bottom, left:right])


def contact_sheet(pictures: Sequence[Pictures], *, columns: int = 6, gap: int = 1) -> Pictures:
    """Pictures side by side on a white ground, row by row, all at their own pixels: (H, W, 3).

    Raises:
        ValueError: there is none.
    """
    if not pictures:
        raise ValueError("a contact sheet needs a picture")
    coloured = [p if p.ndim == 3 else np.repeat(p[..., None], 3, axis=2) for p in pictures]
    height = max(p.shape[0] for p in coloured)
    width = max(p.shape[1] for p in coloured)
    columns = min(columns, len(coloured))
    rows = -(-len(coloured) // columns)
    sheet = np.full((rows * (height + gap) - gap, columns * (width + gap) - gap, 3), _GROUND, dtype=np.uint8)
    for place, picture in enumerate(coloured):
        top, left = place // columns * (height + gap), place % columns * (width + gap)
        sheet[top : top + picture.shape[0], left : left + picture.shape[1]] = picture
    return sheet
