"""How fast an index is built beside the bare encoder, and whether its memory grows with the images."""

import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from model.data.arrays import SplitArrays, open_split
from model.data.npz import SPLITS
from model.inference import InferenceModel
from model.latent.index_building import build_index
from tests.benchmarks.bars import Measured
from tests.benchmarks.latent.alone import in_a_process

BATCH = 256
DATASET = "drawn"


def draw_dataset(folder: Path, images: int, seed: int = 0) -> Path:
    """A folder with a data set of so many drawn grey images of 28 pixels, nine tenths of them for training."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{DATASET}.npz"
    if not path.exists():
        rng = np.random.default_rng(seed)
        counts = {"train": images - 2 * (images // 20), "val": images // 20, "test": images // 20}
        arrays: dict[str, Any] = {}
        for split in SPLITS:
            coarse = rng.integers(0, 256, (counts[split], 7, 7), dtype=np.uint8)
            arrays[f"{split}_images"] = coarse.repeat(4, axis=1).repeat(4, axis=2)
            arrays[f"{split}_labels"] = rng.integers(0, 2, (counts[split], 1), dtype=np.uint8)
        np.savez_compressed(path, **arrays)
    return folder


def throughput(model: InferenceModel, folder: Path, rounds: int) -> Measured:
    """Images a second of a whole build as a share of the encoder's own, the two by turns.

    The encoder gets the same images in the same batches, and nothing is made of what it says. Processor time counts:
    both are at work all the time, and what else the machine does matters little.
    """
    parts = [open_split(DATASET, split, data_dir=folder) for split in SPLITS]
    n = sum(map(len, parts))
    bare, whole, walls = [], [], []
    for _ in range(rounds):
        bare.append(_spent(lambda: _encode(model, parts))[0])
        with tempfile.TemporaryDirectory() as out:
            busy, wall = _spent(
                lambda out=out: build_index(  # type: ignore[misc]
                    model, data_dir=folder, datasets=[DATASET], out=Path(out) / "index", progress=False
                )
            )
        whole.append(busy)
        walls.append(wall)
    return Measured(
        what="building an index, as a share of the bare encoder's throughput",
        unit="%",
        values=[100 * min(bare) / min(whole)],
        bar=80,
        at_least=True,
        note=f"{n:,} images, {n / min(walls):.0f}/s at best, map included; the least of {rounds} rounds each",
    )


def memory(small: Path, large: Path, model: str | None, sizes: tuple[int, int]) -> list[Measured]:
    """What building holds at most of a small and of a large data set, each in a process of its own.

    Images and embeddings are mapped: their pages are not counted (see `alone`).
    """
    found = [in_a_process("building", folder, model)["private"] for folder in (small, large)]
    return [
        Measured(
            what=f"building an index of {size:,} images: private memory",
            unit="MiB",
            values=[mib],
            note="of the whole process, model and libraries too",
        )
        for size, mib in zip(sizes, found, strict=True)
    ] + [
        Measured(
            what=f"building an index: growth from {sizes[0]:,} to {sizes[1]:,} images",
            unit="MiB",
            values=[found[1] - found[0]],
            bar=100,
        )
    ]


def _encode(model: InferenceModel, parts: list[SplitArrays]) -> None:
    for part in parts:
        for start in range(0, len(part), BATCH):
            model.encode(np.array(part.images[start : start + BATCH]))


def _spent(do: Any) -> tuple[float, float]:
    """Processor and wall seconds."""
    busy, start = time.process_time(), time.perf_counter()
    do()
    return time.process_time() - busy, time.perf_counter() - start
