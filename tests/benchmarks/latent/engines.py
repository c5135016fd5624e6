"""``python -m tests.benchmarks.latent.engines``, or ``make bench-search``: which engine finds the nearest embeddings?

On the index that `make bench-latent` draws: the search that VQScope builds (inverted lists, faiss) and usearch's graph
(HNSW, Yu. Malkov, D. Yashunin 2020, doi:10.1109/TPAMI.2018.2889473), each alone and with its candidates measured
exactly. Cosine distance, one thread a query; recall is the share of the exact ten nearest that is found.
"""

import json
import sys
import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from model.checkpoints import write_atomically
from model.cli import guarded
from model.cli_parser import CommandParser
from model.inference import load_model
from model.latent.ann import RECALL_AT, SearchSettings, build_search
from model.latent.index import LatentIndex, open_index
from model.latent.neighbours import nearest
from model.latent.storage import write_json
from model.once import made_once
from tests.benchmarks.latent.synthetic import SyntheticSettings, synthetic_index
from tests.benchmarks.models import machine

_CHUNK = 8192
_CANDIDATES = SearchSettings().candidates * RECALL_AT + 1
"""Measured exactly, of either engine: an image itself may be among them."""
_GRAPHS = ((16, 128), (32, 256))
"""Links of a node and candidates when it is added: usearch's defaults, and twice as much of both."""
_EXPANSIONS = (64, 256, 1024)
_EXAMPLES = """examples:
  make bench-search                                              twenty minutes
  make bench-search ARGS="--images 20000 --out /tmp/latent"
"""

Search = Callable[[NDArray[np.float32], int], NDArray[Any]]
"""Rows near one query (D,), itself left out: the row that it is, is given too."""


@dataclass(frozen=True, kw_only=True)
class Engine:
    """What one engine did."""

    name: str
    recall: float
    milliseconds: float
    """Of a query, the median."""
    mib: float
    """On the disk, of this metric."""
    built_s: float


def main(argv: list[str]) -> int:
    """Print the table."""
    drawn = SyntheticSettings()
    parser = CommandParser(
        prog="python -m tests.benchmarks.latent.engines", description=__doc__, epilog=_EXAMPLES
    )
    parser.add_argument("--images", type=int, default=drawn.images, help=f"default: {drawn.images}")
    parser.add_argument("--dim", type=int, default=drawn.dim, help=f"of embeddings (default: {drawn.dim})")
    parser.add_argument("--queries", type=int, default=200, help="images of the index (default: 200)")
    parser.add_argument(
        "--out", type=Path, default=Path("runs/latent"), help="indexes and results (default: runs/latent)"
    )
    options = parser.parse_args(argv)
    settings = SyntheticSettings(images=options.images, dim=options.dim)
    index = open_index(synthetic_index(settings, load_model(device="cpu"), options.out))
    engines = list(compared(index, options))
    content = {
        "machine": machine.describe(),
        "images": index.n,
        "dim": options.dim,
        "queries": options.queries,
        "engines": [vars(engine) for engine in engines],
    }
    text = json.dumps(content, indent=1) + "\n"
    write_atomically(options.out / f"engines-{options.images}x{options.dim}.json", text.encode())
    print("\n".join(as_table(engines)))
    return 0


