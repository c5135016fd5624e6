"""How well a model reproduces whole splits, and how it uses its codebook."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from model.data.arrays import open_split
from model.data.download import ensure_available
from model.errors import VQScopeError
from model.inference import InferenceModel
from model.metrics import CodebookUsage, Figures

STRIDE = 256
"""Images between two movements of the progress bar."""


def evaluate(
    model: InferenceModel,
    *,
    data_dir: Path,
    datasets: Sequence[str],
    split: str = "test",
    progress: bool = True,
) -> dict[str, Any]:
    """Figures of a model on one split of some data sets (JSON-able).

    PSNR, SSIM and MAE are taken per image at its native size and number of channels, on stored (uint8) pictures
    at the scale [0, 1], then averaged over a data set. Codebook use and perplexity are over the whole split of all
    data sets together.

    Raises:
        VQScopeError: a data set that does not exist or cannot be read.
    """
    ensure_available(datasets, data_dir)
    splits = [open_split(name, split, data_dir=data_dir) for name in datasets]
    for part in splits:
        if not len(part):
            raise VQScopeError(
                f"{part.info.name} has no images in its {split} split: leave it out, or choose another --split"
            )
    usage = CodebookUsage(model.codebook_size)
    results: dict[str, dict[str, float]] = {}
    with tqdm(
        total=sum(len(s) for s in splits), desc="evaluating", unit="image", disable=not progress
    ) as bar:
        for part in splits:
            figures = []
            for start in range(0, len(part), STRIDE):
                analysis = model.analyse(part.images[start : start + STRIDE])
                usage.update(torch.from_numpy(analysis.encoding.codes.astype(np.int64)))
                figures.append(analysis.figures)
                bar.update(len(analysis.figures.psnr))
            whole = Figures.concatenate(figures)
            results[part.info.name] = {
                "n": len(part),
                "psnr": float(whole.psnr.mean()),
                "ssim": float(whole.ssim.mean()),
                "mae": float(whole.mae.mean()),
            }
    used = usage.compute()
    return {
        "model": model.version,
        "split": split,
        "bits_per_image": model.bits_per_image,
        "codebook": {
            "size": model.codebook_size,
            "used": round(float(used["used"]) * model.codebook_size),
            "perplexity": float(used["perplexity"]),
        },
        "datasets": results,
    }


def as_table(result: dict[str, Any]) -> str:
    """The figures of `evaluate` as an aligned table, with the mean over data sets."""
    rows = list(result["datasets"].items())
    width = max(len(name) for name, _ in [*rows, ("mean", None)])
    lines = [f"{'data set':{width}}  {'images':>7}  {'PSNR dB':>7}  {'SSIM':>6}  {'MAE':>6}"]
    lines += [
        f"{name:{width}}  {r['n']:7,d}  {r['psnr']:7.2f}  {r['ssim']:6.4f}  {r['mae']:6.4f}"
        for name, r in rows
    ]
    mean = {k: float(np.mean([r[k] for _, r in rows])) for k in ("psnr", "ssim", "mae")}
    lines.append(f"{'mean':{width}}  {'':7}  {mean['psnr']:7.2f}  {mean['ssim']:6.4f}  {mean['mae']:6.4f}")
    codebook = result["codebook"]
    lines.append(
        f"{result['bits_per_image']:.0f} bits an image; {codebook['used']} of {codebook['size']} codes in use,"
        f" perplexity {codebook['perplexity']:.0f} ({result['split']} split, {result['model']})"
    )
    return "\n".join(lines)
