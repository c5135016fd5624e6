"""Training curves of a run folder."""

import csv
from pathlib import Path

SHOWN = {
    "loss": "Loss",
    "psnr": "PSNR (dB)",
    "ssim": "SSIM",
    "mae": "MAE (of full range)",
    "codebook_perplexity": "Codebook perplexity",
}

Curves = dict[str, dict[str, list[float]]]
"""By figure of `SHOWN`, by "train" or "val": a value per epoch."""


def read_curves(path: Path) -> Curves | None:
    """The curves in a ``metrics.csv``; None where it is missing, or is not one of numbers by epoch."""
    if not path.is_file():
        return None
    try:
        with path.open(newline="", encoding="utf-8") as stream:
            rows = [
                {key: float(value) for key, value in row.items()}
                for row in csv.DictReader(stream, strict=True)
            ]
    except (ValueError, TypeError, csv.Error):
        return None  # the curves are an addition: a broken file does not spoil the report
    found: Curves = {}
    for name in SHOWN:
        for split in ("train", "val"):
            if rows and f"{split}_{name}" in rows[0]:
                found.setdefault(name, {})[split] = [row[f"{split}_{name}"] for row in rows]
    return found or None
