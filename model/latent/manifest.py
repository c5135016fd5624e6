"""``index.json``: what an index holds, of which data sets, under which model."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np

from model.latent.errors import IndexMismatch
from model.latent.storage import damaged

FORMAT = "vqscope-index"
FORMAT_VERSION = 1
TABLE = "images.parquet"
_DIGESTED = ("embeddings", "codes")


@dataclass(frozen=True)
class Block:
    """The rows of one split of one data set: contiguous, positions ascending from 0."""

    dataset: str
    split: str
    start: int
    count: int
    digests: tuple[str, str] | None = None
    """SHA-256 of its embeddings and of its codes, as they lie in the files; none in indexes of early versions."""

    @property
    def stop(self) -> int:
        """The row after the last."""
        return self.start + self.count


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """The checked fields of ``index.json``."""

    model_name: str
    model_version: str
    model_sha256: str
    embedding_version: str
    embedding_dim: int
    code_grid: tuple[int, int]
    codebook_size: int
    n: int
    blocks: tuple[Block, ...]
    datasets: tuple[dict[str, Any], ...]
    table_digest: str | None = None
    """SHA-256 of ``images.parquet``; none in indexes of early versions."""

    @property
    def code_dtype(self) -> np.dtype[Any]:
        """The smallest unsigned type for the codes."""
        return np.min_scalar_type(self.codebook_size - 1)

    @classmethod
    def parse(cls, content: Mapping[str, Any], path: Path) -> Self:
        """Check the content of ``index.json``, read from ``path``.

        Raises:
            IndexMismatch: another version of the format.
            IndexDamaged: anything else that is not as `content` writes it.
        """
        if content.get("format") != FORMAT:
            raise damaged(path, "is not the index.json of a latent index")
        if content.get("format_version") != FORMAT_VERSION:
            raise IndexMismatch(
                f"the latent index {path.parent} has format {content.get('format_version')}, "
                f"this VQScope reads {FORMAT_VERSION}; build it again with: vqscope index"
            )
        try:
            model = content["model"]
            rows, columns = content["model"]["code_grid"]
            manifest = cls(
                model_name=_of(str, model["name"]),
                model_version=_of(str, model["version"]),
                model_sha256=_of(str, model["sha256"]),
                embedding_version=_of(str, model["embedding_version"]),
                embedding_dim=_of(int, model["embedding_dim"]),
                code_grid=(_of(int, rows), _of(int, columns)),
                codebook_size=_of(int, model["codebook_size"]),
                n=_of(int, content["n"]),
                blocks=tuple(
                    Block(
                        _of(str, b["dataset"]),
                        _of(str, b["split"]),
                        _of(int, b["start"]),
                        _of(int, b["count"]),
                        _digests(b.get("sha256")),
                    )
                    for b in _of(list, content["blocks"])
                ),
                datasets=tuple(_of(dict, d) for d in _of(list, content["datasets"])),
                table_digest=table_digest(content),
            )
            manifest._check()
        except (KeyError, TypeError, ValueError) as error:
            raise damaged(path, f"does not describe an index ({type(error).__name__}: {error})") from error
        return manifest

    def content(self, *, created_at: str, vqscope: str) -> dict[str, Any]:
        """What is written as ``index.json``; ``created_at`` is ISO 8601 in UTC, ``vqscope`` the version."""
        content: dict[str, Any] = {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "created_at": created_at,
            "vqscope": vqscope,
            "model": {
                "name": self.model_name,
                "version": self.model_version,
                "sha256": self.model_sha256,
                "embedding_version": self.embedding_version,
                "embedding_dim": self.embedding_dim,
                "code_grid": list(self.code_grid),
                "codebook_size": self.codebook_size,
            },
            "n": self.n,
            "blocks": [_block_content(b) for b in self.blocks],
            "datasets": list(self.datasets),
        }
        if self.table_digest is not None:
            content["sha256"] = {TABLE: self.table_digest}
        return content

    def _check(self) -> None:
        start = 0
        for block in self.blocks:
            if block.start != start or block.count < 1:
                raise ValueError(f"the block at row {block.start} does not follow row {start}")
            start = block.stop
        if start != self.n or self.n < 1:
            raise ValueError(f"blocks of {start} images, stated are {self.n}")
        if len({(b.dataset, b.split) for b in self.blocks}) != len(self.blocks):
            raise ValueError("a split is there twice")
        names = [_of(str, d["name"]) for d in self.datasets]
        if len(set(names)) != len(names) or {b.dataset for b in self.blocks} != set(names):
            raise ValueError("the blocks are not those of the data sets")
        if min(self.embedding_dim, *self.code_grid, self.codebook_size) < 1:
            raise ValueError("a size is not positive")


def table_digest(content: Mapping[str, Any]) -> str | None:
    """What ``index.json`` says of the SHA-256 of ``images.parquet``: nothing in indexes of early versions.

    Raises:
        KeyError, TypeError: it is not as `Manifest.content` writes it.
    """
    if "sha256" not in content:
        return None
    digest: str = _of(str, _of(dict, content["sha256"])[TABLE])
    return digest


def _block_content(block: Block) -> dict[str, Any]:
    content: dict[str, Any] = {
        "dataset": block.dataset,
        "split": block.split,
        "start": block.start,
        "count": block.count,
    }
    if block.digests is not None:
        content["sha256"] = dict(zip(_DIGESTED, block.digests, strict=True))
    return content


def _digests(value: Any) -> tuple[str, str] | None:  # noqa: ANN401 - whatever the JSON holds
    if value is None:
        return None
    embeddings, codes = (_of(str, _of(dict, value)[name]) for name in _DIGESTED)
    return embeddings, codes


def _of(kind: type[Any], value: Any) -> Any:  # noqa: ANN401 - whatever the JSON holds
    if not isinstance(value, kind) or isinstance(value, bool):
        raise TypeError(f"{kind.__name__} expected, not {type(value).__name__}")
    return value
