"""What an index that is being replaced holds already, so that adding a data set does not encode the others anew."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from model.errors import VQScopeError
from model.latent.errors import IndexDamaged, IndexMismatch
from model.latent.features import Features
from model.latent.images_table import FIGURES
from model.latent.manifest import TABLE, Block, Manifest, table_digest
from model.latent.storage import damaged, sha256_of
from model.latent.stored_maps import verify_maps

if TYPE_CHECKING:
    from model.latent.index import LatentIndex

_ROWS = 4096


class Reusable:
    """Blocks of an index that can be taken over as they are: same model, same file, same content as written.

    Args:
        index: the index to take from; None: nothing can be reused.
        manifest: of the index that is being built.
    """

    def __init__(self, index: "LatentIndex | None", manifest: Manifest) -> None:
        self._index = index
        self._starts: dict[tuple[str, str], int] = {}
        if index is None or not _has_its_table(index):  # which the figures are taken from
            return
        theirs = {d["name"]: d["md5"] for d in index.datasets}
        ours = {d["name"]: d["md5"] for d in manifest.datasets}
        wanted = {(b.dataset, b.split): b.count for b in manifest.blocks}
        for block in index.blocks:
            key = (block.dataset, block.split)
            if wanted.get(key) != block.count or theirs[block.dataset] != ours[block.dataset]:
                continue
            if block.digests is not None and digests(index.embeddings, index.codes, block) == block.digests:
                self._starts[key] = block.start

    def __contains__(self, block: Block) -> bool:
        return (block.dataset, block.split) in self._starts

    def rows(self, block: Block, part: slice) -> tuple[NDArray[Any], NDArray[Any], NDArray[np.float32]]:
        """Embeddings, codes and figures of some rows of a block, counted from its first."""
        assert self._index is not None
        start = self._starts[block.dataset, block.split]
        rows = slice(start + part.start, start + part.stop)
        table = self._index.images.slice(rows.start, rows.stop - rows.start)
        figures = np.stack([table[name].to_numpy() for name in FIGURES], axis=1)
        return self._index.embeddings[rows], self._index.codes[rows], figures


def reusable(target: Path, model: Any, manifest: Manifest) -> Reusable:  # noqa: ANN401 - an InferenceModel
    """What can be taken over from the index at ``target``; nothing if it is of another model or damaged."""
    from model.latent.index import open_index

    if not (target / "index.json").is_file():
        return Reusable(None, manifest)
    try:
        return Reusable(open_index(target, model), manifest)
    except (IndexDamaged, IndexMismatch):
        return Reusable(None, manifest)  # it is replaced as a whole


def digests(embeddings: NDArray[Any], codes: NDArray[Any], block: Block) -> tuple[str, str]:
    """SHA-256 of the embeddings and the codes of a block, read a few thousand rows at a time."""
    return _digest(embeddings, block), _digest(codes, block)


def verify(index: "LatentIndex") -> None:
    """Read embeddings, codes, table and maps of an index and compare them with what was written.

    The table of an index of an early version, which has no checksum of it, is not compared.

    Raises:
        IndexDamaged: they are not as they were.
        VQScopeError: the index was written by a version that took no SHA-256.
    """
    undigested: Sequence[Block] = [block for block in index.blocks if block.digests is None]
    if undigested:
        raise VQScopeError(
            f"the index {index.path} holds no checksums, an older VQScope wrote it; build it again with: vqscope index"
        )
    for block in index.blocks:
        found = digests(index.embeddings, index.codes, block)
        for name, ours, theirs in zip(("embeddings", "codes"), found, block.digests or (), strict=True):
            if ours != theirs:
                raise damaged(index.path / f"{name}.npy", f"has changed in {block.dataset}/{block.split}")
    if not _has_its_table(index):
        raise damaged(index.path / TABLE, "has changed")
    verify_maps(index.path, Features(index.embeddings, index.codes))


def _has_its_table(index: "LatentIndex") -> bool:
    """Whether the table of images is as it was written, as far as the index says how that was."""
    stated = table_digest(index.manifest)
    return stated is None or sha256_of(index.path / TABLE) == stated


def _digest(rows: NDArray[Any], block: Block) -> str:
    found = hashlib.sha256()
    for start in range(block.start, block.stop, _ROWS):
        found.update(np.ascontiguousarray(rows[start : min(start + _ROWS, block.stop)]).data)
    return found.hexdigest()
