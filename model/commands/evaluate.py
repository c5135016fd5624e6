"""`vqscope evaluate`: PSNR, SSIM, MAE and codebook use of a model."""

import json
from pathlib import Path

from model import paths
from model.checkpoints import write_atomically
from model.cli_parser import CommandParser, names
from model.data.npz import SPLITS
from model.evaluation import as_table, evaluate
from model.inference import load_model

_EXAMPLES = """examples:
  vqscope evaluate runs/two --datasets breastmnist,retinamnist
  vqscope evaluate runs/two --datasets breastmnist --split val --json figures.json
"""


def build_parser() -> CommandParser:
    """Options of `vqscope evaluate`."""
    parser = CommandParser(prog="vqscope evaluate", description="Evaluate a model.", epilog=_EXAMPLES)
    parser.add_argument("model", metavar="MODEL", help="run folder, or name of a shipped model")
    parser.add_argument("--data-dir", type=Path, help="folder of the npz files (default: VQSCOPE_DATA)")
    parser.add_argument("--datasets", type=names, required=True, help="names, separated by commas")
    parser.add_argument("--split", choices=SPLITS, default="test", help="default: test")
    parser.add_argument("--json", type=Path, metavar="OUT", help="write the figures to this file too")
    parser.add_argument("--device", help="such as cpu or cuda (default: the GPU when there is one)")
    return parser


def main(argv: list[str]) -> int:
    """Print the figures as a table, and write them as JSON where asked to."""
    options = build_parser().parse_args(argv)
    model = load_model(options.model, options.device)
    result = evaluate(
        model, data_dir=paths.data_dir(options.data_dir), datasets=options.datasets, split=options.split
    )
    if options.json is not None:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(options.json, (json.dumps(result, indent=2) + "\n").encode())
    print(as_table(result))
    return 0
