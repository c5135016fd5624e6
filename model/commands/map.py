"""``vqscope map``: list the maps of a latent index, add one, or remove one."""

import argparse
import json
import shlex
import sys
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from tqdm import tqdm

from model.cli_parser import CommandParser
from model.commands.unwinding import sigterm_unwinds
from model.latent.map_fitting import add_map, check_name, default_name, remove_map
from model.latent.map_settings import (
    STABILITY_FITS,
    STABILITY_FITS_MAX,
    Option,
    options,
    parse_settings,
)
from model.latent.projection import METHODS, LatentMap, method_class
from model.shipped import DEFAULT_MODEL

if TYPE_CHECKING:
    from model.latent.index import LatentIndex

_EXAMPLES = """\
examples:
  vqscope map list indexes/two
  vqscope map add indexes/two --method umap
  vqscope map add indexes/two --method umap --n-neighbors 50 --min-dist 0.3 --metric euclidean --name umap-wide
  vqscope map add indexes/two --method tsne --perplexity 50 --dimensions 3
  vqscope map add indexes/two --method umap --seed 7 --stability 5 --name umap-7
  vqscope map add indexes/paper --method mean2d --model paper
  vqscope map remove indexes/two umap-wide

A map is fitted to the training split and saved in the index; new images are placed on it. A running service shows it
at once. umap and tsne depend on a seed: how much is measured by fitting again with others (--stability). Ctrl-C ends a
fit and leaves nothing of it. umap and tsne need: pip install umap-learn openTSNE
"""


def main(argv: list[str]) -> int:
    """Run ``vqscope map``; returns the exit code.

    Raises:
        VQScopeError: no such index, map or model, wrong parameters, or an index that cannot be written.
        SystemExit: wrong options (2), ``--help`` (0), or SIGTERM (143).
    """
    given = build_parser().parse_args(argv)
    # Imported here: --help and wrong options must not wait for it.
    from model.latent.index import open_index

    if given.action == "list":
        charts = list(open_index(given.index).maps.values())
        print(json.dumps([_facts(chart) for chart in charts], indent=2) if given.json else as_table(charts))
        return 0
    if given.action == "remove":
        remove_map(open_index(given.index), given.name)
        print(f"{given.index}: the map {given.name} is removed", file=sys.stderr)
        return 0
    with sigterm_unwinds():
        return _add(given)


def build_parser() -> CommandParser:
    """Options of ``vqscope map``."""
    parser = CommandParser(
        prog="vqscope map",
        description="List the maps of a latent index, add one, or remove one.",
        epilog=_EXAMPLES,
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="list|add|remove")
    listing = actions.add_parser("list", help="the maps with what they were fitted with", epilog=_EXAMPLES)
    listing.add_argument("--json", action="store_true", help="all that is known, as JSON")
    adding = actions.add_parser("add", help="fit a map and save it in the index", epilog=_EXAMPLES)
    removing = actions.add_parser("remove", help="take a map away", epilog=_EXAMPLES)
    for action in (listing, adding, removing):
        action.add_argument("index", type=Path, metavar="INDEX", help="folder that vqscope index made")
    removing.add_argument("name", metavar="NAME", help="as vqscope map list has it")
    adding.add_argument("--method", required=True, choices=METHODS, help=" | ".join(METHODS))
    adding.add_argument("--name", metavar="NAME", help="of the map (default: the method, with -3d of 3 axes)")
    adding.add_argument(
        "--model",
        metavar="MODEL",
        help="run folder or shipped model that the index must be of; read for mean2d alone "
        f"(default there: the shipped {DEFAULT_MODEL})",
    )
    adding.add_argument("--device", metavar="DEVICE", help="of the model, such as cpu or cuda")
    adding.add_argument(
        "--stability",
        type=int,
        metavar="N",
        help=f"fits with other seeds to compare, 2 to {STABILITY_FITS_MAX}, each of 2,000 images at most; 0: none "
        f"(default: {STABILITY_FITS} where the method has a seed)",
    )
    parameters = adding.add_argument_group("parameters, as far as the method has them")
    for one, methods in _parameters():
        default = f"{one.default:,}" if isinstance(one.default, int) else one.default
        parameters.add_argument(
            f"--{one.name.replace('_', '-')}",
            type=one.kind,
            choices=one.choices or None,
            default=argparse.SUPPRESS,
            metavar="|".join(one.choices) or one.name.upper()[0],
            help=f"{', '.join(methods)}: {one.help} (default: {default})",
        )
    return parser


