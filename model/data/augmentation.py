"""What is done to training images at random, on whole batches and on whatever device they are."""

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor

Augmentation = Literal["none", "flip", "cutmix", "shift", "turn"]

CUT_STEP = 4
"""Pixels between the lines along which images are cut: a cell of the code grid of 28 px images."""

MAX_SHIFT = 2
"""Pixels, either way along each side: half a cell of the code grid of 28 px images."""


def random_flip(images: Tensor) -> Tensor:
    """Images (B,C,H,W), each mirrored left to right with probability ½."""
    flipped = torch.rand(len(images), device=images.device) < 0.5
    return torch.where(flipped[:, None, None, None], images.flip(-1), images)


def random_cutmix(images: Tensor) -> Tensor:
    """Images (B,C,H,W), each with probability ½ cut along a line and joined with the other side of another.

    After S. Yun et al., "CutMix" (2019, 1905.04899), with one straight cut, upright or level, so that what a cell of
    the code grid shows stays real. Images that are seen many times are then seen in ever new company, which keeps
    a network from learning the whole of them by heart.
    """
    batch, _, height, width = images.shape
    device = images.device
    partners = images[torch.randperm(batch, device=device)]
    mixed = torch.rand(batch, device=device) < 0.5
    upright = torch.rand(batch, device=device) < 0.5
    first = torch.rand(batch, device=device) < 0.5  # which side the partner gives
    share = torch.rand(batch, device=device)
    columns = _beyond_cut(share, width, first)[:, None, None, :]  # B 1 1 W
    rows = _beyond_cut(share, height, first)[:, None, :, None]  # B 1 H 1
    taken = torch.where(upright[:, None, None, None], columns, rows) & mixed[:, None, None, None]
    return torch.where(taken, partners, images)


def random_shift(images: Tensor, most: int = MAX_SHIFT) -> Tensor:
    """Images (B,C,H,W), each moved by −most … most pixels along both sides; the border is mirrored inwards."""
    moves = torch.randint(-most, most + 1, (2, len(images), 1), device=images.device)
    rows = _mirrored(torch.arange(images.shape[2], device=images.device) + moves[0], images.shape[2])  # B H
    columns = _mirrored(
        torch.arange(images.shape[3], device=images.device) + moves[1], images.shape[3]
    )  # B W
    which = torch.arange(len(images), device=images.device)
    # Advanced indices B 1 1, B H 1, B 1 W around a slice of the channels: B H W C.
    moved = images[which[:, None, None], :, rows[:, :, None], columns[:, None, :]]
    return moved.movedim(-1, 1).contiguous()


def random_turn(images: Tensor) -> Tensor:
    """Square images (B,C,S,S), each turned by 0, 90, 180 or 270 degrees."""
    quarter_turns = torch.randint(4, (len(images), 1, 1, 1), device=images.device)
    for turns in (1, 2, 3):
        images = torch.where(quarter_turns == turns, images.rot90(turns, (2, 3)), images)
    return images


AUGMENTATIONS: dict[Augmentation, Callable[[Tensor], Tensor]] = {
    "none": lambda images: images,
    "flip": random_flip,
    "cutmix": lambda images: random_cutmix(random_flip(images)),
    "shift": lambda images: random_shift(random_flip(images)),
    "turn": lambda images: random_turn(random_flip(images)),
}


def _beyond_cut(share: Tensor, size: int, first: Tensor) -> Tensor:
    """(B, size): which places lie on one side of a cut at a multiple of CUT_STEP inside, before it where ``first``."""
    inside = max(1, (size - 1) // CUT_STEP)  # lines strictly between the borders
    cut = ((share * inside).long().clamp(max=inside - 1) + 1) * CUT_STEP  # B
    before = torch.arange(size, device=share.device) < cut[:, None]
    return torch.where(first[:, None], before, ~before)


def _mirrored(places: Tensor, size: int) -> Tensor:
    """Places outside 0 … size − 1 mirrored at the first or last one."""
    places = places.abs()
    return torch.where(places >= size, 2 * (size - 1) - places, places)
