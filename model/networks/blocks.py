"""The residual block that encoder and decoder share."""

from torch import Tensor, nn


class ResidualBlock(nn.Module):
    """Pre-activation residual block of constant width (He et al. 2016, "Identity mappings", fig. 1b).

    Batch normalisation, not group normalisation: on processors the latter costs more than the convolutions.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.BatchNorm2d(width),
            nn.SiLU(),
            nn.Conv2d(width, width, 3, padding=1, bias=False),
            nn.BatchNorm2d(width),
            nn.SiLU(),
            nn.Conv2d(width, width, 3, padding=1),
        )
        # Each block begins as the identity: deep stacks train at once, whatever their depth.
        last = self.body[-1]
        assert isinstance(last, nn.Conv2d)
        assert last.bias is not None
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)

    def forward(self, x: Tensor) -> Tensor:
        """B C H W -> B C H W."""
        out: Tensor = x + self.body(x)
        return out
