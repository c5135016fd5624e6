"""Image -> grid of latent vectors, on the trunk of torchvision's ResNet18."""

from dataclasses import dataclass
from typing import NamedTuple

from torch import Tensor, nn

from model.networks.blocks import ResidualBlock


@dataclass(frozen=True, kw_only=True)
class EncoderSettings:
    """Shape of the encoder."""

    stages: int = 2
    """Residual stages of ResNet18 that are used, 1 to 4; each after the first halves the grid."""
    stem_stride: int = 2
    """Stride of the 7x7 stem convolution, 1 or 2."""
    stem_pool: bool = False
    """Keep ResNet18's max-pool after the stem (halves the grid again)."""
    extra_downsamples: int = 0
    """Stride-2 convolutions after the trunk (the paper has one)."""
    refine_blocks: int = 1
    """Residual blocks between the trunk and the projection to the code dimension."""
    pretrained: bool = False
    """Start the trunk from torchvision's ImageNet weights (downloaded by torchvision)."""

    def __post_init__(self) -> None:
        if not 1 <= self.stages <= 4:
            raise ValueError(f"encoder.stages must be 1 to 4, not {self.stages}")
        if self.stem_stride not in (1, 2):
            raise ValueError(f"encoder.stem_stride must be 1 or 2, not {self.stem_stride}")
        if min(self.extra_downsamples, self.refine_blocks) < 0:
            raise ValueError("encoder.extra_downsamples and encoder.refine_blocks cannot be negative")

    @property
    def reduction(self) -> int:
        """Pixels of the image per cell of the grid, along one side."""
        halvings = (self.stem_stride - 1) + int(self.stem_pool) + (self.stages - 1) + self.extra_downsamples
        return int(2**halvings)

    @property
    def width(self) -> int:
        """Channels of each feature map."""
        return int(64 * 2 ** (self.stages - 1))

    @property
    def feature_maps(self) -> int:
        """How many feature maps there are to describe an image by (see `Encoded`)."""
        return 2 if self.extra_downsamples + self.refine_blocks else 1


class Encoded(NamedTuple):
    """What one pass of the encoder yields."""

    latent: Tensor
    """B D H' W', before quantisation."""
    features: tuple[Tensor, ...]
    """B C H'' W'': the trunk's last feature map and, where layers follow it, the one before the projection."""


class Encoder(nn.Module):
    """ResNet18 trunk (He et al. 2015, 1512.03385), cut after some stages, projected to the code dimension."""

    def __init__(self, settings: EncoderSettings, code_dim: int) -> None:
        # Takes seconds, and brings torch's compiler: who only reads settings need not wait for it.
        from torchvision.models import ResNet18_Weights, resnet18

        super().__init__()
        resnet = resnet18(weights=ResNet18_Weights.DEFAULT if settings.pretrained else None)
        if settings.stem_stride == 1:
            resnet.conv1.stride = (1, 1)
        pool = [resnet.maxpool] if settings.stem_pool else []
        self.stem = nn.Sequential(resnet.conv1, resnet.bn1, resnet.relu, *pool)
        stages = [resnet.layer1, resnet.layer2, resnet.layer3, resnet.layer4]
        self.trunk = nn.Sequential(*stages[: settings.stages])
        width = settings.width
        self.refine = nn.Sequential(
            *[nn.Conv2d(width, width, 4, stride=2, padding=1) for _ in range(settings.extra_downsamples)],
            *[ResidualBlock(width) for _ in range(settings.refine_blocks)],
        )
        self.project = nn.Conv2d(width, code_dim, 1)

    def forward(self, images: Tensor) -> Encoded:
        """B 3 H W in [-1, 1] -> latent B D H' W' and feature maps."""
        trunk = self.trunk(self.stem(images))
        if not self.refine:
            return Encoded(self.project(trunk), (trunk,))
        refined = self.refine(trunk)
        return Encoded(self.project(refined), (trunk, refined))
