"""The page of a report, section by section."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from model.evaluation_table import between, plus_minus
from model.report.charts import histogram, line_chart, usage_chart
from model.report.curves import SHOWN, Curves
from model.report.gallery import error_legend, galleries
from model.report.markup import Element, document, element, table

if TYPE_CHECKING:
    from model.evaluation import Evaluation, MeasuredSplit
    from model.inference import InferenceModel

_STYLE = Path(__file__).with_name("style.css")


def report_page(evaluation: "Evaluation", model: "InferenceModel", curves: Curves | None) -> Element:
    """The whole page; the model computes the pictures of the galleries anew."""
    summary = evaluation.summary
    title = f"Evaluation of {model.name}"
    header = element(
        "header",
        element("h1", title),
        element(
            "p",
            f"{summary['split'].capitalize()} split of {_count(len(summary['datasets']), 'data set')}",
            f" · model {summary['model']} · {summary['created'][:10]}",
            class_="muted",
        ),
        element("p", "Research use only, not for diagnosis.", class_="notice"),
    )
    sections = [
        _section("Reconstruction", _reconstruction(summary)),
        _section("Embedding", _embedding(summary)),
        _section("Codebook", _codebook(evaluation)),
        _section("Training", _training(curves)),
        _section("Distributions", _distributions(evaluation.splits)),
        _section("Images", [error_legend(), *(_images(model, part, summary) for part in evaluation.splits)]),
        _section("Model card", _card(model.card)),
        _section("How the figures are made", _methods(summary["methods"])),
    ]
    main = element("main", header, *sections)
    return document(title, _STYLE.read_text(encoding="utf-8"), main)


def _section(title: str, content: Sequence[Element]) -> Element:
    return element("section", element("h2", title), *content)


def _reconstruction(summary: dict[str, Any]) -> list[Element]:
    def row(name: str, entry: dict[str, Any]) -> list[str]:
        images = f"{entry['n']:,d}" if "n" in entry else ""
        figures = (("psnr", 2), ("ssim", 4), ("mae", 4))
        return [
            name,
            images,
            *(plus_minus(entry[k], entry[f"{k}_interval"], digits) for k, digits in figures),
        ]

    rows = [row(_marked(name, entry), entry) for name, entry in summary["datasets"].items()]
    made = table(
        "Figures per image at native size, mean ± 95 % interval",
        ["Data set", "Images", "PSNR (dB)", "SSIM", "MAE"],
        [*rows, row("Mean", summary["mean"])],
        last=True,
    )
    return [made, *_caveats(summary["datasets"])]


def _marked(name: str, entry: dict[str, Any]) -> str:
    return name if entry["comparable"] else f"{name} *"


def _caveats(datasets: dict[str, Any]) -> list[Element]:
    return [
        element("p", f"* {name} {entry['caveat']}.", class_="caveat")
        for name, entry in datasets.items()
        if not entry["comparable"]
    ]


def _embedding(summary: dict[str, Any]) -> list[Element]:
    content: list[Element] = []
    rows = []
    for name, entry in summary["datasets"].items():
        found = entry["probes"]
        if "not_computed" in found:
            content.append(element("p", f"{name}: probes not computed, {found['not_computed']}."))
        else:
            rows += _probe_rows(_marked(name, entry), found)
    if rows:
        caption = (
            "Labels told from frozen embeddings; probes fitted to training images alone (95 % intervals)"
        )
        content.insert(0, table(caption, _PROBE_COLUMNS, rows))
    apart = summary["separation"]
    if "not_computed" not in apart:
        rows = [row[1:] for row in _probe_rows("", apart)]
        content.append(table("Data set told from the embedding", _PROBE_COLUMNS[1:], rows))
        if (silhouette := apart["silhouette"]) is not None:
            value = between(silhouette["value"], silhouette["interval"])
            content.append(
                element("p", f"Silhouette of the data sets, cosine, {silhouette['n']:,d} images: {value}.")
            )
    return content


_PROBE_COLUMNS = ["Data set", "Probe", "Accuracy", "Balanced accuracy", "Macro-AUC", "Chance"]


def _probe_rows(name: str, found: dict[str, Any]) -> list[list[str]]:
    probes = {"linear": "linear", "knn": f"k-NN, k = {found['knn']['k']}"}
    scores = ("accuracy", "balanced_accuracy", "auc")
    return [
        [
            name,
            title,
            *(between(found[kind][key], found[kind][f"{key}_interval"]) for key in scores),
            f"{found['chance']:.3f}",
        ]
        for kind, title in probes.items()
    ]


def _codebook(evaluation: "Evaluation") -> list[Element]:
    summary = evaluation.summary
    everything = summary["codebook"]
    counts = np.sum([part.code_counts for part in evaluation.splits], axis=0)
    use = f"{everything['used']} of {everything['size']} codes in use, perplexity {everything['perplexity']:.0f}"
    rows = [
        [name, str(c["used"]), str(c["dead"]), f"{c['perplexity']:.0f}", f"{c['bits_empirical']:.0f}"]
        for name, c in [
            *((name, entry["codebook"]) for name, entry in summary["datasets"].items()),
            ("All", everything),
        ]
    ]
    chart = element(
        "figure",
        usage_chart(counts, description=f"Use of each code relative to even use; {use}"),
        element("figcaption", "Use relative to even use (dashed)"),
    )
    made = table(
        "Codes in use over whole splits",
        ["Data set", "Used", "Unused", "Perplexity", "Bits after entropy coding"],
        rows,
        last=True,
    )
    words = element("p", f"{use}. {everything['bits_nominal']:.0f} bits an image as stored.")
    return [words, element("div", chart, made, class_="beside")]


def _training(curves: Curves | None) -> list[Element]:
    if curves is None:
        return [element("p", "No curves: the model's folder holds no metrics.csv.", class_="muted")]
    key = element(
        "p",
        element("span", class_="swatch swatch-train"),
        element("span", "training"),
        element("span", class_="swatch swatch-val"),
        element("span", "validation"),
        class_="key",
    )
    charts = [
        _chart(
            SHOWN[name],
            line_chart(
                dict(series), xlabel="epoch", description=f"{SHOWN[name]} by epoch, {_last(dict(series))}"
            ),
        )
        for name, series in curves.items()
    ]
    return [key, element("div", *charts, class_="charts")]


def _last(series: dict[str, list[float]]) -> str:
    names = {"train": "training", "val": "validation"}
    return ", ".join(f"{names[split]} at last {values[-1]:.4g}" for split, values in series.items())


def _chart(title: str, chart: Element) -> Element:
    return element("figure", element("figcaption", title), chart)


def _distributions(splits: "Sequence[MeasuredSplit]") -> list[Element]:
    names = {"psnr": "PSNR (dB)", "ssim": "SSIM"}
    figures = {key: [getattr(part.figures, key) for part in splits] for key in names}
    # One axis for all data sets, so that they can be compared.
    limits = {
        key: (float(min(v.min() for v in values)), float(max(v.max() for v in values)))
        for key, values in figures.items()
    }
    charts = [
        _chart(
            f"{part.arrays.info.name}: {title}",
            histogram(
                figures[key][place],
                limits[key],
                xlabel=title,
                description=f"Histogram of {title} over the images of {part.arrays.info.name},"
                f" mean {figures[key][place].mean():.3g}",
            ),
        )
        for place, part in enumerate(splits)
        for key, title in names.items()
    ]
    return [
        element("p", "Number of images by figure; dashed: the mean.", class_="muted"),
        element("div", *charts, class_="charts pairs"),
    ]


def _images(model: "InferenceModel", part: "MeasuredSplit", summary: dict[str, Any]) -> Element:
    info = part.arrays.info
    rows = [
        [f"#{w['position']}", str(w["label"]), f"{w['psnr']:.2f}", f"{w['ssim']:.4f}", f"{w['mae']:.4f}"]
        for w in summary["datasets"][info.name]["worst"]
    ]
    worst = element(
        "details",
        element("summary", f"The {len(rows)} worst as a table"),
        table(f"Worst images of {info.name}", ["Image", "Label", "PSNR (dB)", "SSIM", "MAE"], rows),
    )
    title = element("h3", info.name, element("small", f" {info.title}" if info.title else None))
    return element("article", title, *galleries(model, part), worst)


def _card(card: dict[str, Any]) -> list[Element]:
    """Data, licences, use, limits and caveats; a card may lack any of them."""
    datasets = card.get("datasets") or []
    rows = [
        [
            str(entry.get("name", "")),
            str(entry.get("title", "")),
            str(entry.get("modality", "")),
            str(entry.get("licence", "") or "not stated"),
            str(entry.get("n_train", "")),
            str(entry.get("note", "")),
        ]
        for entry in datasets
    ]
    embedding = card.get("embedding") or {}
    words = {
        "Intended use": card.get("intended_use"),
        "Limits": card.get("limits"),
        "Embedding": embedding.get("definition"),
        "Parameters": f"{card['parameters']:,d}" if isinstance(card.get("parameters"), int) else None,
        "Trained": card.get("created"),
        "SHA-256 of the weights": card.get("sha256"),
    }
    content = [_definitions({key: str(value) for key, value in words.items() if value})]
    if rows:
        header = ["Data set", "Title", "Modality", "Licence", "Training images", "Note"]
        content.append(table("What the model was trained on", header, rows, prose=True))
    content += [element("p", str(caveat), class_="caveat") for caveat in card.get("caveats") or []]
    return content


def _methods(methods: dict[str, str]) -> list[Element]:
    return [_definitions({key.replace("_", " "): words for key, words in methods.items()})]


def _definitions(words: dict[str, str]) -> Element:
    pairs = (part for key, value in words.items() for part in (element("dt", key), element("dd", value)))
    return element("dl", *pairs)


def _count(n: int, noun: str) -> str:
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"
