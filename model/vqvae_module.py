"""The VQ-VAE as Lightning trains it: losses, figures, optimiser."""

from collections.abc import Callable

import torch
from lightning import LightningModule
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn
from torch.nn import functional as F
from torchmetrics import MeanMetric

from model.codebook_usage import CodebookUsage
from model.metrics import ImageFigures, image_figures
from model.optimization import OptimizerSettings, build_optimizer
from model.vqvae import VQVAE, VQVAESettings

_LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "mse": F.mse_loss,
    "l1": F.l1_loss,
    "mse_l1": lambda x, y: F.mse_loss(x, y) + F.l1_loss(x, y) / 20,
    "log_mse": lambda x, y: (x - y).square().flatten(1).mean(1).add(1e-5).log().mean(),
}


class VQVAEModule(VQVAE, LightningModule):
    """Loss = reconstruction + commitment; the codebook follows by EMA. Its weights are named as those of `VQVAE`."""

    def __init__(self, settings: VQVAESettings, optimizer: OptimizerSettings | None = None) -> None:
        super().__init__(settings)
        self.optimizer_settings = optimizer or OptimizerSettings()
        self.budget_spent: Callable[[], float] = lambda: 0.0
        """Share of the training budget that is spent, in [0, 1]; set by whoever trains."""
        self.train_figures, self.val_figures = FigureMeans(), FigureMeans()
        self.usage = CodebookUsage(settings.quantizer.codebook_size)

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
