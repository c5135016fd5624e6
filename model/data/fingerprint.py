"""MD5 and class counts of a data file, remembered: hashing some gigabytes at every listing would be slow."""

import contextlib
import hashlib
import json
import os
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from model.data.npz import SPLITS, read_labels, read_layout
from model.paths import cache_dir

_FORMAT = 1


@dataclass(frozen=True, kw_only=True)
class Fingerprint:
    """``md5`` of the file and, by split, images per label value (several labels: positives per column)."""

    md5: str
    class_counts: dict[str, dict[int, int]]


def fingerprint(path: Path, *, cache: Path | None = None) -> Fingerprint:
    """Fingerprint of an npz, from ``cache/fingerprints`` while path, size and mtime are the same.

    Raises DatasetDamaged for a broken file, OSError where it cannot be read.
    """
    path = path.resolve()
    status = path.stat()
    key = {"format": _FORMAT, "path": str(path), "size": status.st_size, "mtime_ns": status.st_mtime_ns}
    digest = hashlib.sha256(str(path).encode()).hexdigest()[:24]
    store = (cache or cache_dir()) / "fingerprints" / f"{digest}.json"
    known = _recall(store, key)
    if known is not None:
        return known
    found = Fingerprint(md5=hash_file(path), class_counts=count_classes(path))
    _remember(store, {"key": key, **asdict(found)})
    return found


def hash_file(path: Path) -> str:
    """MD5 of a file, hexadecimal: what MedMNIST publishes; it tells files apart and protects from nothing."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def count_classes(path: Path) -> dict[str, dict[int, int]]:
    """Images per label value, by split; where an image has several labels, positives (≠ 0) per column."""
    counts: dict[str, dict[int, int]] = {}
    several = read_layout(path).n_labels > 1
    for split in SPLITS:
        labels = read_labels(path, split)
        if several:
            counts[split] = {column: int(n) for column, n in enumerate((labels != 0).sum(axis=0))}
        else:
            values, numbers = np.unique(labels, return_counts=True)
            counts[split] = {int(value): int(n) for value, n in zip(values, numbers, strict=True)}
    return counts


def _recall(store: Path, key: dict[str, object]) -> Fingerprint | None:
    try:
        entry = json.loads(store.read_text())
        if entry["key"] != key:
            return None
        counts = {s: {int(k): int(n) for k, n in c.items()} for s, c in entry["class_counts"].items()}
        return Fingerprint(md5=str(entry["md5"]), class_counts=counts)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None  # no entry, or a broken one: count again


def _remember(store: Path, entry: dict[str, object]) -> None:
    # A cache that cannot be written costs time, not correctness: the next listing counts again.
    with contextlib.suppress(OSError):
        store.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=store.parent, suffix=".tmp")
        try:
            with os.fdopen(handle, "w") as stream:
                json.dump(entry, stream)
            Path(temporary).replace(store)
        finally:
            Path(temporary).unlink(missing_ok=True)
