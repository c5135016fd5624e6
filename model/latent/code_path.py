"""A straight path between two images in the space before the quantiser, and the codes along it."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.inference import InferenceModel


@dataclass(frozen=True)
class PathEnd:
    """Where a path begins or ends: an image, or the codes of one. Exactly one of both is given."""

    image: NDArray[np.uint8] | None = None
    """(H, W) grey or (H, W, 3) colour, of any size."""
    codes: NDArray[np.integer[Any]] | None = None
    """(H', W')."""

    def __post_init__(self) -> None:
        if (self.image is None) == (self.codes is None):
            raise ValueError("the end of a path is either an image or codes")


@dataclass(frozen=True)
class CodePath:
    """T steps from one grid of codes to another."""

    weights: NDArray[np.float64]
    """(T,): share of the end in each step, from 0 to 1."""
    codes: NDArray[np.uint16]
    """(T, H', W')."""
    flipped: NDArray[np.bool_]
    """(T, H', W'): which cells have another code than one step before; none in the first."""
    pictures: NDArray[np.uint8]
    """(T, S, S, 3), decoded from the codes."""


def walk(model: InferenceModel, start: PathEnd, end: PathEnd, steps: int) -> CodePath:
    """Blend the latents of two ends cell by cell, quantise each step anew, and decode it.

    The latent of an image is what the encoder says before the quantiser; that of codes is their vectors. With
    straight lines between latents a cell changes its code where the line crosses into another code's Voronoi
    cell, and the same code never comes back (Voronoi cells are convex).

    Raises:
        ValueError: fewer than two steps, another grid, or a code outside the codebook.
    """
    if steps < 2:
        raise ValueError(f"a path has at least its two ends, not {steps} steps")
    first, last = _latent(model, start), _latent(model, end)
    weights = np.linspace(0, 1, steps)
    blend = weights.astype(np.float32)[:, None, None, None]
    codes = model.quantise((1 - blend) * first + blend * last)
    for place, given in ((0, start.codes), (-1, end.codes)):
        if given is not None:  # of two equal vectors the quantiser would always say the first
            codes[place] = given
    flipped = np.zeros(codes.shape, bool)
    flipped[1:] = codes[1:] != codes[:-1]
    return CodePath(weights, codes, flipped, model.decode(codes))


def _latent(model: InferenceModel, end: PathEnd) -> NDArray[np.float32]:
    """(D, H', W')."""
    if end.image is not None:
        (latent,) = model.latents(end.image[None])
    else:
        assert end.codes is not None
        (latent,) = model.code_latents(end.codes[None])
    found: NDArray[np.float32] = latent
    return found
