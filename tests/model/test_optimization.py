import pytest

from model.networks.encoder import EncoderSettings
from model.optimization import OptimizerSettings, build_optimizer, cosine_factor
from model.vqvae import VQVAE, VQVAESettings


@pytest.mark.parametrize(("spent", "factor"), [(0.05, 0.5), (0.1, 1.0), (0.55, 0.5), (1.0, 0.0), (1.2, 0.0)])
def test_cosine_follows_the_budget(spent, factor):
    assert cosine_factor(spent, warmup=0.1) == pytest.approx(factor, abs=1e-9)


def test_cosine_never_starts_at_nothing():
    assert cosine_factor(0.0, warmup=0.1) > 0
    assert cosine_factor(0.0, warmup=0.0) == 1.0


def test_weight_decay_spares_biases_and_normalisation():
    network = VQVAE(VQVAESettings(encoder=EncoderSettings(stages=1, stem_pool=True, refine_blocks=0)))
    settings = OptimizerSettings(name="adamw", weight_decay=0.1)
    groups = build_optimizer(network, settings, lambda: 0.0)["optimizer"].param_groups
    assert [g["weight_decay"] for g in groups] == [0.1, 0.0]
    assert all(p.ndim > 1 for p in groups[0]["params"])
    assert sum(len(g["params"]) for g in groups) == len(list(network.parameters()))
