"""Taking snapshots while a network is trained."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback
from numpy.typing import NDArray
from torch import Tensor, nn

from model.averaging import WeightsAverage
from model.data.datamodule import BiomedicalDataModule
from model.data.datasets import BiomedicalDataset
from model.latent.embedding import EmbeddingHead, pool
from model.latent.evolving import frame_of
from model.latent.images_table import label_column
from model.latent.sampling import draw
from model.snapshots import (
    MAX_PICTURES,
    Pictures,
    ShownDataset,
    ShownImages,
    images_path,
    write_epoch,
    write_images,
)
from model.vqvae import VQVAE

_PICTURES_EACH = 4
"""Of a data set."""


class SnapshotWriter(Callback):
    """After every epoch writes where some validation images lie on the map, and reconstructions of a few of them.

    The network that was validated is looked at, in evaluation mode and without a random number drawn, so that the
    training goes on as if nobody had looked. Embeddings are the ones of the latent index (`EmbeddingHead`), but of one
    view of an image instead of four, which would cost four times as much, and standardised anew each epoch on these
    images: what they are standardised by otherwise is only fitted when a run ends.
    """

    def __init__(
        self, run_dir: Path, data: BiomedicalDataModule, images: int, average: WeightsAverage | None
    ) -> None:
        """``images``: most images on the map, at least 1."""
        self._run_dir = run_dir
        self._split = data.split("val")
        self._batch_size = data.settings.batch_size
        self._rows, self._pictured = chosen(self._split.counts, images)
        self._average = average
        self._before: NDArray[np.float32] | None = None

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write which images they are, unless the run goes on and has it written."""
        if not trainer.is_global_zero:
            return
        for leftover in images_path(self._run_dir).parent.glob(".*.part"):
            leftover.unlink()
        if not images_path(self._run_dir).exists():
            write_images(self._run_dir, self._shown())

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Look; Lightning has validated by now."""
        if not trainer.is_global_zero:
            return
        network = pl_module if self._average is None else self._average.network
        assert isinstance(network, VQVAE)
        with _undisturbed(network):
            embeddings = self._embeddings(network)
            reconstructions = _reconstructed(network, self._images(self._rows[self._pictured], network))
        if not np.isfinite(embeddings).all():
            return  # such a network has no map
        frame = frame_of(embeddings, self._before)
        self._before = frame.points
        write_epoch(self._run_dir, trainer.current_epoch + 1, frame, self._grey_alike(reconstructions))

    def state_dict(self) -> dict[str, Any]:
        """The latest points, into the checkpoint: the next frame is turned towards them."""
        return {"before": None if self._before is None else torch.from_numpy(self._before)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """The latest points, from the checkpoint."""
        before = state_dict["before"]
        self._before = None if before is None else before.numpy()

    def _embeddings(self, network: VQVAE) -> NDArray[np.float32]:
        starts = range(0, len(self._rows), self._batch_size)
        parts = []
        for start in starts:
            images = self._images(self._rows[start : start + self._batch_size], network)
            parts.append(pool(network.encoder(images).features).cpu())
        head = EmbeddingHead(network.embedding.dim // 3)
        head.fit(parts)
        found: NDArray[np.float32] = head(torch.cat(parts)).numpy()
        return found

    def _images(self, rows: NDArray[np.int64], network: VQVAE) -> Tensor:
        images, _ = self._split.__getitems__(rows.tolist())
        return images.to(next(network.parameters()).device).contiguous(memory_format=torch.channels_last)

    def _shown(self) -> ShownImages:
        split = self._split
        parts, positions = split.locate(self._rows)
        label = np.empty(len(self._rows), np.int32)
        for number in np.unique(parts):
            rows = np.flatnonzero(parts == number)
            label[rows] = label_column(split.parts[number].labels[positions[rows]], split.names[number])
        originals, _ = split.__getitems__(self._rows[self._pictured].tolist())
        return ShownImages(
            datasets=tuple(_described(split)),
            dataset=parts.astype(np.int32),
            position=positions.astype(np.int32),
            label=label,
            pictured=self._pictured.astype(np.int32),
            originals=_pixels(originals),
        )

    def _grey_alike(self, pictures: Pictures) -> Pictures:
        """Reconstructions of grey images are grey: the mean of their three channels, as when they are served."""
        parts, _ = self._split.locate(self._rows[self._pictured])
        grey = [self._split.infos[number].n_channels == 1 for number in parts]
        pictures[grey] = np.rint(pictures[grey].mean(axis=-1, keepdims=True)).astype(np.uint8)
        return pictures


def chosen(counts: NDArray[np.int64], images: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Which images of data sets that lie end to end are shown, the same for the same counts.

    Args:
        counts: images of each data set.
        images: how many to take, from each data set its share.

    Returns:
        Rows (N,), ascending; and the places among them (P,) of those shown as pictures: up to 4 of each data set,
        spread over it, and at most MAX_PICTURES.
    """
    there = np.flatnonzero(counts)
    sample = draw(counts[there].tolist(), images, seed=0)
    each = max(1, min(_PICTURES_EACH, MAX_PICTURES // len(there)))
    pictured = []
    for stratum in range(len(there)):
        own = np.flatnonzero(sample.stratum == stratum)
        pictured.append(own[np.unique(np.linspace(0, len(own) - 1, each).astype(np.int64))])
    return sample.rows, np.concatenate(pictured)[:MAX_PICTURES]


def _described(split: BiomedicalDataset) -> Iterator[ShownDataset]:
    for info in split.infos:
        labels = {str(value): name for value, name in info.labels.items()}
        yield ShownDataset(
            name=info.name, labels=labels, multi_label=info.multi_label, grey=info.n_channels == 1
        )


def _reconstructed(network: VQVAE, images: Tensor) -> Pictures:
    return _pixels(network.decode(network.quantizer(network.encoder(images).latent).codes).cpu())


def _pixels(images: Tensor) -> Pictures:
    """B 3 H W in [-1, 1] -> B H W 3 uint8."""
    unit = images.float().add(1).mul(127.5).round().clamp(0, 255)
    pictures: Pictures = unit.to(torch.uint8).movedim(1, -1).contiguous().numpy()
    return pictures


@contextlib.contextmanager
def _undisturbed(network: nn.Module) -> Iterator[None]:
    """Evaluation mode without gradients; afterwards every part is in the mode in which it was."""
    modes = [(part, part.training) for part in network.modules()]
    network.eval()
    try:
        with torch.inference_mode():
            yield
    finally:
        for part, mode in modes:
            part.training = mode
