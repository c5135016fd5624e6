"""Approximate nearest neighbours, for indexes so large that the exact scan takes too long.

An inverted file (J. Sivic, A. Zisserman 2003, Video Google, ICCV, 1470) of embeddings of 8 bits a component, by faiss
(M. Douze et al. 2024, The Faiss library, arXiv:2401.08281), whose best candidates are measured exactly against the
embeddings of the index. It lies in ``INDEX/search/``: ``search.json`` and one file a metric, memory-mapped when
searched. faiss is the optional extra ``search`` and is imported only here.
"""

import hashlib
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray
from tqdm import tqdm

from model.errors import VQScopeError
from model.latent.errors import IndexDamaged, IndexMismatch, SettingError
from model.latent.neighbours import Metric, nearest
from model.latent.storage import damaged, read_json, sync, write_json
from model.once import made_once

if TYPE_CHECKING:
    from model.latent.index import LatentIndex

VERSION = 1
"""Of the files; another one is built again."""
SEARCH = "search"
"""The folder of it in an index."""
RECALL_AT = 10
_CHUNK = 8192
_TRAINING_ROWS = 64
"""For each list: k-means gains nothing from more."""
_LEAST_TRAINING_ROWS = 39
"""For each list: faiss warns of fewer."""


class SearchUnavailable(VQScopeError):
    """The index has no approximate search, or faiss is not installed."""


@dataclass(frozen=True, kw_only=True)
class SearchSettings:
    """How the search is built and asked."""

    probes: int = 24
    """Lists that are looked into, of about the square root of N."""
    candidates: int = 4
    """Rows measured exactly, for each neighbour asked for."""
    queries: int = 200
    """Images that the recall is measured on."""
    seed: int = 0

    def __post_init__(self) -> None:
        if min(self.probes, self.candidates, self.queries) < 1:
            raise SettingError("probes, candidates and queries must be at least 1")


