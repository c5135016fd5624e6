"""The table: `docs/benchmarks.json` and `docs/benchmarks.md`."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from model.checkpoints import write_atomically
from model.data.catalogue import find_dataset
from tests.benchmarks.models import machine, words
from tests.benchmarks.models.arms import Arm
from tests.benchmarks.models.settings import BenchSettings
from tests.benchmarks.models.store import Result

Done = Mapping[str, Sequence[tuple[Arm, Result]]]
"""Table -> its arms with their results, in order."""

_TITLES = {
    "quantisers": "Same network, images, steps and bits: only the quantiser differs",
    "whole models": "Whole models at equal wall time",
    "paper": "The paper's model and ours of its setting, after the same number of images",
    "references": "References without a network, at as many bits",
    "codecs": "Codecs at their smallest file",
    "shipped": "Models that come with VQScope",
    "throughput": "Training throughput",
}


def write(done: Done, settings: BenchSettings, command: str, out: Path) -> None:
    """Write both files to a folder, each atomically."""
    out.mkdir(parents=True, exist_ok=True)
    content = as_json(done, settings, command)
    write_atomically(
        out / "benchmarks.json", (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode()
    )
    write_atomically(out / "benchmarks.md", as_markdown(done, settings, content).encode())


def as_json(done: Done, settings: BenchSettings, command: str) -> dict[str, Any]:
    """Machine, command, data, and every figure of both splits (JSON-able)."""
    return {
        "created": datetime.now(UTC).date().isoformat(),
        "machine": machine.describe(),
        "command": command,
        "split": settings.split,
        "settings": {
            "seed": settings.seed,
            "steps": settings.steps,
            "minutes": settings.minutes,
            "paper_images": settings.paper_images,
        },
        "datasets": [_dataset(name, settings) for name in settings.datasets],
        "tables": {
            table: [
                {"name": arm.name, "title": arm.title, "note": arm.note, **result} for arm, result in rows
            ]
            for table, rows in done.items()
        },
    }


def as_markdown(done: Done, settings: BenchSettings, content: Mapping[str, Any]) -> str:
    """The tables with one paragraph each."""
    about = content["machine"]
    lines = [
        "# Benchmarks",
        "",
        f"Made by `{content['command']}` on {content['created']}: {about['processor']}, {about['cores']} cores,"
        f" {about['threads']} threads, torch {about['torch']}, Python {about['python']}. This file and"
        " `benchmarks.json`, which has SSIM and MAE of every set and the validation and test splits both, are written"
        " by that command; do not edit them.",
        "",
        f"Figures are of the **{settings.split}** split: PSNR in dB, SSIM and MAE on [0, 1], of each image at its own"
        " size and number of channels, on stored 8-bit values, averaged over a data set; the mean is over the sets."
        " Codes used and perplexity are over the whole split of all sets. Choices are made on validation splits.",
        "",
        *_datasets(content["datasets"]),
    ]
    ours = _ours(done)
    for number, (table, rows) in enumerate(done.items(), 1):
        lines += ["", f"## {number}. {_TITLES[table]}", ""]
        titled = [(arm.title, result) for arm, result in rows]
        if table == "throughput":
            lines += [*_throughput(rows[0][1]), "", words.throughput(rows[0][1])]
            continue
        lines += _table(rows, settings)
        match table:
            case "quantisers" | "whole models" | "paper" if rows[0][0].name.endswith("ours"):
                text = {"quantisers": words.quantisers, "whole models": words.whole, "paper": words.paper}[
                    table
                ](titled, settings.split)
            case "references":
                text = words.references(titled, settings.split, ours)
            case "codecs":
                text = words.codecs(titled, settings.split)
            case _:
                text = ""
        lines += ["", text] if text else []
    return "\n".join(lines) + "\n"


def _ours(done: Done) -> tuple[str, Result] | None:
    """The row that references are held against: the shipped base model, else our arm of table 1."""
    for table, name in (("shipped", "shipped-base"), ("quantisers", "ours")):
        for arm, result in done.get(table, ()):
            if arm.name == name:
                return (f"VQScope's shipped {arm.title}" if table == "shipped" else arm.title), result
    return None


def _dataset(name: str, settings: BenchSettings) -> dict[str, Any]:
    info = find_dataset(name, settings.data_dir)
    return {
        "name": info.name,
        "title": info.title,
        "official": info.official,
        "stands_for": info.stands_for,
        "licence": info.licence,
        "images": info.n_samples,
        "md5": info.md5,
    }


def _datasets(datasets: Sequence[Mapping[str, Any]]) -> list[str]:
    lines = ["| data set | train | val | test | file |", "|---|--:|--:|--:|---|"]
    for one in datasets:
        stands_for = one["stands_for"] if one["stands_for"] != one["name"] else None
        if stands_for:
            kind = f"stand-in for {stands_for}: not comparable with published scores"
        else:
            kind = "official" if one["official"] else "not the official file"
        n = one["images"]
        lines.append(f"| {one['name']} | {n['train']:,} | {n['val']:,} | {n['test']:,} | {kind} |")
    return lines


def _table(rows: Sequence[tuple[Arm, Result]], settings: BenchSettings) -> list[str]:
    names = list(settings.datasets)
    head = ["", "bits", "PSNR", "SSIM", "MAE", *names, "codes used", "perplexity", "images/s", "parameters"]
    lines = ["| " + " | ".join(head) + " |", "|---|" + "--:|" * (len(head) - 1)]
    for arm, result in rows:
        part = result[settings.split]
        mean, fitted = part["mean"], result.get("fit")
        size, count = result.get("codebook"), result.get("parameters")
        bits = mean["bits"] or result.get("bits")  # what was spent, where it differs from image to image
        cells = [
            arm.title + (f" ({arm.note})" if arm.note else ""),
            "–" if bits is None else f"{bits:.0f}",
            f"**{mean['psnr']:.2f}**",
            f"{mean['ssim']:.4f}",
            f"{mean['mae']:.4f}",
            *(f"{part['datasets'][name]['psnr']:.2f}" for name in names),
            f"{part['used']} of {size}" if size else "–",
            f"{part['perplexity']:.0f}" if size else "–",
            _speed(fitted) if fitted else "–",
            f"{count / 1e6:.2f} M" if count else "–",
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def _speed(fitted: Mapping[str, Any]) -> str:
    """Images per second; with how many threads, where it is not those of the report."""
    threads = int(fitted["threads"])
    said = "" if threads == torch.get_num_threads() else f" ({threads} thread{'s' * (threads > 1)})"
    return f"{fitted['images_per_second']:.0f}{said}"


def _throughput(result: Result) -> list[str]:
    lines = ["| | images/s | lowest to highest | parameters |", "|---|--:|--:|--:|"]
    for row in result["rows"]:
        low, high = row["range"]
        lines.append(
            f"| {row['title']} | **{row['images_per_second']:.0f}** | {low:.0f} to {high:.0f}"
            f" | {row['parameters'] / 1e6:.2f} M |"
        )
    return lines
