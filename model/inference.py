"""A trained model in use: uint8 arrays in, arrays out."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from model.checkpoints import StoredModel, read_model
from model.cores import Cores
from model.data.datasets import ImageTransform
from model.errors import VQScopeError
from model.metrics import Figures, figures
from model.networks.folding import fold
from model.shipped import find_model
from model.versions import EMBEDDING_VERSION

Pictures = NDArray[np.uint8]
Result = TypeVar("Result")

PIXELS_PER_PASS = {"cpu": 64 * 28 * 28, "cuda": 256 * 28 * 28}
"""By the type of device, a core's each: large enough for all its speed, small enough for a few hundred MB."""


@dataclass(frozen=True)
class Encoding:
    """What the encoder makes of N images."""

    embeddings: NDArray[np.float32]
    """(N, D): the vector that stands for each image (`model.latent.embedding`)."""
    codes: NDArray[np.uint16]
    """(N, H', W'): indices into the codebook."""
    quantisation_error: NDArray[np.float32]
    """(N,): squared distance from latent to code vector, mean over the grid."""


@dataclass(frozen=True)
class Analysis:
    """Encoding, reconstruction and figures of N images from one pass."""

    encoding: Encoding
    reconstructions: Pictures
    """Same shape as the images."""
    figures: Figures


