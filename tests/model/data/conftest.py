"""Tiny made files of the MedMNIST layout."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from model.data.npz import SPLITS

COUNTS = {"train": 11, "val": 4, "test": 5}


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    return folder


@pytest.fixture
def make_arrays() -> Callable[..., dict[str, np.ndarray]]:
    """Arrays in which every image differs: image i of a split is noise seeded by (seed, split, i)."""

    def make(
        *,
        counts: dict[str, int] = COUNTS,
        size: int = 28,
        colour: bool = False,
        labels: int = 1,
        seed: int = 0,
    ) -> dict[str, np.ndarray]:
        arrays = {}
        rng = np.random.default_rng(seed)
        for split in SPLITS:
            shape = (counts[split], size, size, 3) if colour else (counts[split], size, size)
            arrays[f"{split}_images"] = rng.integers(0, 256, shape, dtype=np.uint8)
            values = np.arange(counts[split] * labels) % (2 if labels > 1 else 3)
            arrays[f"{split}_labels"] = values.reshape(counts[split], labels).astype(np.uint8)
        return arrays

    return make


@pytest.fixture
def write_npz(data_dir: Path, make_arrays: Callable[..., dict[str, np.ndarray]]) -> Callable[..., Path]:
    """Write NAME.npz (and, with ``card``, NAME.json) to the data folder."""

    def write(
        name: str,
        *,
        arrays: dict[str, np.ndarray] | None = None,
        card: dict[str, Any] | None = None,
        **made: Any,
    ) -> Path:
        path = data_dir / f"{name}.npz"
        np.savez_compressed(path, **(make_arrays(**made) if arrays is None else arrays))
        if card is not None:
            path.with_suffix(".json").write_text(json.dumps(card), encoding="utf-8")
        return path

    return write
