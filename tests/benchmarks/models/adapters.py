"""The peers' quantisers behind our interface.

Each is its library's own code at the library's defaults except for what is named; here are only its conventions of
layout and of losses. All run in float32, as ours does: under autocast, bfloat16 distances would flip codes.
"""

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from model.quantizers.base import Quantized, Quantizer


class Isolated(Quantizer):
    """Keeps what a quantiser draws at random from moving the generator that the augmentation draws from.

    So all arms see the same flips of the same images. The quantiser draws from a copy of the generator, which goes
    on from step to step with the flips.
    """

    def __init__(self, quantizer: Quantizer) -> None:
        super().__init__()
        self.inner = quantizer
        self.codebook_size, self.code_dim = quantizer.codebook_size, quantizer.code_dim

    def forward(self, latent: Tensor) -> Quantized:
        """B D H W -> codes."""
        with torch.random.fork_rng(devices=[latent.device] if latent.is_cuda else []):
            quantized: Quantized = self.inner(latent)
        return quantized

    def lookup(self, codes: Tensor) -> Tensor:
        """B H W -> B D H W."""
        return self.inner.lookup(codes)


class Adapter(Quantizer):
    """A quantiser of another library, in float32."""

    def __init__(self, codebook_size: int, code_dim: int) -> None:
        super().__init__()
        self.codebook_size, self.code_dim = codebook_size, code_dim

    def forward(self, latent: Tensor) -> Quantized:
        """B D H W -> codes; the loss is the library's own, its weight included."""
        with torch.autocast(latent.device.type, enabled=False):
            latent = latent.float()
            quantised, codes, loss = self.quantise(latent)
            error = (latent - quantised).detach().square().sum(1).mean((1, 2))
            return Quantized(quantised, codes, loss, error)

    @abstractmethod
    def quantise(self, latent: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """B D H W -> quantised B D H W, codes B H W, scalar loss."""


class LucidrainsQuantizer(Adapter):
    """`VectorQuantize` of vector-quantize-pytorch; its options by name."""

    def __init__(self, codebook_size: int, code_dim: int, options: Mapping[str, float | bool]) -> None:
        super().__init__(codebook_size, code_dim)
        from vector_quantize_pytorch import VectorQuantize

        self.inner: Any = VectorQuantize(
            dim=code_dim, codebook_size=codebook_size, accept_image_fmap=True, **options
        )

    def quantise(self, latent: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Its fmap mode takes channels first; outside training its loss has no gradient."""
        quantised, codes, loss = self.inner(latent)
        return quantised, codes, loss.sum()

    def lookup(self, codes: Tensor) -> Tensor:
        """B H W -> B D H W."""
        vectors: Tensor = self.inner.get_output_from_indices(codes.long())
        return vectors


class MonaiQuantizer(Adapter):
    """`EMAQuantizer` of MONAI."""

    def __init__(self, codebook_size: int, code_dim: int) -> None:
        super().__init__(codebook_size, code_dim)
        from monai.networks.layers.vector_quantizer import EMAQuantizer

        self.inner: Any = EMAQuantizer(spatial_dims=2, num_embeddings=codebook_size, embedding_dim=code_dim)

    def quantise(self, latent: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """It takes channels first and moves them itself."""
        quantised, loss, codes = self.inner(latent)
        return quantised, codes, loss

    def lookup(self, codes: Tensor) -> Tensor:
        """B H W -> B D H W."""
        vectors: Tensor = self.inner.embed(codes.long())
        return vectors


class PythaeQuantizer(Adapter):
    """`QuantizerEMA` of pythae."""

    def __init__(self, codebook_size: int, code_dim: int) -> None:
        super().__init__(codebook_size, code_dim)
        from pythae.models import VQVAEConfig
        from pythae.models.vq_vae.vq_vae_utils import QuantizerEMA

        config = VQVAEConfig(num_embeddings=codebook_size, use_ema=True)
        config.embedding_dim = code_dim  # as its VQVAE sets it
        self.inner: Any = QuantizerEMA(config)

    def quantise(self, latent: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """It takes channels last and gives channels first; its codes have a channel of their own."""
        output = self.inner(latent.movedim(1, -1).contiguous())
        return output.quantized_vector, output.quantized_indices.squeeze(1), output.loss

    def lookup(self, codes: Tensor) -> Tensor:
        """B H W -> B D H W."""
        vectors: Tensor = self.inner.embeddings[codes.long()]
        return vectors.movedim(-1, 1)


class NoQuantizer(Quantizer):
    """The latent as it is: the ceiling. It has no codes; zeros stand in their place."""

    def __init__(self, code_dim: int) -> None:
        super().__init__()
        self.codebook_size, self.code_dim = 0, code_dim

    def forward(self, latent: Tensor) -> Quantized:
        """B D H W -> itself."""
        codes = torch.zeros(
            (len(latent), *latent.shape[2:]), dtype=torch.int64, device=latent.device
        )  # B H W
        return Quantized(latent, codes, latent.new_zeros(()), latent.new_zeros(len(latent)))

    def lookup(self, codes: Tensor) -> Tensor:
        """There is nothing to look up."""
        raise NotImplementedError("without a quantiser there are no codes")
