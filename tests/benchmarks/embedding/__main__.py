"""``python -m tests.benchmarks.embedding``, or ``make bench-embedding``: which vector should stand for an image?

Every candidate is judged by probes that are cross-validated on training and validation images together: the choice is
made without the test images, and on more than the few dozen that some validation splits have.
"""

import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedKFold
from tqdm import tqdm

from model import paths
from model.checkpoints import read_model
from model.cli import guarded
from model.cli_parser import CommandParser, names
from model.data.arrays import open_split
from model.data.datasets import ImageTransform
from model.latent.probes import Labelled, LinearProbe, NeighbourProbe, Probe
from model.shipped import find_model
from model.vqvae import VQVAE
from tests.benchmarks.embedding.candidates import CANDIDATES, Features, features, vectors

_EXAMPLES = """examples:
  make bench-embedding
  make bench-embedding ARGS="--model runs/two --datasets breastmnist --repeats 10"
"""
OFFICIAL = ("pneumoniamnist", "retinamnist", "breastmnist")
BATCH = 256


def gather(network: VQVAE, name: str, data_dir: Path, limit: int) -> tuple[Features, NDArray[np.int64]]:
    """Features of the training and validation images of a data set, of at most so many; and their labels."""
    transform = ImageTransform(network.settings.image_size)
    parts = [open_split(name, split, data_dir=data_dir) for split in ("train", "val")]
    where = [(part, i) for part in parts for i in range(len(part))]
    if len(where) > limit:
        chosen = np.sort(np.random.default_rng(0).choice(len(where), limit, replace=False))
        where = [where[i] for i in chosen]
    batches = []
    for start in tqdm(range(0, len(where), BATCH), desc=f"encoding {name}", unit="batch", leave=False):
        images = np.stack([part.images[i] for part, i in where[start : start + BATCH]])
        batches.append(features(network, transform(images)))
    found = {key: torch.cat([batch[key] for batch in batches]) for key in batches[0]}
    return found, np.array([part.labels[i, 0] for part, i in where])


def cross_validate(embeddings: NDArray[np.float32], labels: NDArray[np.int64], repeats: int) -> list[float]:
    """Mean accuracy of linear and nearest-neighbour probe over five folds, repeated with other folds."""
    right: list[list[float]] = []
    for seed in range(repeats):
        for fitted, held in StratifiedKFold(5, shuffle=True, random_state=seed).split(embeddings, labels):
            train = Labelled(embeddings[fitted], labels[fitted])
            probes: list[Probe] = [LinearProbe.fit(train, None, seed=seed), NeighbourProbe.fit(train)]
            right.append(
                [
                    float(
                        (
                            probe.classes[probe.probabilities(embeddings[held]).argmax(1)] == labels[held]
                        ).mean()
                    )
                    for probe in probes
                ]
            )
    means: list[float] = np.mean(right, axis=0).tolist()
    return means


def standardised(embeddings: torch.Tensor) -> NDArray[np.float32]:
    """As `EmbeddingHead` does it: standardised, tails drawn in."""
    spread = embeddings.std(0, correction=0).clamp(min=1e-4)
    result: NDArray[np.float32] = torch.asinh((embeddings - embeddings.mean(0)) / spread).numpy()
    return result


def as_table(results: Mapping[str, Mapping[str, list[float]]], sizes: Mapping[str, int]) -> list[str]:
    """Markdown: a row a candidate, linear probe / nearest neighbours for each data set."""
    datasets = list(next(iter(results.values())))
    lines = [f"| embedding | D | {' | '.join(datasets)} |", "|---|--:|" + "--:|" * len(datasets)]
    for name, row in results.items():
        cells = [f"{linear:.3f} / {nearest:.3f}" for linear, nearest in row.values()]
        lines.append(f"| {name} | {sizes[name]} | {' | '.join(cells)} |")
    return lines


def main(argv: list[str]) -> int:
    """Print the table."""
    parser = CommandParser(prog="python -m tests.benchmarks.embedding", description=__doc__, epilog=_EXAMPLES)
    parser.add_argument("--model", help="run folder or shipped model (default: the shipped base)")
    parser.add_argument("--data-dir", type=Path, help="folder of the npz files (default: VQSCOPE_DATA)")
    parser.add_argument("--datasets", type=names, default=OFFICIAL, help=f"default: {','.join(OFFICIAL)}")
    parser.add_argument("--repeats", type=int, default=3, help="of five-fold cross-validation (default: 3)")
    parser.add_argument("--limit", type=int, default=1500, help="images of a data set (default: 1500)")
    options = parser.parse_args(argv)
    network = read_model(find_model(options.model)).network.eval()
    results: dict[str, dict[str, list[float]]] = {name: {} for name in CANDIDATES}
    sizes: dict[str, int] = {}
    for dataset in options.datasets:
        found, labels = gather(network, dataset, paths.data_dir(options.data_dir), options.limit)
        for name, candidate in tqdm(CANDIDATES.items(), desc=f"probing {dataset}", leave=False):
            embeddings = standardised(vectors(candidate, found))
            sizes[name] = embeddings.shape[1]
            results[name][dataset] = cross_validate(embeddings, labels, options.repeats)
    print("\n".join(as_table(results, sizes)))
    return 0


if __name__ == "__main__":
    sys.exit(guarded(main))
