"""PSNR, SSIM and MAE per image.

One definition for training curves, evaluation, index and service: pictures on the scale [0, 1], one figure per
image, averaged only afterwards.
"""

from dataclasses import dataclass, fields
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

PSNR_CEILING = 100.0
"""dB given to a perfect copy, whose PSNR would be infinite and spoil every average."""

ERROR_FULL_SCALE = 0.25
"""Absolute error, as a share of the full range, at which the error map's colour scale ends."""


class ImageFigures(NamedTuple):
    """Figures of a batch, each of shape B."""

    psnr: Tensor
    ssim: Tensor
    mae: Tensor


def image_figures(pictures: Tensor, references: Tensor) -> ImageFigures:
    """Figures of each picture against its reference.

    Args:
        pictures: B C H W, float, on the scale [0, 1]; H and W at least 2.
        references: the same shape and scale.

    Returns:
        PSNR in dB (at most ``PSNR_CEILING``), SSIM (Wang et al. 2004: Gaussian window, sigma 1.5, 11 x 11;
        a uniform window of the largest odd size that fits a smaller picture) over the whole picture, mirrored at
        its border, MAE in [0, 1]; mean over channels.
    """
    # Under autocast the windows of SSIM would be averaged in bfloat16, whose variances are mostly rounding.
    with torch.autocast(pictures.device.type, enabled=False):
        pictures, references = pictures.float(), references.float()
        difference = (pictures - references).abs()
        mse = difference.square().mean((1, 2, 3))
        psnr = -10 * torch.log10(mse.clamp(min=10 ** (-PSNR_CEILING / 10)))
        return ImageFigures(psnr, _ssim(pictures, references), difference.mean((1, 2, 3)))


def _ssim(pictures: Tensor, references: Tensor) -> Tensor:
    """SSIM of each picture. Windows are applied as products with banded matrices, along each axis one.

    On pictures of tens of pixels that is five times as fast as the convolution of the same window, and figures of a
    whole archive are taken beside its encoding.
    """
    height, width = pictures.shape[-2:]
    side = min(height, width)
    window = _window(min(11, side if side % 2 else side - 1))
    down, across = (_averaging(n, window).to(pictures.device) for n in (height, width))
    planes = torch.stack([pictures, references, pictures**2, references**2, pictures * references])
    mean, other, square, other_square, product = down @ (planes @ across.T)  # 5 B C H W
    variances = (square - mean**2).clamp(min=0) + (other_square - other**2).clamp(min=0)
    covariance = product - mean * other
    c1, c2 = 0.01**2, 0.03**2
    luminance = (2 * mean * other + c1) / (mean**2 + other**2 + c1)
    similarity: Tensor = luminance * (2 * covariance + c2) / (variances + c2)
    return similarity.mean((1, 2, 3))


def _window(size: int) -> Tensor:
    if size < 11:
        return torch.full((size,), 1 / size)
    weights = torch.exp(-((torch.arange(size) - size // 2) ** 2) / (2 * 1.5**2))
    return weights / weights.sum()


def _averaging(n: int, window: Tensor) -> Tensor:
    """(n, n): row i weighs the n pixels of a line by a window about pixel i, the line mirrored at its ends."""
    pad = len(window) // 2
    mirrored = functional.pad(torch.eye(n)[None], (pad, pad), mode="reflect")[0]  # n (n + 2 pad)
    return (mirrored.unfold(1, len(window), 1) * window).sum(-1).T


@dataclass(frozen=True)
class Figures:
    """Figures of N images as arrays, each (N,) float32: PSNR in dB, SSIM, MAE in [0, 1]."""

    psnr: NDArray[np.float32]
    ssim: NDArray[np.float32]
    mae: NDArray[np.float32]

    @classmethod
    def concatenate(cls, parts: "list[Figures]") -> "Figures":
        """Join the figures of consecutive batches."""
        return cls(*(np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(cls)))


@torch.inference_mode()
def figures(images: NDArray[np.uint8], reconstructions: NDArray[np.uint8]) -> Figures:
    """Figures of pictures as they are stored and shown.

    Args:
        images: uint8, (N, H, W) or (N, H, W, 3).
        reconstructions: the same shape.

    Raises:
        ValueError: the shapes differ.
    """
    if images.shape != reconstructions.shape:
        raise ValueError(f"shapes differ: {images.shape} and {reconstructions.shape}")
    result = image_figures(_to_unit(reconstructions), _to_unit(images))
    return Figures(*(part.numpy() for part in result))


def _to_unit(images: NDArray[np.uint8]) -> Tensor:
    """(N, H, W[, C]) uint8 -> N C H W float32 in [0, 1]."""
    # torch wants memory that it may write to: a slice of a read-only mapping is copied here.
    tensor = torch.from_numpy(np.require(images, requirements=["C", "W"])).float().div_(255)
    return tensor.unsqueeze(1) if tensor.ndim == 3 else tensor.movedim(-1, 1)


def error_map(images: NDArray[np.uint8], reconstructions: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Absolute error as a picture on one fixed perceptual scale, so that maps can be compared.

    Args:
        images: uint8, (N, H, W) or (N, H, W, 3).
        reconstructions: the same shape.

    Returns:
        uint8 (N, H, W, 3): magma from 0 to ``ERROR_FULL_SCALE`` of the full range, mean over channels.
    """
    from matplotlib import colormaps  # slow to import, and only pictures need it

    error = np.abs(images.astype(np.float32) - reconstructions.astype(np.float32)) / 255
    if error.ndim == 4:
        error = error.mean(-1)
    table = (np.asarray(colormaps["magma"](np.arange(256)))[:, :3] * 255).round().astype(np.uint8)
    level = np.clip(error / ERROR_FULL_SCALE * 255, 0, 255).round().astype(np.uint8)
    coloured: NDArray[np.uint8] = table[level]
    return coloured
