"""Which vectors might stand for an image: pooled features of some stages, averaged over some views."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from model.vqvae import VQVAE

View = tuple[int, int, bool]
"""Rows and columns that an image is moved by, in pixels, and whether it is mirrored first."""

MARGIN = 2
PLAIN: Sequence[View] = ((0, 0, False),)
FLIP: Sequence[View] = ((0, 0, False), (0, 0, True))
DIAGONALS = ((1, 1), (-1, -1), (1, -1), (-1, 1))
CROSSED: Sequence[View] = ((1, 1, False), (-1, -1, False), (1, -1, True), (-1, 1, True))
EIGHT: Sequence[View] = tuple((y, x, mirrored) for y, x in DIAGONALS for mirrored in (False, True))
PHASES: Sequence[View] = tuple((y, x, m) for y in (0, 2) for x in (0, 2) for m in (False, True))

ALL_VIEWS = tuple(dict.fromkeys([*PLAIN, *FLIP, *CROSSED, *EIGHT, *PHASES]))
POOLS = ("mean", "std", "max")
STAGES = ("layer1", "layer2", "last")


@dataclass(frozen=True)
class Candidate:
    """One definition of an embedding."""

    stages: Sequence[str]
    pools: Sequence[str]
    views: Sequence[View]


CANDIDATES: Mapping[str, Candidate] = {
    "last map, mean and std": Candidate(("last",), ("mean", "std"), PLAIN),
    "last map, mean, std and max": Candidate(("last",), POOLS, PLAIN),
    "last map, mirrored too": Candidate(("last",), POOLS, FLIP),
    "last map, 4 views": Candidate(("last",), POOLS, CROSSED),
    "trunk, 4 views": Candidate(("layer2",), POOLS, CROSSED),
    "trunk and last map": Candidate(("layer2", "last"), POOLS, PLAIN),
    "trunk and last map, mirrored too": Candidate(("layer2", "last"), POOLS, FLIP),
    "trunk and last map, 4 views (chosen)": Candidate(("layer2", "last"), POOLS, CROSSED),
    "trunk and last map, 8 views": Candidate(("layer2", "last"), POOLS, EIGHT),
    "trunk and last map, 4 phases of the grid, mirrored too": Candidate(("layer2", "last"), POOLS, PHASES),
    "three stages, 4 views": Candidate(STAGES, POOLS, CROSSED),
}

Features = dict[tuple[View, str, str], Tensor]
"""(view, stage, pool) -> N C."""


@torch.inference_mode()
def features(network: VQVAE, images: Tensor) -> Features:
    """Every pool of every stage of every view of images B 3 H W."""
    found: Features = {}
    height, width = images.shape[2:]
    padded = F.pad(images, (MARGIN,) * 4, mode="reflect")
    encoder = network.encoder
    for view in ALL_VIEWS:
        rows, columns, mirrored = view
        top, left = MARGIN + rows, MARGIN + columns
        whole = padded.flip(-1) if mirrored else padded
        hidden = encoder.stem(whole[:, :, top : top + height, left : left + width].contiguous())
        maps = []
        for stage in encoder.trunk:
            hidden = stage(hidden)
            maps.append(hidden)
        maps = [*maps[:2], encoder.refine(hidden)]
        for name, feature_map in zip(STAGES, maps, strict=True):
            flat = feature_map.flatten(2)
            found[view, name, "mean"] = flat.mean(2)
            found[view, name, "std"] = flat.std(2, correction=0)
            found[view, name, "max"] = flat.amax(2)
    return found


def vectors(candidate: Candidate, found: Features) -> Tensor:
    """N D: the candidate's features, averaged over its views, stages and pools end to end."""
    parts = [
        torch.stack([found[view, stage, pool] for view in candidate.views]).mean(0)
        for stage in candidate.stages
        for pool in candidate.pools
    ]
    return torch.cat(parts, 1)