@dataclass(frozen=True, eq=False)
class ApproximateSearch:
    """Search in the embeddings of one index; safe to share between threads."""

    index_version: str
    settings: SearchSettings
    recall: Mapping[Metric, float]
    """Share of the exact `RECALL_AT` nearest that it finds, measured when it was built: on images of the index, each
    left out of its own answer, that the lists were not fitted to."""
    embeddings: NDArray[np.float32]
    """(N, D), memory-mapped."""
    lists: Mapping[Metric, Any]
    """faiss.IndexIVFScalarQuantizer."""

    def nearest(
        self,
        queries: NDArray[np.floating[Any]],
        *,
        k: int,
        metric: Metric = "cosine",
        exclude: ArrayLike | None = None,
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """As `model.latent.neighbours.nearest`, but for rows that lie in lists which were not looked into.

        Distances are exact. As many columns as the exact search gives.

        Raises:
            SettingError: as there.
        """
        asked = np.asarray(queries, dtype=np.float32)
        # An empty scan checks all that must hold of the arguments, and says it in the same words.
        nearest(self.embeddings, asked[:0], k=k, metric=metric, exclude=np.empty(0, np.int64))
        if asked.ndim != 2 or not np.isfinite(asked).all():
            raise SettingError("queries must be (Q, D) and finite")
        left_out = np.full(len(asked), -1) if exclude is None else np.asarray(exclude, dtype=np.int64)
        if left_out.shape != (len(asked),):
            raise SettingError("exclude must hold one row (or -1) per query")
        k = min(k, len(self.embeddings) - int(bool((left_out >= 0).any())))
        rows = np.empty((len(asked), k), dtype=np.int64)
        distances = np.empty((len(asked), k), dtype=np.float32)
        for i in range(len(asked) if k else 0):
            one = asked[i : i + 1]
            near = np.sort(self._candidates(one, k, metric, int(left_out[i])))
            # In ascending order: of equally near rows the lower one comes first here too.
            local, distances[i] = (
                found[0] for found in nearest(self.embeddings[near], one, k=k, metric=metric)
            )
            rows[i] = near[local]
        return rows, distances

    def _candidates(
        self, query: NDArray[np.float32], k: int, metric: Metric, left_out: int
    ) -> NDArray[np.int64]:
        """At least k rows near one query (1, D), without one; looking into more lists where too few lie in some."""
        faiss, lists = _faiss(), self.lists[metric]
        wanted, probes = self.settings.candidates * k + 1, self.settings.probes
        while True:
            asked = faiss.SearchParametersIVF(nprobe=min(probes, lists.nlist))
            _, found = lists.search(_on_scale(query, metric), min(wanted, lists.ntotal), params=asked)
            near: NDArray[np.int64] = found[0][(found[0] >= 0) & (found[0] != left_out)]
            if len(near) >= k or probes >= lists.nlist:
                return near
            probes *= 2


def build_search(
    index: "LatentIndex",
    settings: SearchSettings | None = None,
    *,
    afresh: bool = False,
    progress: bool = True,
) -> ApproximateSearch:
    """Build the search of an index for both metrics, measure its recall, store it in the index's folder, and open it.

    What is there already is kept if it is of this index and these settings. It appears whole or not at all. Memory
    grows with N: a quarter of the embeddings.

    Args:
        index: an open index.
        settings: default: `SearchSettings()`.
        afresh: build it in any case.
        progress: show a bar on stderr.

    Raises:
        SearchUnavailable: faiss is not installed.
        OSError: the folder cannot be written.
    """
    faiss = _faiss()
    settings = settings or SearchSettings()
    folder = _folder(index)
    with made_once(
        folder, lambda path: not afresh and _is_whole(path, index, settings), lambda: None
    ) as part:
        if part is not None:
            part.mkdir()
            _build(index, settings, part, faiss, progress)
    return open_search(index)


def open_search(index: "LatentIndex") -> ApproximateSearch:
    """Open the search of an index.

    Files are compared with their SHA-256, then mapped: damage is told, but whoever can write the folder is trusted.

    Raises:
        SearchUnavailable: none has been built, or faiss is not installed.
        IndexMismatch: it was built for another version of the index.
        IndexDamaged: a file is missing or has changed.
    """
    folder = _folder(index)
    if not (folder / "search.json").is_file():
        raise SearchUnavailable(
            "this index has no approximate search; build it with: vqscope index --search --out INDEX"
        )
    faiss = _faiss()
    content = read_json(folder / "search.json")
    try:
        version, of_index = content["version"], content["index"]
        settings = SearchSettings(**content["settings"])
        recall = {metric: float(content["recall"][metric]) for metric in get_args(Metric)}
        digests = {metric: str(content["sha256"][metric]) for metric in get_args(Metric)}
    except (KeyError, TypeError, ValueError) as error:
        raise damaged(folder / "search.json", f"does not describe a search ({error})") from error
    if (version, of_index) != (VERSION, index.version):
        raise IndexMismatch(
            "the approximate search was built before the index was changed; "
            "build it again with: vqscope index --search --out INDEX"
        )
    lists = {}
    for metric in get_args(Metric):
        path = folder / f"{metric}.faiss"
        if not path.is_file():
            raise damaged(path, "is missing")
        if _digest(path) != digests[metric]:
            raise damaged(path, "has changed since it was written")
        lists[metric] = faiss.read_index(str(path), faiss.IO_FLAG_MMAP | faiss.IO_FLAG_READ_ONLY)
        if (lists[metric].ntotal, lists[metric].d) != index.embeddings.shape:
            raise damaged(path, "is not of this index")
    return ApproximateSearch(
        index.version, settings, MappingProxyType(recall), index.embeddings, MappingProxyType(lists)
    )


def n_lists(n: int) -> int:
    """Lists for N rows: the power of two that is nearest to the square root of N, as far as k-means has enough rows."""
    return max(1, min(1 << round(math.log2(max(n, 1)) / 2), n // _LEAST_TRAINING_ROWS))


def _build(
    index: "LatentIndex",
    settings: SearchSettings,
    folder: Path,
    faiss: Any,  # noqa: ANN401 - faiss has no types
    progress: bool,
) -> None:
    order = np.random.default_rng(settings.seed).permutation(index.n)
    queries = np.sort(order[: min(settings.queries, index.n)])
    training = order[len(queries) :] if index.n > 2 * len(queries) else order
    training = np.sort(training[: _TRAINING_ROWS * n_lists(index.n)])
    lists: dict[Metric, Any] = {}
    with tqdm(
        total=len(get_args(Metric)) * index.n, desc="search", unit="image", disable=not progress
    ) as bar:
        for metric in get_args(Metric):
            lists[metric] = _fitted(_on_scale(index.embeddings[training], metric), index.n, settings, faiss)
            for start in range(0, index.n, _CHUNK):
                rows = index.embeddings[start : start + _CHUNK]
                lists[metric].add(_on_scale(rows, metric))
                bar.update(len(rows))
    built = ApproximateSearch(index.version, settings, {}, index.embeddings, lists)
    digests = {}
    for metric in get_args(Metric):
        path = folder / f"{metric}.faiss"
        faiss.write_index(lists[metric], str(path))
        sync(path)
        digests[metric] = _digest(path)
    write_json(
        folder / "search.json",
        {
            "version": VERSION,
            "index": index.version,
            "settings": asdict(settings),
            "lists": n_lists(index.n),
            "recall_at": RECALL_AT,
            "recall": {metric: _recall(built, queries, metric) for metric in get_args(Metric)},
            "sha256": digests,
            "faiss": faiss.__version__,
        },
    )
    sync(folder)


def _fitted(rows: NDArray[np.float32], n: int, settings: SearchSettings, faiss: Any) -> Any:  # noqa: ANN401
    """Empty lists, fitted to some rows (T, D) on the scale of a metric."""
    dim = rows.shape[1]
    coarse = faiss.IndexFlatL2(dim)
    lists = faiss.IndexIVFScalarQuantizer(coarse, dim, n_lists(n), faiss.ScalarQuantizer.QT_8bit)
    lists.own_fields = True  # the coarse quantiser goes with it
    coarse.this.disown()
    lists.cp.min_points_per_centroid = 1  # it would warn of small indexes, which nobody can do anything about
    lists.cp.seed = settings.seed + 1  # faiss takes 0 for "at random"
    lists.train(rows)
    return lists


def _recall(search: ApproximateSearch, queries: NDArray[np.int64], metric: Metric) -> float:
    """Share of the exact nearest that are found; rows as near as the last of them count as it."""
    if len(search.embeddings) < 2:
        return 1.0
    asked = np.asarray(search.embeddings[queries])
    _, exact = nearest(search.embeddings, asked, k=RECALL_AT, metric=metric, exclude=queries)
    _, found = search.nearest(asked, k=RECALL_AT, metric=metric, exclude=queries)
    return float((found <= exact[:, -1:]).mean())


def _on_scale(rows: NDArray[np.floating[Any]], metric: Metric) -> NDArray[np.float32]:
    """Rows among which Euclidean distance orders as the metric does: for cosine of length 1, a zero vector as it is."""
    values = np.ascontiguousarray(rows, dtype=np.float32)
    if metric == "euclidean":
        return values
    lengths = np.linalg.norm(values, axis=1, keepdims=True)
    lengths[lengths == 0] = 1
    unit: NDArray[np.float32] = values / lengths  # a new array: the rows may be the index's own
    return unit


def _is_whole(folder: Path, index: "LatentIndex", settings: SearchSettings) -> bool:
    try:
        return folder.is_dir() and open_search(index).settings == settings
    except (SearchUnavailable, IndexMismatch, IndexDamaged):
        return False


def _folder(index: "LatentIndex") -> Path:
    return index.path / SEARCH


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _faiss() -> Any:  # noqa: ANN401 - faiss has no types
    try:
        import faiss
    except ImportError as error:
        raise SearchUnavailable("approximate search needs faiss: pip install 'vqscope[search]'") from error
    return faiss
