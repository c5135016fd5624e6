"""From memory-mapped uint8 images to the tensors the networks take."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import interpolate
from torch.utils.data import Dataset

from model.data.arrays import SplitArrays, open_split

Batch = tuple[Tensor, Tensor]


class ImageTransform:
    """uint8 (B,H,W) or (B,H,W,3) → float32 (B,3,S,S) in [-1, 1].

    Grey becomes three equal channels. Where H×W differs from S×S the image is resized by antialiased bilinear
    interpolation, its aspect ratio not kept; where it does not, pixel p becomes exactly p / 127.5 - 1.
    """

    def __init__(self, size: int) -> None:
        if size < 1:
            raise ValueError(f"size must be at least 1, not {size}")
        self.size = size

    def __call__(self, images: NDArray[np.uint8]) -> Tensor:
        """Transform a batch. Raises ValueError for another shape or type."""
        if images.dtype != np.uint8 or not (images.ndim == 3 or images.shape[3:] == (3,)):
            raise ValueError(f"expected uint8 (B,H,W) or (B,H,W,3), got {images.dtype} {images.shape}")
        # torch wants memory that it may write to: a slice of a read-only mapping is copied here, no more.
        batch = torch.from_numpy(np.require(images, requirements=["C", "W"]))
        batch = batch.unsqueeze(1) if batch.ndim == 3 else batch.permute(0, 3, 1, 2)  # B H W [C] -> B C H W
        pixels = batch.to(torch.float32, memory_format=torch.contiguous_format).div_(127.5).sub_(1)
        if pixels.shape[2:] != (self.size, self.size):
            pixels = interpolate(pixels, size=(self.size, self.size), mode="bilinear", antialias=True).clamp_(
                -1, 1
            )
        return pixels.expand(-1, 3, -1, -1).contiguous()


class BiomedicalDataset(Dataset[Batch]):
    """One split of several data sets, end to end: data set 0's images first, positions ascending.

    ``dataset[i]`` is (image (3,S,S) float32 in [-1, 1], labels (L,) int64). ``dataset.__getitems__(indices)``
    fetches a whole batch at once, in the order asked for: (images (B,3,S,S), data set numbers (B,) int64); a
    DataLoader finds that method by itself and then needs ``collate_fn=whole_batch``.

    ``names`` and ``infos`` are in the order given; ``dataset_ids`` (N,) says which of them image i belongs
    to, ``counts`` how many images each has, ``offsets`` (len(names) + 1,) where each begins. Raises what
    ``open_split`` raises.
    """

    def __init__(
        self,
        names: Sequence[str],
        split: str,
        *,
        data_dir: Path,
        image_size: int = 28,
        cache: Path | None = None,
    ) -> None:
        self.parts: list[SplitArrays] = [
            open_split(name, split, data_dir=data_dir, cache=cache) for name in names
        ]
        self.infos = [part.info for part in self.parts]
        self.names = [info.name for info in self.infos]
        self.split = split
        self.transform = ImageTransform(image_size)
        self.counts: NDArray[np.int64] = np.array([len(part) for part in self.parts], dtype=np.int64)
        self.offsets: NDArray[np.int64] = np.concatenate([np.zeros(1, np.int64), np.cumsum(self.counts)])

    def __len__(self) -> int:
        return int(self.offsets[-1])

    @property
    def dataset_ids(self) -> NDArray[np.int64]:
        """(N,): the number of the data set that each image belongs to."""
        return np.repeat(np.arange(len(self.parts)), self.counts)

    def locate(self, indices: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Data set number and position within its split, for each index (B,). Raises IndexError."""
        if indices.size and (indices.min() < 0 or indices.max() >= len(self)):
            raise IndexError(f"index out of range for {len(self)} images")
        ids = np.searchsorted(self.offsets, indices, side="right") - 1
        return ids, indices - self.offsets[ids]

    def __getitem__(self, index: int) -> Batch:
        index = index + len(self) if index < 0 else index
        ids, positions = self.locate(np.array([index], dtype=np.int64))
        part, position = self.parts[int(ids[0])], int(positions[0])
        image = self.transform(part.images[position : position + 1])[0]
        return image, torch.from_numpy(part.labels[position].copy())

    def __getitems__(self, indices: Sequence[int]) -> Batch:
        """Images (B,3,S,S) in the order of ``indices``, and the number of each one's data set (B,)."""
        ids, positions = self.locate(np.asarray(indices, dtype=np.int64))
        size = self.transform.size
        batch = torch.empty((len(ids), 3, size, size), dtype=torch.float32)
        for number in np.unique(ids):
            rows = np.flatnonzero(ids == number)
            rows = rows[
                np.argsort(positions[rows], kind="stable")
            ]  # ascending: the mapping is read front to back
            batch[torch.from_numpy(rows)] = self.transform(self.parts[number].images[positions[rows]])
        return batch, torch.from_numpy(ids)


def whole_batch(batch: Batch) -> Batch:
    """Collate function for a data set that fetches whole batches (at module level: workers import it)."""
    return batch
