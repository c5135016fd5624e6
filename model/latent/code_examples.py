"""One piece of an image for every code at once: enough to see what a whole codebook stands for."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.latent.code_patches import Patch
from model.latent.enrichment import contains

PER_CODE = 4
"""Images looked at for each code; more would find nearer pieces, at the price of as many more encodings."""
MOST = 4096
"""Images looked at for a whole codebook: a bound for very large ones, of which some codes then stay without a piece."""
_TABLE = 1 << 22


def covering_rows(
    codes: NDArray[np.integer[Any]],
    rows: NDArray[np.int64],
    codebook_size: int,
    *,
    per_code: int = PER_CODE,
    at_most: int = MOST,
    seed: int = 0,
) -> NDArray[np.int64]:
    """Few rows, ascending, that hold every code in ``per_code`` images, or in all where fewer contain it.

    They are taken in a random order until every code is held; at most ``per_code`` rows a code, mostly far fewer, as
    an image holds many codes.

    Args:
        codes: (N, H', W') of the index; may be memory-mapped.
        rows: those to choose from.
        codebook_size: K.
        per_code: images wanted for each code.
        at_most: rows in all.
        seed: of the order.
    """
    order = np.random.default_rng(seed).permutation(rows)
    held = np.zeros(codebook_size, np.int64)
    kept = []
    step = max(1, _TABLE // codebook_size)
    for start in range(0, len(order), step):
        chunk = order[start : start + step]
        there = contains(codes[chunk], codebook_size)
        wanted = there & (np.cumsum(there, axis=0) + held <= per_code)
        kept.append(chunk[wanted.any(axis=1)])
        held += wanted.sum(axis=0)
        if (held >= per_code).all() or sum(map(len, kept)) >= at_most:
            break
    return np.sort(np.concatenate(kept)[:at_most]) if kept else np.empty(0, np.int64)


def nearest_of_each(
    codes: Sequence[NDArray[np.integer[Any]]], errors: Sequence[NDArray[np.floating[Any]]], codebook_size: int
) -> list[Patch | None]:
    """For each code the cell that lies nearest to its vector among the images; None where none took it.

    Args:
        codes: (H', W') of each image.
        errors: the same shape: squared distance of each cell to the vector of its code.
        codebook_size: K.
    """
    found: list[Patch | None] = [None] * codebook_size
    if not codes:
        return found
    flat, distances = np.stack(codes).ravel(), np.stack(errors).ravel()
    order = np.lexsort((distances, flat))  # by code, within a code nearest first
    present, first = np.unique(flat[order], return_index=True)
    places = zip(*np.unravel_index(order[first], (len(codes), *codes[0].shape)), strict=True)
    for code, (image, row, column), cell in zip(present.tolist(), places, order[first].tolist(), strict=True):
        found[code] = Patch(int(image), int(row), int(column), float(distances[cell]))
    return found
