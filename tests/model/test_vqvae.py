import pytest
import torch

from model.networks.decoder import DecoderSettings
from model.networks.encoder import EncoderSettings
from model.optimization import OptimizerSettings, cosine_factor
from model.quantizers.ema import EMASettings
from model.vqvae import _LOSSES, VQVAE, VQVAESettings

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


def test_image_size_must_fit_the_grid():
    with pytest.raises(ValueError, match="multiple"):
        VQVAESettings(image_size=30)


@pytest.mark.parametrize(("spent", "factor"), [(0.05, 0.5), (0.1, 1.0), (0.55, 0.5), (1.0, 0.0), (1.2, 0.0)])
def test_cosine_follows_the_budget(spent, factor):
    assert cosine_factor(spent, warmup=0.1) == pytest.approx(factor, abs=1e-9)


def test_cosine_never_starts_at_nothing():
    assert cosine_factor(0.0, warmup=0.1) > 0
    assert cosine_factor(0.0, warmup=0.0) == 1.0


def test_weight_decay_spares_biases_and_normalisation():
    network = VQVAE(SMALL, OptimizerSettings(name="adamw", weight_decay=0.1))
    groups = network.configure_optimizers()["optimizer"].param_groups
    assert [g["weight_decay"] for g in groups] == [0.1, 0.0]
    assert all(p.ndim > 1 for p in groups[0]["params"])
    assert sum(len(g["params"]) for g in groups) == len(list(network.parameters()))
