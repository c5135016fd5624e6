"""k-means on one batch, to place a codebook."""

import torch
from torch import Tensor


@torch.no_grad()
def kmeans(points: Tensor, k: int, steps: int) -> Tensor:
    """Lloyd's algorithm from random points.

    Our own few lines rather than scikit-learn's: it runs where the latents are (GPU too), in milliseconds, and
    the codebook moves on from it at once, so nothing is gained by better seeding.

    Args:
        points: N D.
        k: number of centres; with fewer points than centres, points are drawn more than once.
        steps: Lloyd steps; a centre that nothing is nearest to stays where it is.

    Returns:
        k D centres.
    """
    n = len(points)
    pick = torch.randperm(n, device=points.device)[:k]
    if n < k:
        pick = torch.cat([pick, torch.randint(n, (k - n,), device=points.device)])
    centres = points[pick].clone()
    for _ in range(steps):
        nearest = torch.cdist(points, centres).argmin(1)
        counts = torch.bincount(nearest, minlength=k).to(points.dtype)
        sums = torch.zeros_like(centres).index_add_(0, nearest, points)
        filled = counts > 0
        centres[filled] = sums[filled] / counts[filled, None]
    return centres
