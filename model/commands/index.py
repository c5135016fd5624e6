"""``vqscope index``: build the latent index of data sets under a model."""

import shlex
import sys
from argparse import Namespace
from pathlib import Path

from model.cli_parser import CommandParser, names
from model.commands.unwinding import sigterm_unwinds
from model.paths import data_dir
from model.shipped import DEFAULT_MODEL

_EXAMPLES = """\
examples:
  vqscope index --datasets breastmnist,retinamnist --out indexes/shipped
  vqscope index runs/two --data-dir DATA --datasets breastmnist,retinamnist --out indexes/two
  vqscope index runs/two --datasets chestmnist --splits train,test --out indexes/chest
  vqscope index runs/two --datasets dermamnist --add --out indexes/two
  vqscope index --search --out indexes/two
  vqscope index --verify --out indexes/two

Given again after it was killed, the same command goes on where it was. NAME.metadata.csv beside NAME.npz (columns
split, index, and any others, such as age, sex, site) becomes columns of the index. An index is made with the map pca
(and mean2d, if the codes are 2-D); vqscope map adds others. A new or larger index does not keep those of the old one:
the command tells how to fit them again.
"""


def main(argv: list[str]) -> int:
    """Run ``vqscope index``; returns the exit code.

    Raises:
        VQScopeError: no such model or data set, or an index that cannot be written.
        SystemExit: wrong options (2), ``--help`` (0), or SIGTERM (143).
    """
    options = _options(argv)
    if options.verify:
        return _verify(options.out)
    if not options.datasets:
        return _search(options.out, options.afresh)
    # Imported here: torch takes seconds, and --help and wrong options must not wait for it.
    from model.inference import load_model
    from model.latent.index_building import build_index
    from model.latent.partial_build import partial_of

    with sigterm_unwinds():
        model = load_model(options.model, options.device)
        lost = _recipes(options.out)
        had_search = _has_search(options.out)
        try:
            out = build_index(
                model,
                data_dir=data_dir(options.data_dir),
                datasets=options.datasets,
                out=options.out,
                splits=options.splits,
                batch_size=options.batch_size,
                add=options.add,
                afresh=options.afresh,
            )
        except (KeyboardInterrupt, SystemExit):
            if partial_of(options.out.expanduser().resolve()).is_dir():
                print(
                    "\nwhat was encoded is kept: the same command (without --afresh) goes on there",
                    file=sys.stderr,
                )
            raise
    print(f"index of {', '.join(options.datasets)} under {model.version}: {out}", file=sys.stderr)
    if lost:
        print("Its further maps showed the images it had before. To fit them again:", file=sys.stderr)
        print(*(f"  {line}" for line in lost), sep="\n", file=sys.stderr)
    if options.search:
        return _search(out, options.afresh)
    if had_search:
        print("Its approximate search was of the images it had before. To make it again:", file=sys.stderr)
        print(f"  vqscope index --search --out {shlex.quote(str(options.out))}", file=sys.stderr)
    return 0


def _has_search(folder: Path) -> bool:
    from model.latent.ann import SEARCH

    return (folder.expanduser() / SEARCH).is_dir()


def _recipes(folder: Path) -> list[str]:
    """How to make the maps again that an index has and its replacement will not: none is fitted unasked."""
    from model.commands.map import recipe
    from model.latent.errors import IndexDamaged, IndexMismatch
    from model.latent.index import open_index
    from model.latent.replacement import put_back

    put_back(folder.expanduser().resolve())
    if not (folder / "index.json").is_file():
        return []
    try:
        charts = open_index(folder).maps.values()
    except (IndexDamaged, IndexMismatch):
        return []  # it is replaced as a whole
    return [recipe(folder, chart) for chart in charts if chart.name not in ("pca", "mean2d")]


def _options(argv: list[str]) -> Namespace:
    parser = _parser()
    options = parser.parse_args(argv)
    if not (options.verify or options.search or options.datasets):
        parser.error("the following arguments are required: --datasets")
    return options


def _verify(folder: Path) -> int:
    from model.latent.index import open_index
    from model.latent.manifest import table_digest
    from model.latent.reuse import verify

    index = open_index(folder)
    verify(index)
    print(f"{folder}: all {index.n:,} images are as they were indexed", file=sys.stderr)
    if table_digest(index.manifest) is None:
        print("An older VQScope wrote it: labels, figures and metadata have no checksum.", file=sys.stderr)
    return 0


def _search(folder: Path, afresh: bool) -> int:
    from model.latent.ann import RECALL_AT, build_search
    from model.latent.index import open_index

    search = build_search(open_index(folder), afresh=afresh)
    found = ", ".join(f"{100 * share:.1f} % ({metric})" for metric, share in search.recall.items())
    print(f"search of {folder}: finds {found} of the {RECALL_AT} nearest images", file=sys.stderr)
    return 0


def _parser() -> CommandParser:
    parser = CommandParser(
        prog="vqscope index",
        description="Build the latent index of data sets under a model: embeddings, codes, figures, map.",
        epilog=_EXAMPLES,
    )
    parser.add_argument(
        "model",
        nargs="?",
        metavar="MODEL",
        help=f"run folder of vqscope train, or name of a shipped model (default: the shipped {DEFAULT_MODEL})",
    )
    parser.add_argument("--datasets", type=names, metavar="A,B", help="names, as vqscope data list has")
    parser.add_argument(
        "--out", type=Path, required=True, metavar="INDEX", help="folder to make; an index is replaced"
    )
    parser.add_argument(
        "--data-dir", type=Path, metavar="D", help="folder of the npz files (VQSCOPE_DATA, ~/.medmnist)"
    )
    parser.add_argument(
        "--splits",
        type=names,
        default=("train", "val", "test"),
        metavar="A,B",
        help="default: train,val,test",
    )
    parser.add_argument(
        "--batch-size", type=int, default=256, metavar="N", help="images at a time (default: 256)"
    )
    parser.add_argument(
        "--add", action="store_true", help="keep the data sets that the index has; they are not encoded again"
    )
    parser.add_argument(
        "--afresh", action="store_true", help="encode everything, whatever an interrupted build left"
    )
    parser.add_argument(
        "--search",
        action="store_true",
        help="then prepare approximate search of neighbours, for hundreds of thousands of images (needs faiss: "
        "pip install 'vqscope[search]'); without --datasets only that",
    )
    parser.add_argument(
        "--verify", action="store_true", help="only read an index through and compare it with its checksums"
    )
    parser.add_argument(
        "--device", metavar="DEVICE", help="such as cpu or cuda (default: the GPU when there is one)"
    )
    return parser
