import pytest
import torch

from model.networks.decoder import DecoderSettings
from model.networks.encoder import EncoderSettings
from model.quantizers.ema import EMASettings
from model.vqvae import VQVAE, VQVAESettings
from model.vqvae_module import _LOSSES, VQVAEModule

SMALL = VQVAESettings(
    encoder=EncoderSettings(stages=1, stem_pool=True, refine_blocks=0),
    quantizer=EMASettings(codebook_size=32),
    decoder=DecoderSettings(width=32, min_width=16, blocks=1, blocks_per_scale=1),
)


@pytest.mark.parametrize("loss", ["mse", "l1", "mse_l1", "log_mse"])
def test_training_steps_lower_the_error(loss):
    torch.manual_seed(0)
    settings = VQVAESettings(
        encoder=SMALL.encoder, quantizer=SMALL.quantizer, decoder=SMALL.decoder, loss=loss
    )
    network = VQVAE(settings).train()
    images = torch.nn.functional.interpolate(torch.rand(16, 3, 4, 4) * 2 - 1, 28, mode="bilinear")
    optimizer = torch.optim.AdamW(network.parameters(), 3e-3)
    errors = []
    for _ in range(30):
        reconstruction, quantised = network(images)
        errors.append((reconstruction - images).square().mean().item())
        optimizer.zero_grad()
        (_LOSSES[loss](reconstruction, images) + quantised.loss).backward()
        optimizer.step()
    assert errors[-1] < 0.5 * errors[0]


def test_what_it_trains_is_the_network():
    """By the same names, so that files of weights and states of training fit both."""
    trained, used = VQVAEModule(SMALL).train(), VQVAE(SMALL)
    trained(torch.rand(4, 3, 28, 28) * 2 - 1)  # moves the running statistics: they are taken over, too
    assert list(trained.state_dict()) == list(used.state_dict())
    used.load_state_dict(trained.state_dict())
    images = torch.rand(2, 3, 28, 28) * 2 - 1
    with torch.no_grad():
        torch.testing.assert_close(used.eval()(images)[0], trained.eval()(images)[0], rtol=0, atol=0)
