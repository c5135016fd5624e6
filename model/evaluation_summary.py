"""Figures of single images and counts of codes, summed up for one split (JSON-able)."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.data.arrays import SplitArrays
from model.data.catalogue import DatasetInfo
from model.intervals import mean_interval
from model.metrics import Figures

WORST = 10
"""Images listed, by PSNR."""


def summarise_images(
    part: SplitArrays, figures: Figures, trained_on: Sequence[Mapping[str, Any]] = ()
) -> dict[str, Any]:
    """Means with their intervals, the worst images, and whether scores compare with published ones.

    Args:
        part: N images and labels.
        figures: N of each.
        trained_on: ``datasets`` of the model's card.
    """
    caveat = not_comparable(part.info, trained_on)
    summary: dict[str, Any] = {
        "n": len(part),
        "title": part.info.title,
        "md5": part.info.md5,
        "comparable": caveat is None,
        "caveat": caveat,
    }
    for name in ("psnr", "ssim", "mae"):
        values = getattr(figures, name).astype(np.float64)
        summary[name] = float(values.mean())
        summary[f"{name}_interval"] = mean_interval(values)
    summary["worst"] = [
        describe_image(part, figures, int(position))
        for position in np.argsort(figures.psnr, kind="stable")[:WORST]
    ]
    return summary


def describe_image(part: SplitArrays, figures: Figures, position: int) -> dict[str, Any]:
    """Position, label (a list where an image has several) and figures of one image."""
    labels = part.labels[position].tolist()
    return {
        "position": position,
        "label": labels[0] if len(labels) == 1 else labels,
        "psnr": float(figures.psnr[position]),
        "ssim": float(figures.ssim[position]),
        "mae": float(figures.mae[position]),
    }


def not_comparable(info: DatasetInfo, trained_on: Sequence[Mapping[str, Any]]) -> str | None:
    """Why scores on a data set cannot be compared with published ones; None where they can.

    Args:
        info: the data set that is evaluated.
        trained_on: ``datasets`` of the model's card.
    """
    pictures = info.stands_for or info.name
    same_splits = info.official or info.stands_for == info.name
    for other in trained_on:
        if (other.get("stands_for") or other["name"]) != pictures or other.get("md5") == info.md5:
            continue
        # A card whose set stands for itself says that only the file differs from the official one, not the splits.
        if not (same_splits and (other.get("official") or other.get("stands_for") == other["name"])):
            return (
                f"the model has learnt from {other['name']}, the same pictures under other splits: images evaluated"
                " here may be among those that it was trained on"
            )
    if info.official or pictures == info.name:
        return None
    return f"stands for {info.stands_for} with other splits: not comparable with published scores"


def codebook_use(counts: NDArray[np.int64], cells: int) -> dict[str, Any]:
    """Use of a codebook over whole splits.

    Args:
        counts: (K,) how often each code occurs.
        cells: of the code grid of an image.

    Returns:
        ``size`` K; ``used`` codes and ``dead`` ones; ``perplexity``, exp of the entropy of the codes, 1 to K; bits
        of an image, ``bits_nominal``: cells x log2 K, and ``bits_empirical``: cells x log2 perplexity, what an
        ideal entropy coder that knows the frequencies would need.
    """
    share = counts[counts > 0] / counts.sum()
    entropy = float(-(share * np.log2(share)).sum())
    return {
        "size": len(counts),
        "used": len(share),
        "dead": len(counts) - len(share),
        "perplexity": 2**entropy,
        "bits_nominal": cells * float(np.log2(len(counts))),
        "bits_empirical": cells * entropy,
    }


def card_figures(summary: dict[str, Any]) -> dict[str, Any]:
    """The part of an evaluation's summary that a model's card carries."""
    figures = [key for name in ("psnr", "ssim", "mae") for key in (name, f"{name}_interval")]
    return {
        **{key: summary[key] for key in ("created", "split", "embedding_version", "bits_per_image")},
        "codebook": summary["codebook"],
        "mean": summary["mean"],
        "datasets": {
            name: {
                **{key: entry[key] for key in ("n", "md5", "comparable", *figures)},
                "probes": _card_probes(entry["probes"]),
            }
            for name, entry in summary["datasets"].items()
        },
        "separation": _card_probes(summary["separation"]),
    }


def _card_probes(found: dict[str, Any]) -> dict[str, Any]:
    if "not_computed" in found:
        return found
    scores = ("accuracy", "accuracy_interval", "balanced_accuracy", "auc", "auc_interval")
    return {kind: {key: found[kind][key] for key in scores} for kind in ("linear", "knn")}
