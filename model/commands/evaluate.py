"""`vqscope evaluate`: figures of a model on a split, its codebook use, and what its embeddings hold."""

import json
from pathlib import Path

from model import paths
from model.cli_parser import CommandParser, names
from model.data.npz import SPLITS
from model.errors import VQScopeError
from model.shipped import DEFAULT_MODEL, ZOO, find_model

_EXAMPLES = """examples:
  vqscope evaluate --datasets breastmnist,retinamnist
  vqscope evaluate paper --datasets breastmnist
  vqscope evaluate runs/two --datasets breastmnist,retinamnist
  vqscope evaluate runs/two --datasets breastmnist --split val --json figures.json
  vqscope evaluate runs/two --datasets breastmnist,retinamnist --report reports/two --card
"""


def build_parser() -> CommandParser:
    """Options of `vqscope evaluate`."""
    parser = CommandParser(prog="vqscope evaluate", description="Evaluate a model.", epilog=_EXAMPLES)
    parser.add_argument(
        "model",
        nargs="?",
        metavar="MODEL",
        help=f"run folder, or name of a shipped model (default: the shipped {DEFAULT_MODEL})",
    )
    parser.add_argument("--data-dir", type=Path, help="folder of the npz files (default: VQSCOPE_DATA)")
    parser.add_argument("--datasets", type=names, required=True, help="names, separated by commas")
    parser.add_argument("--split", choices=SPLITS, default="test", help="default: test")
    parser.add_argument(
        "--no-probes",
        dest="probes",
        action="store_false",
        help="leave out linear probe, nearest neighbours and separation, which need the training images encoded",
    )
    parser.add_argument("--json", type=Path, metavar="OUT", help="write all figures to this file too")
    parser.add_argument(
        "--report", type=Path, metavar="DIR", help="write DIR/index.html too: tables, curves, worst images"
    )
    parser.add_argument(
        "--card", action="store_true", help="write the figures of the test split into the model's card.json"
    )
    parser.add_argument("--device", help="such as cpu or cuda (default: the GPU when there is one)")
    return parser


def main(argv: list[str]) -> int:
    """Print the figures as tables, and write them as JSON, report and card where asked to.

    Raises:
        VQScopeError: no such model or data set, a folder that is no report, a file that cannot be written.
    """
    options = build_parser().parse_args(argv)
    if options.card and options.split != "test":
        raise VQScopeError("a model's card carries figures of the test split: leave out --card or --split")
    if options.card and options.model is None:
        raise VQScopeError("--card writes into the model's folder: name the MODEL that is meant")
    # Imported here: torch takes seconds, and --help and wrong options must not wait for it.
    from model.checkpoints import write_atomically
    from model.evaluation import evaluate
    from model.evaluation_summary import card_figures
    from model.evaluation_table import as_table
    from model.inference import load_model
    from model.report import check_report_folder, write_report

    if options.report is not None:
        check_report_folder(options.report)
    folder = find_model(options.model)
    if options.card and folder.parent == ZOO:
        raise VQScopeError("--card would overwrite the card of a shipped model: name a run folder")
    model = load_model(folder, options.device)
    evaluation = evaluate(
        model,
        data_dir=paths.data_dir(options.data_dir),
        datasets=options.datasets,
        split=options.split,
        probes=options.probes,
    )
    print(as_table(evaluation.summary))
    if options.json is not None:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(options.json, (json.dumps(evaluation.summary, indent=2) + "\n").encode())
    if options.card:
        card = {**model.card, "figures": card_figures(evaluation.summary)}
        text = json.dumps(card, indent=2, ensure_ascii=False) + "\n"
        write_atomically(folder / "card.json", text.encode())
    if options.report is not None:
        print(write_report(options.report, evaluation, model, run_dir=folder))
    return 0
