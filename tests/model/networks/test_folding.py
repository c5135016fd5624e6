import copy

import pytest
import torch
from torch import nn

from model.checkpoints import read_model
from model.networks.folding import fold


def test_what_a_trained_network_computes_stays_the_same(tiny_model_dir):
    network = read_model(tiny_model_dir).network.eval()
    folded = copy.deepcopy(network)
    fold(folded)
    images = torch.rand(8, 3, 28, 28) * 2 - 1
    with torch.inference_mode():
        expected, found = network.encoder(images), folded.encoder(images)
        for one, other in zip(
            (expected.latent, *expected.features), (found.latent, *found.features), strict=True
        ):
            torch.testing.assert_close(other, one, rtol=1e-4, atol=1e-4 * float(one.abs().max()))
        latent = torch.randn_like(expected.latent)
        torch.testing.assert_close(folded.decoder(latent), network.decoder(latent), rtol=1e-4, atol=1e-4)


def test_each_convolution_takes_the_normalisation_after_it(tiny_model_dir):
    network = read_model(tiny_model_dir).network.eval()
    before = [m for m in network.modules() if isinstance(m, nn.BatchNorm2d)]
    fold(network)
    left = [name for name, m in network.named_modules() if isinstance(m, nn.BatchNorm2d)]
    # What begins a block normalises a sum.
    assert all(name.endswith(".body.0") or name.startswith("decoder.layers.") for name in left), left
    assert len(left) < len(before) / 2


def test_a_network_in_training_is_refused(tiny_model_dir):
    with pytest.raises(ValueError, match="evaluation"):
        fold(read_model(tiny_model_dir).network.train())
