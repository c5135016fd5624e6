"""Whole models of other libraries, trained by Lightning as ours is."""

import math
from bisect import bisect_left
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import torch
from lightning import LightningModule
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn
from torch.nn import functional as F
from torchmetrics import MeanMetric

from model.metrics import image_figures
from model.optimization import OptimizerSettings, build_optimizer


class PeerOutput(NamedTuple):
    """What a peer makes of B images."""

    images: Tensor
    """B 3 S S, about [-1, 1]."""
    loss: Tensor
    """Scalar: its own, weighted as it weights it."""
    codes: Tensor
    """B H' W', int64."""


class PeerBody(Protocol):
    """A whole model: B 3 S S in [-1, 1] in."""

    codebook_size: int
    code_grid: int

    def __call__(self, images: Tensor) -> PeerOutput: ...


class Peer(LightningModule):
    """Trains a peer's whole model on its own loss."""

    def __init__(self, body: nn.Module, optimizer: OptimizerSettings) -> None:
        super().__init__()
        self.body = body
        self.optimizer_settings = optimizer
        self.budget_spent: Callable[[], float] = lambda: 0.0
        self.val_ssim = MeanMetric()

    @property
    def bits_per_image(self) -> float:
        """Cells of the code grid times log2 of the codebook size."""
        body: PeerBody = self.body  # type: ignore[assignment]  # a module of that shape
        return body.code_grid**2 * math.log2(body.codebook_size)

    def forward(self, images: Tensor) -> PeerOutput:
        """B 3 S S in [-1, 1] -> reconstruction, loss, codes."""
        output: PeerOutput = self.body(images)
        return output

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        """Loss of one batch (images, data set ids)."""
        output: PeerOutput = self(batch[0])
        return output.loss

    def validation_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        """SSIM, for schedules that look at it."""
        unit = self(batch[0]).images.float().clamp(-1, 1) / 2 + 0.5
        self.val_ssim.update(image_figures(unit, batch[0] / 2 + 0.5).ssim)
        self.log("val_ssim", self.val_ssim)

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """Optimiser and schedule as the settings say."""
        return build_optimizer(self, self.optimizer_settings, lambda: self.budget_spent())


class MonaiVQVAE(nn.Module):
    """MONAI's `VQVAE` at 28 px on a 7 x 7 grid: two of its levels instead of three, K codes; else its defaults.

    Its quantiser is kept in float32: its own guard against mixed precision knows CUDA alone. Loss: MSE, as ours,
    and its commitment.

    Args:
        width: channels of the first level; the second has twice as many, as its defaults end.
        codebook_size: K.
    """

    def __init__(self, width: int, codebook_size: int = 512) -> None:
        super().__init__()
        from monai.networks.nets.vqvae import VQVAE

        self.codebook_size, self.code_grid = codebook_size, 7
        self.net = VQVAE(
            spatial_dims=2,
            in_channels=3,
            out_channels=3,
            channels=(width, 2 * width),
            num_res_channels=(width, 2 * width),
            downsample_parameters=((2, 4, 1, 1),) * 2,
            upsample_parameters=((2, 4, 1, 1, 0),) * 2,
            num_embeddings=codebook_size,
        )

    def forward(self, images: Tensor) -> PeerOutput:
        """B 3 28 28 -> reconstruction, loss, codes B 7 7."""
        latent = self.net.encode(images)
        with torch.autocast(images.device.type, enabled=False):
            quantised, loss, codes = self.net.quantizer.quantizer(latent.float())
        decoded = self.net.decode(quantised)
        return PeerOutput(decoded, F.mse_loss(decoded.float(), images) + loss, codes)


def monai_of_size(parameters: int, codebook_size: int = 512) -> MonaiVQVAE:
    """MONAI's VQVAE with about as many trained parameters as asked for (width in steps of 4)."""

    def count(width: int) -> int:
        with torch.device("meta"):
            return sum(p.numel() for p in MonaiVQVAE(width).parameters() if p.requires_grad)

    widths = range(8, 257, 4)
    above = min(bisect_left(widths, parameters, key=count), len(widths) - 1)
    width = min(widths[max(above - 1, 0)], widths[above], key=lambda w: abs(count(w) - parameters))
    return MonaiVQVAE(width, codebook_size)


class PythaeVQVAE(nn.Module):
    """pythae's `VQVAE` with the encoder and decoder that it ships for CIFAR, which at 28 px give a 7 x 7 grid.

    Those for MNIST take one channel and give 4 x 4. Its data lie in [0, 1]; loss and quantiser (codebook by
    gradient, here kept in float32) are its defaults: the sum of squared errors over an image, and the
    quantiser's terms.
    """

    def __init__(self, codebook_size: int = 512, latent_dim: int = 16) -> None:
        super().__init__()
        from pythae.models import VQVAE, VQVAEConfig
        from pythae.models.nn.benchmarks.cifar import Decoder_ResNet_VQVAE_CIFAR, Encoder_ResNet_VQVAE_CIFAR

        self.codebook_size, self.code_grid = codebook_size, 7
        config = VQVAEConfig(input_dim=(3, 28, 28), latent_dim=latent_dim, num_embeddings=codebook_size)
        self.net: nn.Module = VQVAE(
            config, encoder=Encoder_ResNet_VQVAE_CIFAR(config), decoder=Decoder_ResNet_VQVAE_CIFAR(config)
        )
        self.net.quantizer = _Float32(self.net.quantizer)

    def forward(self, images: Tensor) -> PeerOutput:
        """B 3 28 28 -> reconstruction, loss, codes B 7 7."""
        output = self.net({"data": images / 2 + 0.5})
        return PeerOutput(output.recon_x * 2 - 1, output.loss, output.quantized_indices.squeeze(1))


class _Float32(nn.Module):
    """Keeps a module out of mixed precision."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: Tensor, **options: Any) -> Any:
        with torch.autocast(x.device.type, enabled=False):
            return self.inner(x.float(), **options)