def _parameters() -> list[tuple[Option, list[str]]]:
    """All parameters, and the methods that have each."""
    found: dict[str, tuple[Option, list[str]]] = {}
    for method in METHODS:
        for one in options(method_class(method).settings_type):
            found.setdefault(one.name, (one, []))[1].append(method)
    return list(found.values())


def _add(given: Namespace) -> int:
    names = [one.name for one, _ in _parameters()]
    parameters = {name: getattr(given, name) for name in names if hasattr(given, name)}
    settings = parse_settings(method_class(given.method).settings_type, given.method, parameters)
    name = given.name or default_name(given.method, settings.dimensions)
    check_name(name)
    index, vectors = _open(given)
    with _Bars() as bars:
        chart = add_map(
            index,
            given.method,
            settings,
            name=name,
            code_vectors=vectors,
            stability=given.stability,
            progress=bars,
        )
    print(f"{given.index}: the map {chart.name} ({_summary(chart)})", file=sys.stderr)
    return 0


def _open(given: Namespace) -> "tuple[LatentIndex, Any]":
    """The index, checked against the model where one is given or needed, and that model's codebook."""
    from model.latent.index import open_index

    needs_codebook = given.method == "mean2d"
    if given.model is None and not needs_codebook:
        return open_index(given.index), None
    from model.inference import load_model

    model = load_model(given.model, given.device)
    index = open_index(given.index, model)
    return index, model.code_vectors() if needs_codebook else None


def recipe(folder: Path, chart: LatentMap) -> str:
    """The command that fits a map like this one."""
    parameters = [f"--{name.replace('_', '-')} {value}" for name, value in chart.parameters.items()]
    return " ".join(
        [
            f"vqscope map add {shlex.quote(str(folder))} --method {chart.method}",
            *parameters,
            f"--name {chart.name}",
        ]
    )


def as_table(charts: Sequence[LatentMap]) -> str:
    """Aligned columns: name, method, dimensions, what it was fitted to, disparity of other seeds, parameters."""
    head = ("NAME", "METHOD", "AXES", "FITTED TO", "OTHER SEEDS", "PARAMETERS")
    body = [
        (
            chart.name,
            chart.method,
            str(chart.dimensions),
            _fitted(chart),
            _seeds(chart) or "-",
            _written(chart),
        )
        for chart in charts
    ]
    widths = [max(map(len, column)) for column in zip(head, *body, strict=True)]
    rows = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in (head, *body)
    ]
    return "\n".join(row.rstrip() for row in rows)


def _facts(chart: LatentMap) -> dict[str, Any]:
    return {
        "name": chart.name,
        "method": chart.method,
        "parameters": dict(chart.parameters),
        "dimensions": chart.dimensions,
        "n": len(chart.coordinates),
        "fitted_on": chart.fitted_on,
        "n_fitted": chart.n_fitted,
        "keeps_proportions": chart.keeps_proportions,
        "version": chart.version,
        "stability": asdict(chart.quality.stability) if chart.quality and chart.quality.stability else None,
    }


def _fitted(chart: LatentMap) -> str:
    return "nothing" if chart.fitted_on == "none" else f"{chart.n_fitted:,} images ({chart.fitted_on})"


def _written(chart: LatentMap) -> str:
    return " ".join(f"{name}={value}" for name, value in chart.parameters.items())


def _summary(chart: LatentMap) -> str:
    seeds = _seeds(chart)
    told = f"; other seeds: {seeds}, docs/map-quality.md" if seeds else ""
    return f"{chart.method}, {chart.dimensions} axes, fitted to {_fitted(chart)}{told}"


def _seeds(chart: LatentMap) -> str:
    """How much a map changes with its seed, where it was measured."""
    found = chart.quality.stability if chart.quality else None
    return "" if found is None else f"{found.mean:.3f} apart in {found.fits} fits"


class _Bars:
    """One bar for each stage of a fit, on stderr."""

    def __init__(self) -> None:
        self._bar: tqdm[Any] | None = None

    def __call__(self, stage: str, share: float) -> None:
        if self._bar is None or self._bar.desc != stage:
            self.__exit__(None, None, None)
            self._bar = tqdm(total=100, bar_format="{desc}: {percentage:3.0f}%|{bar}| {elapsed}<{remaining}")
            self._bar.desc = stage
        self._bar.update(100 * share - self._bar.n)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.close()
