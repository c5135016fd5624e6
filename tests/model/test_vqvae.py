import pytest
import torch

from model.networks.decoder import DecoderSettings
from model.networks.encoder import EncoderSettings
from model.quantizers.ema import EMASettings
from model.vqvae import VQVAE, VQVAESettings

SMALL = VQVAESettings(
    encoder=EncoderSettings(stages=1, stem_pool=True, refine_blocks=0),
    quantizer=EMASettings(codebook_size=32),
    decoder=DecoderSettings(width=32, min_width=16, blocks=1, blocks_per_scale=1),
)


def test_decoding_the_codes_gives_the_reconstruction():
    torch.manual_seed(0)
    network = VQVAE(SMALL).eval()
    with torch.no_grad():
        reconstruction, quantised = network(torch.rand(2, 3, 28, 28) * 2 - 1)
        torch.testing.assert_close(network.decode(quantised.codes), reconstruction.clamp(-1, 1))


def test_image_size_must_fit_the_grid():
    with pytest.raises(ValueError, match="multiple"):
        VQVAESettings(image_size=30)
