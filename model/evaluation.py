"""How well a model reproduces whole splits, how it uses its codebook, and what its embeddings hold."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from model.data.arrays import SplitArrays, open_split
from model.data.download import ensure_available
from model.errors import VQScopeError
from model.evaluation_summary import codebook_use, summarise_images
from model.inference import InferenceModel
from model.intervals import independent_mean_interval
from model.latent.embedding_quality import EmbeddingQuality, check_finite
from model.metrics import Figures

STRIDE = 256
"""Images between two movements of the progress bar."""

METHODS = {
    "psnr, ssim, mae": "mean over images; 95 % interval: Student's t corrected for skewness (Hall 1992)",
    "mean": "unweighted over data sets; 95 % interval: Zou and Donner 2008",
    "accuracy": "95 % interval: Wilson 1927",
    "balanced_accuracy": "mean recall of the classes with images; 95 % interval: Zou and Donner 2008",
    "auc": "one class against the rest, mean over classes; 95 % interval: score test, DeLong 1988, Newcombe 2006",
    "silhouette": "mean over images; 95 % interval: jackknife that leaves out a twentieth at a time (Kott 2001)",
    "independence": "all intervals take images to be independent of each other",
}


@dataclass(frozen=True)
class MeasuredSplit:
    """One split of a data set under a model; images in the order of its file."""

    arrays: SplitArrays
    figures: Figures
    code_counts: NDArray[np.int64]
    """(K,): how often each code occurs."""
    probes: dict[str, Any]
    """See `EmbeddingQuality.probe`."""


@dataclass(frozen=True)
class Evaluation:
    """What was measured, and its summary."""

    splits: tuple[MeasuredSplit, ...]
    summary: dict[str, Any]
    """JSON-able: what `vqscope evaluate --json` writes."""


def evaluate(
    model: InferenceModel,
    *,
    data_dir: Path,
    datasets: Sequence[str],
    split: str = "test",
    probes: bool = True,
    progress: bool = True,
) -> Evaluation:
    """Evaluate a model on one split of some data sets.

    PSNR, SSIM and MAE are taken per image at its native size and number of channels, on stored (uint8) pictures
    at the scale [0, 1], then averaged over a data set. Codebook use and perplexity are over whole splits. No
    reconstructions are kept, and embeddings only until their data set is probed.

    Args:
        model: the model.
        data_dir: folder of the npz files.
        datasets: their names.
        split: train, val or test.
        probes: whether to fit probes to the embeddings; the training splits must be encoded for that.
        progress: whether to show a bar over all images on stderr.

    Raises:
        VQScopeError: a data set that does not exist or cannot be read, or has no images in that split.
    """
    ensure_available(datasets, data_dir)
    parts = [open_split(name, split, data_dir=data_dir) for name in datasets]
    for part in parts:
        if not len(part):
            raise VQScopeError(
                f"{part.info.name} has no images in its {split} split: leave it out, or choose another --split"
            )
    skipped = _why_no_probes(split, probes)
    quality = None if skipped else EmbeddingQuality(model, parts, data_dir=data_dir)
    measured = []
    total = sum(len(part) for part in parts) + (quality.n_images if quality else 0)
    with tqdm(total=total, desc="evaluating", unit="image", disable=not progress) as bar:
        for place, part in enumerate(parts):
            bar.set_postfix_str(part.info.name)
            figures, counts, embeddings = _analyse(model, part, bar, keep_embeddings=quality is not None)
            found = {"not_computed": skipped} if quality is None else quality.probe(place, embeddings, bar)
            measured.append(MeasuredSplit(part, figures, counts, found))
        bar.set_postfix_str("")
        apart = {"not_computed": skipped} if quality is None else quality.separation()
    return Evaluation(tuple(measured), _summarise(model, split, measured, apart))


def _why_no_probes(split: str, wanted: bool) -> str | None:
    if not wanted:
        return "left out on request"
    if split == "train":
        return "probes are fitted to training images: on the training split they mean nothing"
    return None


def _analyse(
    model: InferenceModel, part: SplitArrays, bar: "tqdm[Any]", *, keep_embeddings: bool
) -> tuple[Figures, NDArray[np.int64], NDArray[np.float32]]:
    """Figures, counts of codes (K,) and embeddings (N, D), or (0, D), of a split."""
    figures: list[Figures] = []
    counts = np.zeros(model.codebook_size, dtype=np.int64)
    embeddings = np.empty((len(part) if keep_embeddings else 0, model.embedding_dim), dtype=np.float32)
    for start in range(0, len(part), STRIDE):
        analysis = model.analyse(np.asarray(part.images[start : start + STRIDE]))
        figures.append(analysis.figures)
        counts += np.bincount(analysis.encoding.codes.ravel(), minlength=model.codebook_size)
        if keep_embeddings:
            embeddings[start : start + STRIDE] = analysis.encoding.embeddings
        bar.update(len(analysis.figures.psnr))
    check_finite(embeddings, model, part)
    return Figures.concatenate(figures), counts, embeddings


def _summarise(
    model: InferenceModel, split: str, measured: Sequence[MeasuredSplit], apart: dict[str, Any]
) -> dict[str, Any]:
    cells = model.code_grid[0] * model.code_grid[1]
    datasets = {
        part.arrays.info.name: {
            **summarise_images(part.arrays, part.figures, model.card.get("datasets", ())),
            "codebook": codebook_use(part.code_counts, cells),
            "probes": part.probes,
        }
        for part in measured
    }
    mean: dict[str, Any] = {}
    for name in ("psnr", "ssim", "mae"):
        means = [entry[name] for entry in datasets.values()]
        mean[name] = float(np.mean(means))
        mean[f"{name}_interval"] = independent_mean_interval(
            means, [entry[f"{name}_interval"] for entry in datasets.values()]
        )
    return {
        "model": model.version,
        "sha256": model.sha256,
        "embedding_version": model.embedding_version,
        "split": split,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "bits_per_image": model.bits_per_image,
        "codebook": codebook_use(
            sum((part.code_counts for part in measured[1:]), measured[0].code_counts), cells
        ),
        "datasets": datasets,
        "mean": mean,
        "separation": apart,
        "methods": METHODS,
    }
