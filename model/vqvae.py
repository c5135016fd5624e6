"""The VQ-VAE: encoder, quantiser, decoder and how they are trained."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import torch
from lightning import LightningModule
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn
from torch.nn import functional as F
from torchmetrics import MeanMetric

from model.latent.embedding import EmbeddingHead, pool, views
from model.metrics import CodebookUsage, ImageFigures, image_figures
from model.networks.decoder import Decoder, DecoderSettings
from model.networks.encoder import Encoder, EncoderSettings
from model.optimization import OptimizerSettings, build_optimizer
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


_LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "mse": F.mse_loss,
    "l1": F.l1_loss,
    "mse_l1": lambda x, y: F.mse_loss(x, y) + F.l1_loss(x, y) / 20,
    "log_mse": lambda x, y: (x - y).square().flatten(1).mean(1).add(1e-5).log().mean(),
}


class VQVAE(LightningModule):
    """VQ-VAE (van den Oord et al. 2017, 1711.00937): loss = reconstruction + commitment, codebook by EMA."""

    def __init__(self, settings: VQVAESettings, optimizer: OptimizerSettings | None = None) -> None:
        super().__init__()
        self.settings = settings
        self.optimizer_settings = optimizer or OptimizerSettings()
        dim = settings.quantizer.code_dim
        self.encoder = Encoder(settings.encoder, dim)
        self.quantizer = EMAQuantizer(settings.quantizer)
        self.decoder = Decoder(settings.decoder, dim, settings.encoder.reduction.bit_length() - 1)
        self.embedding = EmbeddingHead(settings.encoder.width * settings.encoder.feature_maps)
        self.budget_spent: Callable[[], float] = lambda: 0.0
        """Share of the training budget that is spent, in [0, 1]; set by whoever trains."""
        self.train_figures, self.val_figures = FigureMeans(), FigureMeans()
        self.usage = CodebookUsage(settings.quantizer.codebook_size)

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

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        """Loss of one batch (images, data set ids)."""
        images, _ = batch
        images = images.contiguous(memory_format=torch.channels_last)
        reconstructions, quantised = self(images)
        loss: Tensor = _LOSSES[self.settings.loss](reconstructions.float(), images) + quantised.loss
        self.train_figures.add_loss(loss.detach(), len(images))
        if batch_idx % 8 == 0:  # SSIM of every batch would cost a tenth of the training time
            self.train_figures.add(reconstructions, images)
        self.log("loss", loss.detach(), prog_bar=True, logger=False)
        return loss

    def validation_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        """Figures of one batch of the validation split."""
        images, _ = batch
        reconstructions, quantised = self(images.contiguous(memory_format=torch.channels_last))
        loss = _LOSSES[self.settings.loss](reconstructions.float(), images) + quantised.loss
        self.val_figures.add_loss(loss, len(images))
        self.val_figures.add(reconstructions, images)
        self.usage.update(quantised.codes)

    def on_validation_epoch_end(self) -> None:
        """Log the epoch's figures, and the use of the codebook over the whole validation split.

        The training figures too: validation comes at the end of each epoch, before any callback asks for them.
        """
        for prefix, means in (("train", self.train_figures), ("val", self.val_figures)):
            for name, value in means.take().items():
                self.log(f"{prefix}_{name}", value)
        for name, value in self.usage.compute().items():
            self.log(f"val_codebook_{name}", value)
        self.usage.reset()

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """Optimiser and schedule as the settings say."""
        return build_optimizer(self, self.optimizer_settings, lambda: self.budget_spent())


class FigureMeans(nn.Module):
    """Loss, PSNR, SSIM and MAE averaged over the images since they were last taken."""

    def __init__(self) -> None:
        super().__init__()
        # A loss that is no number must show as such, not be left out of the mean.
        self.means = nn.ModuleDict(
            {name: MeanMetric(nan_strategy="disable") for name in ("loss", *ImageFigures._fields)}
        )

    def add_loss(self, loss: Tensor, images: int) -> None:
        """Count the mean loss of a batch."""
        self._mean("loss").update(loss, images)

    @torch.no_grad()
    def add(self, reconstructions: Tensor, images: Tensor) -> None:
        """Count the figures of a batch, B 3 H W in [-1, 1]."""
        unit = reconstructions.detach().float().clamp(-1, 1) / 2 + 0.5  # [-1, 1] -> [0, 1]
        for name, values in image_figures(unit, images / 2 + 0.5)._asdict().items():
            self._mean(name).update(values)

    def take(self) -> dict[str, Tensor]:
        """The means (over all ranks), and begin anew; a figure that nothing was counted for is left out."""
        taken = {}
        for name in self.means:
            mean = self._mean(name)
            if mean.update_called:
                taken[name] = mean.compute()
            mean.reset()
        return taken

    def _mean(self, name: str) -> MeanMetric:
        mean = self.means[name]
        assert isinstance(mean, MeanMetric)
        return mean
