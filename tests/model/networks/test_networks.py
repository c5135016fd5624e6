import pytest
import torch

from model.networks.decoder import Decoder, DecoderSettings
from model.networks.encoder import Encoder, EncoderSettings


@pytest.mark.parametrize(
    ("settings", "size", "grid"),
    [
        (EncoderSettings(), 28, 7),
        (EncoderSettings(stages=3), 64, 8),
        (EncoderSettings(stem_stride=1, stages=3), 28, 7),
        (EncoderSettings(stem_pool=True, extra_downsamples=1, refine_blocks=0), 64, 4),
    ],
)
def test_shapes_there_and_back(settings, size, grid):
    assert size // settings.reduction == grid
    images = torch.randn(2, 3, size, size)
    encoded = Encoder(settings, code_dim=5)(images)
    assert encoded.latent.shape == (2, 5, grid, grid)
    assert len(encoded.features) == settings.feature_maps
    assert encoded.features[-1].shape == (2, settings.width, grid, grid)
    assert encoded.features[0].shape[:2] == (2, settings.width)
    decoder = Decoder(DecoderSettings(width=32, min_width=16), 5, settings.reduction.bit_length() - 1)
    assert decoder(encoded.latent).shape == images.shape


def test_every_parameter_learns():
    encoder, decoder = Encoder(EncoderSettings(), 4), Decoder(DecoderSettings(width=32), 4, 2)
    optimizer = torch.optim.SGD([*encoder.parameters(), *decoder.parameters()], lr=0.1)
    for _ in range(
        2
    ):  # residual blocks begin as the identity: their first layers get a gradient from step two
        optimizer.zero_grad()
        decoder(encoder(torch.randn(4, 3, 28, 28)).latent).square().mean().backward()
        optimizer.step()
    for name, parameter in [*encoder.named_parameters(), *decoder.named_parameters()]:
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


@pytest.mark.parametrize("wrong", [{"stages": 5}, {"stem_stride": 3}, {"refine_blocks": -1}])
def test_impossible_settings_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        EncoderSettings(**wrong)
