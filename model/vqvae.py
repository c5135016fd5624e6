"""The VQ-VAE: encoder, quantiser and decoder."""

import math
from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor, nn

from model.latent.embedding import EmbeddingHead, pool, views
from model.networks.decoder import Decoder, DecoderSettings
from model.networks.encoder import Encoder, EncoderSettings
from model.quantizers.base import Quantized
from model.quantizers.ema import EMAQuantizer, EMASettings


@dataclass(frozen=True, kw_only=True)
class VQVAESettings:
    """Everything that fixes the network."""

    image_size: int = 28
    """Side of the square images inside the network, in pixels."""
    encoder: EncoderSettings = field(default_factory=EncoderSettings)
    quantizer: EMASettings = field(default_factory=EMASettings)
    decoder: DecoderSettings = field(default_factory=DecoderSettings)
    loss: Literal["mse", "l1", "mse_l1", "log_mse"] = "mse"
    """Reconstruction loss on [-1, 1]; ``mse_l1`` is MSE + L1 / 20, about as much of each once trained; ``log_mse`` is
    the mean over images of the logarithm of each one's MSE."""

    def __post_init__(self) -> None:
        reduction = self.encoder.reduction
        if reduction < 2 or self.image_size % reduction:
            raise ValueError(
                f"image_size {self.image_size} must be a multiple of the reduction, {reduction} (>= 2)"
            )

    @property
    def grid(self) -> int:
        """Side of the code grid, in cells."""
        return self.image_size // self.encoder.reduction

    @property
    def bits_per_image(self) -> float:
        """Cells of the code grid times log2 of the codebook size."""
        return self.grid**2 * math.log2(self.quantizer.codebook_size)


class VQVAE(nn.Module):
    """VQ-VAE (van den Oord et al. 2017, 1711.00937). What trains it is in `vqvae_module`: use needs no Lightning."""

    def __init__(self, settings: VQVAESettings) -> None:
        super().__init__()
        self.settings = settings
        dim = settings.quantizer.code_dim
        self.encoder = Encoder(settings.encoder, dim)
        self.quantizer = EMAQuantizer(settings.quantizer)
        self.decoder = Decoder(settings.decoder, dim, settings.encoder.reduction.bit_length() - 1)
        self.embedding = EmbeddingHead(settings.encoder.width * settings.encoder.feature_maps)

    def encode(self, images: Tensor) -> tuple[Quantized, Tensor]:
        """B 3 H W in [-1, 1] -> quantised grid, and the embedding B E."""
        return self.quantizer(self.encoder(images).latent), self.embedding(self.pooled(images))

    def pooled(self, images: Tensor) -> Tensor:
        """B 3 H W -> B E: pooled features averaged over views of the images, which the embedding is made of."""
        cell = self.settings.encoder.reduction
        return torch.stack([pool(self.encoder(view).features) for view in views(images, cell)]).mean(0)

    def decode(self, codes: Tensor) -> Tensor:
        """B H' W' codes -> B 3 H W, clamped to [-1, 1]."""
        latent = self.quantizer.lookup(codes).contiguous(memory_format=torch.channels_last)
        images: Tensor = self.decoder(latent).clamp(-1, 1)
        return images

    def forward(self, images: Tensor) -> tuple[Tensor, Quantized]:
        """B 3 H W in [-1, 1] -> reconstruction (not clamped) and quantised grid."""
        quantised: Quantized = self.quantizer(self.encoder(images).latent)
        return self.decoder(quantised.latent), quantised
