"""The model of the paper behind this project, with its defects, to measure against; none is mended.

Written from the description of its public notebook: 64 px, ResNet18's stem with max-pool, its first two stages, a
stride-2 convolution, 1 x 1 to two channels: a 4 x 4 grid. Without ImageNet weights, as our own models are.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.models import resnet18

from model.optimization import OptimizerSettings
from tests.benchmarks.models.peers import PeerOutput

BATCH_SIZE = 16
OPTIMIZER = OptimizerSettings(name="sgd", learning_rate=2e-2, weight_decay=1e-3, schedule="plateau")


class ScrambledEMA(nn.Module):
    """The paper's EMA quantiser: the latent is cut into vectors without moving the channels last.

    So a vector of two numbers is not the two channels of a cell but two neighbouring cells of one channel. The
    codebook starts uniform in +-1/K, counts at zero, and no code is ever restarted.
    """

    codebook: Tensor
    count: Tensor
    total: Tensor

    def __init__(
        self, codebook_size: int, dim: int, *, decay: float = 0.999, commitment: float = 0.25
    ) -> None:
        super().__init__()
        self.decay, self.commitment = decay, commitment
        self.register_buffer("codebook", torch.empty(codebook_size, dim).uniform_(-1, 1) / codebook_size)
        self.register_buffer("count", torch.zeros(codebook_size))
        self.register_buffer("total", self.codebook.clone())

    def forward(self, latent: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """B D H W -> the same quantised, loss, codes B H W (as many as cells, though not one a cell)."""
        size, dim = self.codebook.shape
        flat = latent.detach().contiguous().reshape(-1, dim)
        codes = torch.cdist(flat, self.codebook).argmin(1)
        quantised = F.embedding(codes, self.codebook).view(latent.shape)
        if self.training:
            chosen = F.one_hot(codes, size).to(flat.dtype)
            self.count.lerp_(chosen.sum(0), 1 - self.decay)
            self.total.lerp_(chosen.T @ flat, 1 - self.decay)
            n = self.count.sum()
            self.count.copy_((self.count + 1e-5) / (n + size * 1e-5) * n)
            self.codebook.copy_(self.total / self.count[:, None])
        loss = self.commitment * F.mse_loss(latent, quantised)
        through = latent + (quantised - latent).detach()
        return through, loss, codes.view(len(latent), *latent.shape[2:])


class Upsample(nn.Module):
    """Two 3 x 3 convolutions beside a 1 x 1 one, each normalised, added; then doubled by a transposed convolution."""

    def __init__(self, inputs: int, inner: int, outputs: int) -> None:
        super().__init__()
        self.main = nn.Sequential(
            nn.Conv2d(inputs, inner, 3, padding=1, bias=False),
            nn.BatchNorm2d(inner),
            nn.ReLU(),
            nn.Conv2d(inner, outputs, 3, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
        )
        self.skip = nn.Sequential(nn.Conv2d(inputs, outputs, 1, bias=False), nn.BatchNorm2d(outputs))
        self.upsample = nn.ConvTranspose2d(outputs, outputs, 2, 2)

    def forward(self, x: Tensor) -> Tensor:
        """B C H W -> B C' 2H 2W."""
        larger: Tensor = self.upsample(self.main(x) + self.skip(x))
        return larger


class PaperModel(nn.Module):
    """64 px, K = 512, 4 x 4 codes: 144 bits. Loss: MSE and commitment."""

    codebook_size = 512
    code_grid = 4
    image_size = 64

    def __init__(self) -> None:
        super().__init__()
        trunk = resnet18(weights=None)
        self.encoder = nn.Sequential(
            *(trunk.conv1, trunk.bn1, trunk.relu, trunk.maxpool, trunk.layer1, trunk.layer2),
            nn.Conv2d(128, 128, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(128),
            nn.ReLU(),
            nn.Conv2d(128, 2, 1, bias=False),
            nn.BatchNorm2d(2),
        )
        self.quantizer = ScrambledEMA(self.codebook_size, 2)
        self.decoder = nn.Sequential(
            Upsample(2, 128, 64),
            Upsample(64, 64, 64),
            Upsample(64, 64, 64),
            Upsample(64, 64, 32),
            nn.Conv2d(32, 3, 3, padding=1),
        )

    def forward(self, images: Tensor) -> PeerOutput:
        """B 3 64 64 -> reconstruction, loss, codes B 4 4."""
        latent = self.encoder(images)
        with torch.autocast(images.device.type, enabled=False):
            quantised, loss, codes = self.quantizer(latent.float())
        decoded = self.decoder(quantised)
        return PeerOutput(decoded, F.mse_loss(decoded.float(), images) + loss, codes)