class InferenceModel:
    """A trained VQ-VAE behind arrays: images are uint8, (N, H, W) grey or (N, H, W, 3) colour, of any size.

    Not thread-safe: one thread owns a model. Computes in float32, not in mixed precision, so that codes do not
    depend on the batch.
    """

    def __init__(self, stored: StoredModel, name: str, device: torch.device) -> None:
        self.name = name
        self.sha256 = stored.sha256
        self.card: dict[str, Any] = stored.card
        self.device = device
        self.settings = stored.network.settings
        self.image_size = self.settings.image_size
        self.code_grid = (self.settings.grid, self.settings.grid)
        self.codebook_size = self.settings.quantizer.codebook_size
        self.embedding_dim = stored.network.embedding.dim
        self.embedding_version = EMBEDDING_VERSION
        self._transform = ImageTransform(self.image_size)
        self._network = stored.network.to(device).to(memory_format=torch.channels_last).eval()
        fold(self._network)
        self._cores = Cores(torch.get_num_threads() if device.type == "cpu" else 1)

    @property
    def version(self) -> str:
        """``NAME@`` and the first 12 digits of the weights' SHA-256: what every answer names."""
        return f"{self.name}@{self.sha256[:12]}"

    @property
    def bits_per_image(self) -> float:
        """Cells of the code grid times log2 of the codebook size."""
        return self.settings.bits_per_image

    def encode(self, images: Pictures) -> Encoding:
        """Codes and embeddings of N images."""
        _check(images)
        return _join(self._in_passes(images, lambda part: self._encode(images[part])))

    def reconstruct(self, images: Pictures) -> Pictures:
        """N images through the codes and back, at their own size and number of channels."""
        _check(images)
        return self.decode_like(self._codes(images), images)

    def decode(self, codes: NDArray[np.integer[Any]]) -> Pictures:
        """(N, H', W') codes -> (N, S, S, 3) pictures at the model's own size.

        Raises:
            ValueError: another grid, or a code outside the codebook.
        """
        self._check_codes(codes)
        return np.concatenate(self._in_passes(codes, lambda part: _to_pictures(self._decode(codes[part]))))

    def decode_like(self, codes: NDArray[np.integer[Any]], images: Pictures) -> Pictures:
        """Decoded pictures, at the size and with the channels of the images that the codes come from."""
        return np.concatenate(
            self._in_passes(images, lambda part: self._decode_like(codes[part], images[part]))
        )

    def analyse(self, images: Pictures) -> Analysis:
        """Encoding, reconstruction and figures of N images, each encoded once."""
        _check(images)
        parts = self._in_passes(images, lambda part: self._analyse(images[part]))
        return Analysis(
            _join([part.encoding for part in parts]),
            np.concatenate([part.reconstructions for part in parts]),
            Figures.concatenate([part.figures for part in parts]),
        )

    def code_vectors(self) -> NDArray[np.float32]:
        """(K, D): the vector of each code."""
        every = torch.arange(self.codebook_size, device=self.device)[None, None]
        with torch.inference_mode():
            vectors = self._network.quantizer.lookup(every)  # 1 D 1 K
        found: NDArray[np.float32] = vectors[0, :, 0].T.cpu().numpy()
        return found

    def latents(self, images: Pictures) -> NDArray[np.float32]:
        """(N, D, H', W'): what the encoder gives the quantiser for N images."""
        _check(images)
        return np.concatenate(
            self._in_passes(images, lambda part: self._latent(images[part]).float().cpu().numpy())
        )

    @torch.inference_mode()
    def code_latents(self, codes: NDArray[np.integer[Any]]) -> NDArray[np.float32]:
        """(N, H', W') codes -> (N, D, H', W'): the vector of each; raises ValueError as `decode` does."""
        self._check_codes(codes)
        indices = torch.from_numpy(codes.astype(np.int64)).to(self.device)
        found: NDArray[np.float32] = self._network.quantizer.lookup(indices).float().cpu().numpy()
        return found

    @torch.inference_mode()
    def quantise(self, latents: NDArray[np.float32]) -> NDArray[np.uint16]:
        """(N, D, H', W') latents -> (N, H', W') codes."""
        quantised = self._network.quantizer(torch.from_numpy(latents).to(self.device))
        codes: NDArray[np.uint16] = quantised.codes.cpu().numpy().astype(np.uint16)
        return codes

    def cell_errors(self, images: Pictures) -> tuple[NDArray[np.uint16], NDArray[np.float32]]:
        """Codes of N images, and of each cell the squared distance from latent to code vector: both (N, H', W')."""
        _check(images)

        def errors(part: slice) -> tuple[NDArray[np.uint16], NDArray[np.float32]]:
            latent = self._latent(images[part]).float()
            chosen = self._network.quantizer(latent).codes
            offset = latent - self._network.quantizer.lookup(chosen)
            return chosen.cpu().numpy().astype(np.uint16), offset.square().sum(1).cpu().numpy()

        return _concatenate_pairs(self._in_passes(images, errors))

    def _check_codes(self, codes: NDArray[np.integer[Any]]) -> None:
        if codes.shape[1:] != self.code_grid or len(codes) == 0:
            raise ValueError(
                f"codes must be (N, {self.code_grid[0]}, {self.code_grid[1]}), not {codes.shape}"
            )
        if codes.min() < 0 or codes.max() >= self.codebook_size:
            raise ValueError(f"codes must lie in 0 … {self.codebook_size - 1}")

    def nearest_codes(self, images: Pictures, k: int = 2) -> tuple[NDArray[np.uint16], NDArray[np.float32]]:
        """The k codes nearest to each cell of N images, nearest first, and their squared distances.

        What a cell would have become had its latent lain elsewhere: a small margin between the first two codes is a
        close decision.

        Returns:
            codes and distances, both (N, H', W', k).
        """
        _check(images)
        vectors = torch.from_numpy(self.code_vectors()).to(self.device)

        def nearest(part: slice) -> tuple[NDArray[np.uint16], NDArray[np.float32]]:
            latent = self._latent(images[part]).float()
            cells = latent.permute(0, 2, 3, 1).flatten(0, 2)  # B D H' W' -> BH'W' D
            squared = torch.cdist(cells, vectors, compute_mode="donot_use_mm_for_euclid_dist").square()
            found = squared.topk(min(k, len(vectors)), dim=1, largest=False)
            shape = (len(latent), *latent.shape[2:], -1)
            codes = found.indices.reshape(shape).cpu().numpy().astype(np.uint16)
            return codes, found.values.reshape(shape).cpu().numpy()

        return _concatenate_pairs(self._in_passes(images, nearest))

    def _in_passes(self, items: NDArray[Any], work: Callable[[slice], Result]) -> list[Result]:
        """What ``work`` makes of slices of images (N, H, W[, 3]), or of codes, as many at a time as there are cores."""
        pixels = max(self.image_size**2, items.shape[1] * items.shape[2])
        most = max(1, PIXELS_PER_PASS.get(self.device.type, PIXELS_PER_PASS["cuda"]) // pixels)
        step = min(most, math.ceil(len(items) / self._cores.count))

        def one(part: slice) -> Result:
            with torch.inference_mode():  # of this thread
                return work(part)

        return self._cores.map(one, [slice(start, start + step) for start in range(0, len(items), step)])

    def _batch(self, images: Pictures) -> Tensor:
        batch = self._transform(images).to(self.device)
        return batch.contiguous(memory_format=torch.channels_last)

    def _latent(self, images: Pictures) -> Tensor:
        latent: Tensor = self._network.encoder(self._batch(images)).latent
        return latent

    def _codes(self, images: Pictures) -> NDArray[np.integer[Any]]:
        """(N, H', W') codes alone: an embedding costs four more passes of the encoder."""
        quantizer = self._network.quantizer
        return np.concatenate(
            self._in_passes(images, lambda part: quantizer(self._latent(images[part])).codes.cpu().numpy())
        )

    def _encode(self, images: Pictures) -> Encoding:
        quantised, embeddings = self._network.encode(self._batch(images))
        return Encoding(
            embeddings.cpu().numpy(),
            quantised.codes.cpu().numpy().astype(np.uint16),
            quantised.error.cpu().numpy(),
        )

    def _analyse(self, images: Pictures) -> Analysis:
        encoding = self._encode(images)
        reconstructions = self._decode_like(encoding.codes, images)
        return Analysis(encoding, reconstructions, figures(images, reconstructions))

    def _decode(self, codes: NDArray[np.integer[Any]]) -> Tensor:
        """(N, H', W') -> N 3 S S in [0, 1]."""
        indices = torch.from_numpy(codes.astype(np.int64)).to(self.device)
        decoded: Tensor = self._network.decode(indices).cpu()
        return decoded / 2 + 0.5

    def _decode_like(self, codes: NDArray[np.integer[Any]], like: Pictures) -> Pictures:
        decoded = self._decode(codes)
        size = like.shape[1:3]
        if decoded.shape[-2:] != size:
            decoded = F.interpolate(decoded, size, mode="bilinear", antialias=True, align_corners=False)
        if like.ndim == 3:  # the decoder has three channels; a grey image's best estimate is their mean
            decoded = decoded.mean(1, keepdim=True)
        return _to_pictures(decoded)


def load_model(path_or_name: str | Path | None = None, device: str | None = None) -> InferenceModel:
    """Load a trained model.

    Args:
        path_or_name: run folder of `vqscope train`, or the name of a shipped model; None: the shipped default.
        device: such as ``"cpu"`` or ``"cuda"``; by default the GPU when there is one.

    Raises:
        ModelNotFound: there is none.
        ModelDamaged: its files cannot be used.
        VQScopeError: there is no such device.
    """
    folder = find_model(path_or_name)
    chosen = _device(device)
    return InferenceModel(read_model(folder), folder.resolve().name, chosen)


def _device(name: str | None) -> torch.device:
    if name is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:  # torch asserts where it was built without CUDA
        raise VQScopeError(f"there is no device {name!r} here: leave out --device, or give cpu") from error
    return device


def _check(images: Pictures) -> None:
    if images.dtype != np.uint8 or images.ndim not in (3, 4) or (images.ndim == 4 and images.shape[-1] != 3):
        raise ValueError(f"images must be uint8 (N, H, W) or (N, H, W, 3), not {images.dtype} {images.shape}")
    if len(images) == 0:
        raise ValueError("no images given")


def _join(parts: list[Encoding]) -> Encoding:
    return Encoding(
        np.concatenate([p.embeddings for p in parts]),
        np.concatenate([p.codes for p in parts]),
        np.concatenate([p.quantisation_error for p in parts]),
    )


def _concatenate_pairs(
    parts: list[tuple[NDArray[np.uint16], NDArray[np.float32]]],
) -> tuple[NDArray[np.uint16], NDArray[np.float32]]:
    first, second = zip(*parts, strict=True)
    return np.concatenate(first), np.concatenate(second)


def _to_pictures(unit: Tensor) -> Pictures:
    """N C H W in [0, 1] -> uint8 (N, H, W, 3), or (N, H, W) of one channel."""
    pictures = unit.mul(255).round_().clamp_(0, 255).to(torch.uint8).movedim(1, -1)
    array: Pictures = (
        pictures.squeeze(-1).numpy() if pictures.shape[-1] == 1 else pictures.contiguous().numpy()
    )
    return array
