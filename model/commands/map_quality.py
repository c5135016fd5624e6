"""``vqscope map-quality``: measure how faithful the maps of an index are, and store it beside them."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from model.cli_parser import CommandParser, names

if TYPE_CHECKING:
    from model.latent.quality import Figure, MapQuality, Stability

_EXAMPLES = """\
examples:
  vqscope map-quality indexes/two
  vqscope map-quality indexes/two --map umap --stability 5
  vqscope map-quality indexes/two --map pca --sample 10000 --json quality.json

docs/map-quality.md says what each figure means. A running service shows them after its next start.
"""


def main(argv: list[str]) -> int:
    """Run ``vqscope map-quality``; returns the exit code.

    Raises:
        VQScopeError: no such index or map, too few images for this k, or settings out of range.
        OSError: the index cannot be written.
        SystemExit: wrong options (2) or ``--help`` (0).
    """
    options = _parser().parse_args(argv)
    # Imported here: --help and wrong options must not wait for it.
    from model.latent.index import open_index
    from model.latent.map_measuring import QualitySettings, measure_map
    from model.latent.map_settings import has_seed
    from model.latent.projection import method_class
    from model.stage_bars import StageBars

    index = open_index(options.index)
    charts = [index.map(name) for name in options.map or index.map_names]
    found = {}
    for chart in charts:
        seeded = has_seed(method_class(chart.method).settings_type)
        settings = QualitySettings(
            k=options.k,
            metric=options.metric or chart.parameters.get("metric", "euclidean"),
            sample=options.sample,
            references=options.references,
            seed=options.seed,
        )
        # Of all maps those that have a seed; one that was named must have one.
        fits = options.stability if seeded or options.map else None
        with StageBars(f"map {chart.name}", unit="image") as progress:
            found[chart.name] = measure_map(index, chart.name, settings, fits=fits, progress=progress)
        print("\n".join(lines(chart.name, found[chart.name])))
    if options.json is not None:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps({name: asdict(quality) for name, quality in found.items()}, indent=1)
        options.json.write_text(text + "\n", encoding="utf-8")
    return 0


def lines(name: str, quality: "MapQuality") -> list[str]:
    """What is printed of the quality of a map."""
    ranks, distances, points = quality.neighbourhoods, quality.distances, quality.points
    used = "all" if ranks.exact else f"{ranks.n_used:,} of {ranks.n:,}"
    pairs = f"{'all ' if distances.exact else ''}{distances.pairs:,}"
    seen = "all" if points.exact else f"{points.references:,} of {ranks.n:,}"
    told = [
        f"map {name}: neighbourhoods of k = {ranks.k} images, {quality.metric} distance of embeddings",
        f"  trustworthiness       {_words(ranks.trustworthiness)}, of {used} images",
        f"  continuity            {_words(ranks.continuity)}",
        f"  preservation          {_words(ranks.preservation)}",
        f"  preservation by point {points.mean:.3f} (chance {points.chance:.3f}), among {seen} images",
        *(f"    {dataset:<20}{mean:.3f}" for dataset, mean in points.by_dataset.items()),
    ]
    for title, figure in (("Spearman", distances.spearman), ("Pearson", distances.pearson)):
        words = "not defined, all distances are equal" if figure is None else _words(figure)
        told.append(f"  distances, {title:<11}{words}, of {pairs} pairs")
    if quality.stability is not None:
        told.append(_stability(quality.stability))
    return told


def _stability(found: "Stability") -> str:
    used = f"all {found.n:,}" if found.exact else f"{found.n_used:,} of {found.n:,}"
    return (
        f"  other seeds           Procrustes disparity {found.mean:.3f} in the mean, {found.largest:.3f} at most, of "
        f"{found.fits} fits to {used} images"
    )


def _words(figure: "Figure") -> str:
    between = "" if figure.interval is None else " ({:.3f} to {:.3f})".format(*figure.interval)
    return f"{figure.value:.3f}{between} (chance {figure.chance:.3f})"


def _parser() -> CommandParser:
    parser = CommandParser(
        prog="vqscope map-quality",
        description="Measure how faithful the maps of a latent index are, and store it beside them.",
        epilog=_EXAMPLES,
    )
    add = parser.add_argument
    add("index", type=Path, metavar="INDEX", help="folder of the index; its maps must be writable")
    add("--map", type=names, metavar="A,B", help="names of maps (default: all)")
    add("--k", type=int, default=15, help="neighbours that make a neighbourhood (default: %(default)s)")
    add(
        "--metric",
        choices=("euclidean", "cosine"),
        help="of the embeddings (default: of each map that by which it was fitted; give one to compare maps)",
    )
    add(
        "--sample",
        type=int,
        default=2000,
        metavar="N",
        help="images whose neighbourhoods are looked at (default: %(default)s; as many as there are: exact)",
    )
    add(
        "--references",
        type=int,
        default=5000,
        metavar="N",
        help="images among which each point's neighbours are sought (default: %(default)s)",
    )
    add(
        "--stability",
        type=int,
        metavar="N",
        help="fits with other seeds to compare, of maps that have a seed; 0: none (default: what was measured stays)",
    )
    add("--seed", type=int, default=0, help="of what is drawn (default: %(default)s)")
    add("--json", type=Path, metavar="FILE", help="also write the figures there")
    return parser
