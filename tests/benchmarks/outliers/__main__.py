"""``python -m tests.benchmarks.outliers``, or ``make bench-outliers``: are images of a data set that neither the model
nor the references ever saw found to be outliers?

For each data set: a model is trained on all the others and their training and validation images are indexed; then test
images of the left-out set are told from test images of the others by the combined score, and by each measure alone.
What is finished in the folder is not done again under the same settings.
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from model import paths
from model.cli import guarded
from model.cli_parser import CommandParser, names
from model.commands.train import parse
from model.data.arrays import open_split
from model.inference import InferenceModel, load_model
from model.latent.index import build_index, open_index
from model.latent.macro_auc import macro_auc
from model.latent.outlier_fitting import fit_outliers
from model.latent.outliers import LatentImages, OutlierDetector, overall_measures
from model.latent.typicality import MEASURES
from model.run_folder import goes_on_as
from model.shipped import WEIGHTS
from model.training import train

_EXAMPLES = """examples:
  make bench-outliers
  make bench-outliers ARGS="--epochs 3 --out runs/outliers-3"
  make bench-outliers ARGS="--references-only base"        the shipped model, which saw all sets; for choosing
"""
FIVE = ("ham10000", "pneumoniamnist", "retinamnist", "breastmnist", "bloodcells_pbc")
BAR = 0.95
BATCH = 256


def trained(others: Sequence[str], folder: Path, options: Any) -> InferenceModel:
    """Model of a preset, trained on some data sets, in a run folder; what lies there of other settings is replaced."""
    argv = ["--datasets", ",".join(others), "--run-dir", str(folder), "--preset", options.preset]
    argv += ["--data-dir", str(paths.data_dir(options.data_dir).absolute())]
    wanted = parse([*argv, "--max-epochs", str(options.epochs)])
    if not (folder / WEIGHTS).is_file() or not goes_on_as(wanted):
        train(wanted, overwrite=True)
    return load_model(folder, options.device)


def detector(
    model: InferenceModel, indexed: Sequence[str], others: Sequence[str], folder: Path, options: Any
) -> OutlierDetector:
    """References from the training and validation images of ``others``, in an index of ``indexed``."""
    data_dir = paths.data_dir(options.data_dir)
    build_index(model, data_dir=data_dir, datasets=indexed, out=folder, splits=("train", "val"))
    return fit_outliers(open_index(folder, model), datasets=others, progress=True)


def test_images(model: InferenceModel, name: str, options: Any) -> LatentImages:
    """Test images of a data set, at most so many, drawn with a fixed seed."""
    part = open_split(name, "test", data_dir=paths.data_dir(options.data_dir))
    rows = np.arange(len(part))
    if len(rows) > options.limit:
        rows = np.sort(np.random.default_rng(0).choice(rows, options.limit, replace=False))
    parts = [
        LatentImages.of(model.analyse(np.asarray(part.images[rows[start : start + BATCH]])))
        for start in range(0, len(rows), BATCH)
    ]
    columns = ("embeddings", "codes", "quantisation_error", "psnr")
    return LatentImages(*(np.concatenate([getattr(p, column) for p in parts]) for column in columns))


def scores(found: OutlierDetector, images: LatentImages) -> dict[str, NDArray[np.float64]]:
    """Combined score and overall measures of images, each (N,)."""
    measures = found.measure(images)
    strange = found.strangeness_of(measures)
    overall = overall_measures(measures, strange)
    columns = {name: overall[:, i] for i, name in enumerate(MEASURES)}
    return {"combined": strange.min(axis=0), **columns}


def compare(
    left_out: dict[str, NDArray[np.float64]], others: Sequence[dict[str, NDArray[np.float64]]]
) -> dict[str, Any]:
    """AUROC of each score, with its 95 % interval."""
    result: dict[str, Any] = {}
    for name in left_out:
        values = np.concatenate([left_out[name], *(other[name] for other in others)])
        truth = (np.arange(len(values)) < len(left_out[name])).astype(np.int64)
        area = macro_auc(values[:, None], truth, [1])
        assert area is not None
        result[name] = {"auroc": area.value, "interval": area.interval}
    return result


def leave_out(name: str, options: Any) -> dict[str, Any]:
    """Everything for one left-out data set."""
    others = [other for other in options.datasets if other != name]
    if options.references_only:
        model = load_model(options.references_only, options.device)
        found = detector(model, options.datasets, others, options.out / "all.index", options)
    else:
        model = trained(others, options.out / name, options)
        found = detector(model, others, others, options.out / f"{name}.index", options)
    told = {n: scores(found, test_images(model, n, options)) for n in tqdm(options.datasets, desc=name)}
    return {
        "model": model.version,
        "n_left_out": len(told[name]["combined"]),
        "n_others": sum(len(told[other]["combined"]) for other in others),
        **compare(told[name], [told[other] for other in others]),
        "held_out": len(found.strangeness),
        # Share of test images of the sets that were seen whose overall p-value is at most 5 %: should be 5 %.
        "false_alarms_at_5_percent": float(
            np.mean(
                [
                    (1 + (found.strangeness >= value).sum()) / (len(found.strangeness) + 1) <= 0.05
                    for other in others
                    for value in told[other]["combined"]
                ]
            )
        ),
    }


def as_table(results: dict[str, dict[str, Any]]) -> list[str]:
    """Markdown: a row a left-out data set."""
    lines = [
        f"| left out | combined | {' | '.join(name.replace('_', ' ') for name in MEASURES)} | false alarms |",
        "|---|" + "--:|" * (len(MEASURES) + 2),
    ]
    for name, row in results.items():
        low, high = row["combined"]["interval"]
        cells = [f"**{row['combined']['auroc']:.3f}** ({low:.3f}–{high:.3f})"]
        cells += [f"{row[measure]['auroc']:.3f}" for measure in MEASURES]
        cells.append(f"{100 * row['false_alarms_at_5_percent']:.1f} %")
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return lines


def main(argv: list[str]) -> int:
    """Print the table; 1 if a data set misses the bar."""
    parser = CommandParser(prog="python -m tests.benchmarks.outliers", description=__doc__, epilog=_EXAMPLES)
    parser.add_argument("--datasets", type=names, default=FIVE, help=f"default: {','.join(FIVE)}")
    parser.add_argument("--data-dir", type=Path, help="folder of the npz files (default: VQSCOPE_DATA)")
    parser.add_argument("--out", type=Path, default=Path("runs/outliers"), help="default: runs/outliers")
    parser.add_argument("--preset", default="base", help="of the models (default: base)")
    parser.add_argument("--epochs", type=int, default=1, help="of the models (default: 1)")
    parser.add_argument("--limit", type=int, default=400, help="test images of a data set (default: 400)")
    parser.add_argument(
        "--references-only",
        metavar="MODEL",
        help="train nothing: leave the set out of the references of this model",
    )
    parser.add_argument("--device", help="such as cpu or cuda (default: the GPU when there is one)")
    options = parser.parse_args(argv)
    options.out.mkdir(parents=True, exist_ok=True)
    results = {}
    for name in options.datasets:
        results[name] = leave_out(name, options)
        (options.out / "results.json").write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    print("\n".join(as_table(results)))
    return int(any(row["combined"]["auroc"] < BAR for row in results.values()))


if __name__ == "__main__":
    sys.exit(guarded(main))
