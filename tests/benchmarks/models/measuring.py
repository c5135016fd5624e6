"""Figures of anything that reproduces pictures, as `vqscope evaluate` takes them."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from model.codebook_usage import CodebookUsage
from model.data.arrays import open_split
from model.data.datasets import ImageTransform
from model.inference import Pictures
from model.metrics import Figures, figures
from tests.benchmarks.models.bars import bar
from tests.benchmarks.models.settings import BenchSettings

STRIDE = 256
"""Images that pass a model at once."""


class Reproduced(NamedTuple):
    """What a model makes of a batch of pictures."""

    pictures: Pictures
    """As the originals: uint8, (N, H, W) or (N, H, W, 3)."""
    codes: NDArray[Any] | None = None
    """(N, ...) indices into a codebook, if the model has one."""
    bits: float = 0.0
    """Of all N together, where they depend on the pictures."""


Reproduce = Callable[[Pictures], Reproduced]
Network = Callable[[Tensor], tuple[Tensor, Tensor | None]]
"""B 3 S S in [-1, 1] -> the same, and codes B ... if there are any."""


def of_network(network: Network, size: int) -> Reproduce:
    """A network at S x S pixels, behind pictures of any size: resized there and back, grey where they are grey."""
    transform = ImageTransform(size)

    @torch.inference_mode()
    def reproduce(pictures: Pictures) -> Reproduced:
        batch = transform(pictures).contiguous(memory_format=torch.channels_last)
        decoded, codes = network(batch)
        unit = decoded.float().clamp(-1, 1) / 2 + 0.5  # [-1, 1] -> [0, 1]
        if unit.shape[-2:] != pictures.shape[1:3]:
            unit = F.interpolate(
                unit, pictures.shape[1:3], mode="bilinear", antialias=True, align_corners=False
            )
        if pictures.ndim == 3:  # three channels out; a grey picture's best estimate is their mean
            unit = unit.mean(1, keepdim=True)
        levels = unit.mul(255).round_().clamp_(0, 255).to(torch.uint8).movedim(1, -1).contiguous().numpy()
        indices = None if codes is None else codes.numpy()
        return Reproduced(levels[..., 0] if pictures.ndim == 3 else levels, indices)

    return reproduce


def measure(
    reproduce: Reproduce, settings: BenchSettings, split: str, *, codebook: int = 0, limit: int | None = None
) -> dict[str, Any]:
    """Figures on one split (JSON-able), at the pictures' own size, on stored (uint8) values.

    Args:
        reproduce: the model.
        settings: which data sets, and how many pictures of each.
        split: train, val or test.
        codebook: its size; 0 where there is none.
        limit: pictures of each set at most, evenly spread over it, instead of the settings' own limit.

    Returns:
        ``datasets``: per set ``n``, mean ``psnr`` (dB), ``ssim``, ``mae``, ``bits`` an image; ``mean``: of these over
        the sets; ``used`` and ``perplexity`` over the whole split of all sets together, where there is a codebook.
    """
    usage = CodebookUsage(codebook) if codebook else None
    parts = [open_split(name, split, data_dir=settings.data_dir) for name in settings.datasets]
    chosen = [_spread(len(part), limit or settings.limit) for part in parts]
    rows: dict[str, dict[str, float]] = {}
    with bar(
        sum(map(len, chosen)), f"measuring ({split})", shown=settings.progress, unit=" images"
    ) as progress:
        for part, positions in zip(parts, chosen, strict=True):
            measured, bits = [], 0.0
            for start in range(0, len(positions), STRIDE):
                pictures = part.images[positions[start : start + STRIDE]]
                reproduced = reproduce(pictures)
                measured.append(figures(pictures, reproduced.pictures))
                bits += reproduced.bits
                if usage is not None and reproduced.codes is not None:
                    usage.update(torch.from_numpy(reproduced.codes.astype(np.int64)))
                progress.update(len(pictures))
            whole = Figures.concatenate(measured)
            rows[part.info.name] = {
                "n": len(positions),
                "psnr": float(whole.psnr.mean()),
                "ssim": float(whole.ssim.mean()),
                "mae": float(whole.mae.mean()),
                "bits": bits / len(positions),
            }
    names = ("psnr", "ssim", "mae", "bits")
    result: dict[str, Any] = {"datasets": rows}
    result["mean"] = {name: float(np.mean([row[name] for row in rows.values()])) for name in names}
    if usage is not None:
        found = usage.compute()
        result["used"] = round(float(found["used"]) * codebook)
        result["perplexity"] = float(found["perplexity"])
    return result


def measure_splits(
    reproduce: Reproduce, settings: BenchSettings, *, codebook: int = 0, limit: int | None = None
) -> dict[str, Any]:
    """Figures on the validation and on the test split: choices are made on one, tables may report the other."""
    return {
        split: measure(reproduce, settings, split, codebook=codebook, limit=limit)
        for split in ("val", "test")
    }


def _spread(n: int, limit: int | None) -> NDArray[np.int64]:
    """Ascending positions, all or evenly spread (neighbours in a file are often alike)."""
    count = n if limit is None else min(n, limit)
    return np.linspace(0, n - 1, count).round().astype(np.int64)
