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
from model.data.catalogue import find_dataset
from model.errors import VQScopeError

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
    """Splits of several data sets, end to end: all of data set 0 first, split after split, positions ascending.

    ``dataset[i]`` is (image (3,S,S) float32 in [-1, 1], labels (L,) int64). ``dataset.__getitems__(indices)``
    fetches a whole batch at once, in the order asked for: (images (B,3,S,S), data set numbers (B,) int64); a
    DataLoader finds that method by itself and then needs ``collate_fn=whole_batch``.

    ``names``, ``infos`` and ``splits`` are in the order given; ``dataset_ids`` (N,) says which data set image i
    belongs to, ``counts`` how many images each has, ``offsets`` (len(names) + 1,) where each begins. ``parts``
    holds the arrays of (data set 0, split 0), (data set 0, split 1), …, ``locate`` says where in them an image
    lies. ``split`` is one name or several. Raises what ``open_split`` raises, and VQScopeError where no split is
    named or one twice.
    """

    def __init__(
        self,
        names: Sequence[str],
        split: str | Sequence[str],
        *,
        data_dir: Path,
        image_size: int = 28,
        cache: Path | None = None,
    ) -> None:
        self.splits = (split,) if isinstance(split, str) else tuple(split)
        if not self.splits or len(set(self.splits)) != len(self.splits):
            raise VQScopeError("name at least one split, and each only once")
        self.infos = [find_dataset(name, data_dir, cache=cache) for name in names]
        self.names = [info.name for info in self.infos]
        self.parts: list[SplitArrays] = [
            open_split(info, one, data_dir=data_dir, cache=cache)
            for info in self.infos
            for one in self.splits
        ]
        self.transform = ImageTransform(image_size)
        lengths = np.array([len(part) for part in self.parts], dtype=np.int64)
        self.counts: NDArray[np.int64] = lengths.reshape(len(self.names), len(self.splits)).sum(axis=1)
        self.offsets = _starts(self.counts)
        self._part_offsets = _starts(lengths)

    def __len__(self) -> int:
        return int(self.offsets[-1])

    @property
    def dataset_ids(self) -> NDArray[np.int64]:
        """(N,): the number of the data set that each image belongs to."""
        return np.repeat(np.arange(len(self.names)), self.counts)

    def locate(self, indices: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Number of the part, and position within it, for each index (B,). Raises IndexError.

        Part p is split ``p % len(splits)`` of data set ``p // len(splits)``.
        """
        if indices.size and (indices.min() < 0 or indices.max() >= len(self)):
            raise IndexError(f"index out of range for {len(self)} images")
        parts = np.searchsorted(self._part_offsets, indices, side="right") - 1
        return parts, indices - self._part_offsets[parts]

    def __getitem__(self, index: int) -> Batch:
        index = index + len(self) if index < 0 else index
        numbers, positions = self.locate(np.array([index], dtype=np.int64))
        part, position = self.parts[int(numbers[0])], int(positions[0])
        image = self.transform(part.images[position : position + 1])[0]
        return image, torch.from_numpy(part.labels[position].copy())

    def __getitems__(self, indices: Sequence[int]) -> Batch:
        """Images (B,3,S,S) in the order of ``indices``, and the number of each one's data set (B,)."""
        numbers, positions = self.locate(np.asarray(indices, dtype=np.int64))
        size = self.transform.size
        batch = torch.empty((len(numbers), 3, size, size), dtype=torch.float32)
        for number in np.unique(numbers):
            rows = np.flatnonzero(numbers == number)
            rows = rows[
                np.argsort(positions[rows], kind="stable")
            ]  # ascending: the mapping is read front to back
            batch[torch.from_numpy(rows)] = self.transform(self.parts[number].images[positions[rows]])
        return batch, torch.from_numpy(numbers // len(self.splits))


def _starts(lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """Where each of several pieces begins that lie end to end, and where the last ends: (n + 1,)."""
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])


def whole_batch(batch: Batch) -> Batch:
    """Collate function for a data set that fetches whole batches (at module level: workers import it)."""
    return batch
