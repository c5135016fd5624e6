"""The summary of an evaluation as text of at most 100 columns."""

from collections.abc import Sequence
from typing import Any

from model.intervals import Interval

_NAME = 18  # columns of a data set's name; a longer one is cut
_FIGURES = (("psnr", "PSNR dB", 2), ("ssim", "SSIM", 4), ("mae", "MAE", 4))


def as_table(summary: dict[str, Any]) -> str:
    """Figures with their 95 % intervals, probes, separation, codebook: what `vqscope evaluate` prints."""
    blocks = [_figures(summary), _probes(summary["datasets"]), _separation(summary["separation"])]
    return "\n\n".join("\n".join(block) for block in [*blocks, _codebook(summary)] if block)


def plus_minus(value: float, interval: Interval | None, digits: int) -> str:
    """A figure and the longer arm of its interval."""
    if interval is None:
        return f"{value:.{digits}f}"
    arm = max(value - interval[0], interval[1] - value)
    return f"{value:.{digits}f} ± {arm:.{digits}f}"


def between(value: float | None, interval: Interval | None) -> str:
    """A figure and both limits of its interval."""
    if value is None:
        return "–"
    return f"{value:.3f}" if interval is None else f"{value:.3f} ({interval[0]:.3f}–{interval[1]:.3f})"


def _name(name: str, comparable: bool = True) -> str:
    mark = "" if comparable else " *"
    room = _NAME - len(mark)
    return f"{name if len(name) <= room else name[: room - 1] + '…'}{mark}"


def _row(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(
        cell.ljust(width) if place == 0 else cell.rjust(width)
        for place, (cell, width) in enumerate(zip(cells, widths, strict=True))
    ).rstrip()


def _figures(summary: dict[str, Any]) -> list[str]:
    widths = (_NAME, 8, 14, 16, 16)
    lines = [_row(("data set", "images", *(title for _, title, _ in _FIGURES)), widths)]
    for name, entry in [*summary["datasets"].items(), ("mean", summary["mean"])]:
        images = f"{entry['n']:,d}" if "n" in entry else ""
        cells = (plus_minus(entry[key], entry[f"{key}_interval"], digits) for key, _, digits in _FIGURES)
        lines.append(_row((_name(name, entry.get("comparable", True)), images, *cells), widths))
    if not all(entry["comparable"] for entry in summary["datasets"].values()):
        lines.append("* stands for another data set with other splits: not comparable with published scores")
    return lines


def _probes(datasets: dict[str, Any]) -> list[str]:
    reasons = {entry["probes"].get("not_computed") for entry in datasets.values()}
    if len(reasons) == 1 and (reason := reasons.pop()) is not None:
        return [f"probes: not computed ({reason})"]
    widths = (_NAME, 19, 6, 5, 19, 6, 5, 6)
    lines = [
        _row(
            (
                "frozen embeddings",
                "linear: accuracy",
                "bal.",
                "AUC",
                "k-NN: accuracy",
                "bal.",
                "AUC",
                "chance",
            ),
            widths,
        )
    ]
    for name, entry in datasets.items():
        found, shown = entry["probes"], _name(name, entry["comparable"])
        if "not_computed" in found:
            lines.append(f"{shown:{_NAME}}  not computed ({found['not_computed']})")
            continue
        cells = [shown]
        for kind in ("linear", "knn"):
            scores = found[kind]
            area = "–" if scores["auc"] is None else f"{scores['auc']:.3f}"
            cells += [between(scores["accuracy"], scores["accuracy_interval"])]
            cells += [f"{scores['balanced_accuracy']:.3f}", area]
        lines.append(_row([*cells, f"{found['chance']:.3f}"], widths))
    return lines


def _separation(found: dict[str, Any]) -> list[str]:
    if "not_computed" in found:
        return []
    linear, knn, silhouette = found["linear"], found["knn"], found["silhouette"]
    lines = [
        "data set told from the embedding: "
        f"linear {between(linear['accuracy'], linear['accuracy_interval'])},"
        f" k-NN {between(knn['accuracy'], knn['accuracy_interval'])}, chance {found['chance']:.3f}"
    ]
    if silhouette is not None:
        value = between(silhouette["value"], silhouette["interval"])
        lines.append(f"silhouette of the data sets (cosine, {silhouette['n']:,d} images): {value}")
    return lines


def _codebook(summary: dict[str, Any]) -> list[str]:
    codebook = summary["codebook"]
    return [
        f"{summary['bits_per_image']:.0f} bits an image, {codebook['bits_empirical']:.0f} after entropy coding;"
        f" {codebook['used']} of {codebook['size']} codes in use, perplexity {codebook['perplexity']:.0f}",
        f"{summary['split']} split, {summary['model']}; ± and brackets: 95 % intervals",
    ]
