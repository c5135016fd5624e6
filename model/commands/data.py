"""`vqscope data`: which data sets there are, and fetching MedMNIST's."""

import json
import shlex
import unicodedata
from collections.abc import Sequence
from pathlib import Path

from model import paths
from model.cli_parser import CommandParser, names
from model.data.catalogue import DatasetInfo, list_datasets, report_warnings
from model.data.download import download
from model.data.npz import SPLITS
from model.data.official import SIZES, download_command
from model.errors import VQScopeError

_EXAMPLES = """examples:
  vqscope data list
  vqscope data list --data-dir DATA --json
  vqscope data download --datasets breastmnist,retinamnist
  vqscope data download --datasets breastmnist --size 64 --data-dir DATA
"""


def build_parser() -> CommandParser:
    """Options of `vqscope data`."""
    parser = CommandParser(
        prog="vqscope data", description="List the data sets, or download MedMNIST's.", epilog=_EXAMPLES
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="list|download")
    listing = actions.add_parser(
        "list", help="what there is: MedMNIST's 2-D sets and every npz in the data folder", epilog=_EXAMPLES
    )
    listing.add_argument("--json", action="store_true", help="all that is known, as JSON")
    fetching = actions.add_parser("download", help="fetch MedMNIST's files, MD5-checked", epilog=_EXAMPLES)
    fetching.add_argument("--datasets", type=names, help="names, separated by commas (default: all 2-D sets)")
    fetching.add_argument("--size", type=int, choices=SIZES, default=28, help="pixels a side (default: 28)")
    for action in (listing, fetching):
        action.add_argument(
            "--data-dir", type=Path, help="folder of the npz files (default: VQSCOPE_DATA, else ~/.medmnist)"
        )
    return parser


def main(argv: list[str]) -> int:
    """Run `vqscope data`; failures are raised as VQScopeError."""
    options = build_parser().parse_args(argv)
    folder = paths.data_dir(options.data_dir)
    if options.action == "download":
        for path in download(options.datasets, folder, options.size):
            print(path)
        return 0
    if options.data_dir is not None and not folder.is_dir():
        raise VQScopeError(f"there is no folder {folder}: give --data-dir one that holds npz files")
    infos = list_datasets(folder)
    if options.json:
        print(json.dumps({"data_dir": str(folder), "datasets": [i.to_dict() for i in infos]}, indent=2))
        return 0
    print(as_table(infos))
    there = sum(info.available for info in infos)
    print(f"\n{there} of {len(infos)} available in {folder}")
    if there < len(infos):
        print(f"Fetch MedMNIST's own with: {download_command(folder, ['NAME', 'NAME'])}")
    sample = paths.sample_dir()
    if not there and any(info.available for info in list_datasets(sample)):
        print(f"The offline sample is there: vqscope data list --data-dir {shlex.quote(str(sample))}")
    report_warnings(infos)
    return 0


def as_table(infos: Sequence[DatasetInfo]) -> str:
    """Aligned columns: name, whether it is there, images per split, classes, pixels, modality, licence."""
    head = [
        "NAME",
        "STATUS",
        *(split.upper() for split in SPLITS),
        "CLASSES",
        "PIXELS",
        "MODALITY",
        "LICENCE",
    ]
    body = [
        [
            info.name,
            _status(info),
            *(f"{info.n_samples[s]:,}" if s in info.n_samples else "-" for s in SPLITS),
            str(len(info.labels) or "-"),
            f"{info.image_size}×{info.image_size}" + ("×3" if info.n_channels == 3 else ""),
            info.modality,
            info.licence if len(info.licence) <= 24 else info.licence[:23].rstrip() + "…",
        ]
        for info in infos
    ]
    rows = [head, *body]
    widths = [max(map(_width, column)) for column in zip(*rows, strict=True)]
    numeric = range(2, 2 + len(SPLITS) + 1)
    lines = []
    for row in rows:
        cells = []
        for column, (cell, width) in enumerate(zip(row, widths, strict=True)):
            fill = " " * (width - _width(cell))
            cells.append(fill + cell if column in numeric else cell + fill)
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def _status(info: DatasetInfo) -> str:
    if info.path is None:
        return "missing"
    if not info.available:
        return "broken"
    return {"sample": "sample", "card": "local", "bare": "local, no card"}.get(
        info.source, "official" if info.official else "not official"
    )


def _width(text: str) -> int:
    """Columns on a terminal: a title in Chinese or Japanese takes two a character."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)
