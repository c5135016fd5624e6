"""Grid of code vectors -> image."""

from dataclasses import dataclass

from torch import Tensor, nn

from model.networks.blocks import ResidualBlock


@dataclass(frozen=True, kw_only=True)
class DecoderSettings:
    """Shape of the decoder."""

    width: int = 128
    """Channels on the code grid; halved at each doubling of the grid, down to ``min_width``."""
    min_width: int = 64
    blocks: int = 3
    """Residual blocks on the code grid."""
    blocks_per_scale: int = 2
    """Residual blocks on each finer grid."""

    def __post_init__(self) -> None:
        if min(self.width, self.min_width) < 1 or min(self.blocks, self.blocks_per_scale) < 0:
            raise ValueError("decoder widths must be positive, numbers of blocks not negative")


class Decoder(nn.Module):
    """Residual convolutional decoder with sub-pixel upsampling (Shi et al. 2016, 1609.05158).

    The last doubling goes straight to pixels: no convolution runs at full resolution, where it would cost most.
    """

    def __init__(self, settings: DecoderSettings, code_dim: int, doublings: int) -> None:
        super().__init__()
        width = settings.width
        layers: list[nn.Module] = [nn.Conv2d(code_dim, width, 3, padding=1)]
        layers += [ResidualBlock(width) for _ in range(settings.blocks)]
        for _ in range(doublings - 1):
            narrower = max(width // 2, settings.min_width)
            layers += [nn.Conv2d(width, 4 * narrower, 3, padding=1), nn.PixelShuffle(2)]
            layers += [ResidualBlock(narrower) for _ in range(settings.blocks_per_scale)]
            width = narrower
        layers += [nn.BatchNorm2d(width), nn.SiLU()]
        layers += [nn.Conv2d(width, 12, 3, padding=1), nn.PixelShuffle(2)]
        self.layers = nn.Sequential(*layers)

    def forward(self, quantised: Tensor) -> Tensor:
        """B D H' W' -> B 3 H W, about [-1, 1] (not clamped: the loss needs the gradient outside)."""
        images: Tensor = self.layers(quantised)
        return images