def compared(index: LatentIndex, options: Namespace) -> Iterator[Engine]:
    """Each engine, once the exact answer is known."""
    rows = np.random.default_rng(1).choice(index.n, min(options.queries, index.n), replace=False)
    queries = np.asarray(index.embeddings[rows])
    _, truth = nearest(index.embeddings, queries, k=RECALL_AT, exclude=rows)
    farthest = truth[:, -1]

    def measured(name: str, search: Search, files: Path, built_s: float) -> Engine:
        search(queries[0], int(rows[0]))  # the first one pays for what is mapped and compiled
        shares, times = [], []
        for query, row, far in zip(queries, rows, farthest, strict=True):
            start = time.perf_counter()
            found = search(query, int(row))
            times.append(time.perf_counter() - start)
            shares.append(share_found(index.embeddings, query, found[found != row][:RECALL_AT], far))
        return Engine(
            name=name,
            recall=float(np.mean(shares)),
            milliseconds=1000 * median(times),
            mib=files.stat().st_size / (1 << 20),
            built_s=built_s,
        )

    start = time.perf_counter()
    ours = build_search(index, afresh=True)
    built_s = time.perf_counter() - start
    name = f"faiss, as VQScope uses it ({ours.settings.probes} probes)"
    yield measured(
        name,
        lambda query, row: ours.nearest(query[None], k=RECALL_AT, exclude=[row])[0][0],
        index.path / "search" / "cosine.faiss",
        built_s / len(ours.lists),
    )
    for links, adding in _GRAPHS:
        graph, file, built_s = _graph(index, options.out, links, adding)
        for expansion in _EXPANSIONS:
            graph.expansion_search = expansion
            name = f"usearch, {links} links, expansion {expansion}"
            yield measured(f"{name}, alone", partial(_alone, graph), file, built_s)
            exactly = partial(_measured_exactly, graph, index)
            yield measured(f"{name}, {_CANDIDATES} candidates measured exactly", exactly, file, built_s)


def share_found(
    embeddings: NDArray[np.float32], query: NDArray[np.float32], rows: NDArray[Any], farthest: float
) -> float:
    """Rows as near as the last of the exact answer count as it."""
    _, distances = nearest(embeddings[np.sort(rows)], query[None], k=RECALL_AT)
    return float((distances[0] <= farthest).sum() / RECALL_AT)


def _keys(graph: Any, query: NDArray[np.float32], k: int) -> NDArray[np.int64]:
    found: NDArray[np.int64] = graph.search(query, k, threads=1).keys.astype(np.int64)
    return found


def _alone(graph: Any, query: NDArray[np.float32], _row: int) -> NDArray[np.int64]:
    return _keys(graph, query, RECALL_AT + 1)


def _measured_exactly(
    graph: Any, index: LatentIndex, query: NDArray[np.float32], _row: int
) -> NDArray[np.int64]:
    near = np.sort(_keys(graph, query, _CANDIDATES))
    order, _ = nearest(index.embeddings[near], query[None], k=len(near))
    best: NDArray[np.int64] = near[order[0]]
    return best


def _graph(index: LatentIndex, out: Path, links: int, adding: int) -> tuple[Any, Path, float]:
    """usearch's graph of all embeddings in 16-bit floats, its file, and the seconds it took; built once, then kept."""
    from usearch.index import Index

    folder = out.resolve() / f"usearch-{index.version}-{links}-{adding}"
    file = folder / "cosine.usearch"
    with made_once(folder, lambda path: (path / "built.json").is_file(), lambda: None) as part:
        if part is not None:
            part.mkdir()
            dim = index.embeddings.shape[1]
            graph = Index(ndim=dim, metric="cos", dtype="f16", connectivity=links, expansion_add=adding)
            start = time.perf_counter()
            for first in tqdm(range(0, index.n, _CHUNK), desc="usearch", unit="chunk"):
                rows = np.asarray(index.embeddings[first : first + _CHUNK])
                graph.add(np.arange(first, first + len(rows)), rows)
            graph.save(str(part / file.name))
            write_json(part / "built.json", {"seconds": time.perf_counter() - start})
    built: dict[str, float] = json.loads((folder / "built.json").read_text())
    return Index.restore(str(file), view=True), file, built["seconds"]


def as_table(engines: list[Engine]) -> list[str]:
    """Markdown, a row an engine."""
    lines = ["| engine | recall@10 | a query | on the disk | built in |", "|---|--:|--:|--:|--:|"]
    return lines + [
        f"| {e.name} | {e.recall:.3f} | {e.milliseconds:.2g} ms | {e.mib:.0f} MiB | {e.built_s:.0f} s |"
        for e in engines
    ]


if __name__ == "__main__":
    sys.exit(guarded(main))
