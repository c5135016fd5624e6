"""The peers' quantisers and models behind our interfaces."""

from collections.abc import Callable

import pytest
import torch

from model.quantizers.base import Quantizer
from model.quantizers.ema import EMAQuantizer, EMASettings
from tests.benchmarks.models.adapters import (
    Isolated,
    LucidrainsQuantizer,
    MonaiQuantizer,
    NoQuantizer,
    PythaeQuantizer,
)
from tests.benchmarks.models.paper_model import PaperModel, ScrambledEMA

SIZE, DIM = 32, 4


def lucidrains() -> Quantizer:
    pytest.importorskip("vector_quantize_pytorch")
    return LucidrainsQuantizer(SIZE, DIM, {})


def lucidrains_tuned() -> Quantizer:
    pytest.importorskip("vector_quantize_pytorch")
    options = {"kmeans_init": True, "threshold_ema_dead_code": 2, "decay": 0.99, "rotation_trick": False}
    return LucidrainsQuantizer(SIZE, DIM, options)


def monai() -> Quantizer:
    pytest.importorskip("monai")
    return MonaiQuantizer(SIZE, DIM)


def pythae() -> Quantizer:
    pytest.importorskip("pythae")
    return PythaeQuantizer(SIZE, DIM)


def ours() -> Quantizer:
    return EMAQuantizer(EMASettings(codebook_size=SIZE, code_dim=DIM))


MAKERS = [ours, lucidrains, lucidrains_tuned, monai, pythae]


@pytest.fixture(params=MAKERS, ids=lambda make: make.__name__)
def quantizer(request: pytest.FixtureRequest) -> Quantizer:
    """Each quantiser, after a step of training (some place their codebooks then)."""
    torch.manual_seed(0)
    made: Quantizer = request.param()
    made.train()(torch.randn(8, DIM, 5, 6))
    return made


def test_shapes_loss_and_gradient(quantizer: Quantizer) -> None:
    latent = torch.randn(8, DIM, 5, 6, requires_grad=True)
    out = quantizer.train()(latent)
    assert out.latent.shape == latent.shape
    assert out.codes.shape == (8, 5, 6)
    assert out.codes.dtype == torch.int64
    assert 0 <= out.codes.min() <= out.codes.max() < SIZE
    assert out.error.shape == (8,)
    assert out.loss.shape == ()
    assert out.loss > 0
    (out.latent.square().sum() + out.loss).backward()
    assert latent.grad is not None
    assert latent.grad.abs().min() > 0


def test_a_grid_of_code_vectors_comes_back_cell_by_cell(quantizer: Quantizer) -> None:
    """Fails where channels and cells are mixed up on the way in or out."""
    quantizer.eval()
    vectors = quantizer.lookup(torch.arange(SIZE).view(1, 1, SIZE))[0, :, 0].T  # K D
    distinct = torch.tensor([i for i in range(SIZE) if (vectors[:i] != vectors[i]).any(1).all()])
    assert len(distinct) > SIZE // 2
    codes = distinct[torch.randint(len(distinct), (3, 5, 6))]
    latent = quantizer.lookup(codes)
    assert latent.shape == (3, DIM, 5, 6)
    torch.testing.assert_close(latent[1, :, 2, 3], vectors[codes[1, 2, 3]])
    out = quantizer(latent)
    assert torch.equal(out.codes, codes)
    torch.testing.assert_close(out.latent, latent)
    assert out.error.max() < 1e-6


def test_mixed_precision_changes_no_code(quantizer: Quantizer) -> None:
    quantizer.eval()
    latent = torch.randn(8, DIM, 5, 6)
    plain = quantizer(latent).codes
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(quantizer(latent).codes, plain)


def test_only_training_moves_the_codebook(quantizer: Quantizer) -> None:
    every = torch.arange(SIZE).view(1, 1, SIZE)
    before = quantizer.lookup(every).clone()
    quantizer.eval()(torch.randn(8, DIM, 5, 6))
    assert torch.equal(quantizer.lookup(every), before)
    quantizer.train()(torch.randn(8, DIM, 5, 6))
    assert not torch.equal(quantizer.lookup(every), before)


def test_an_isolated_quantiser_leaves_the_generator_alone() -> None:
    torch.manual_seed(3)
    expected = torch.rand(4)
    torch.manual_seed(3)
    bare = ours()  # starts by k-means from random latents
    torch.manual_seed(3)
    Isolated(bare).train()(torch.randn(8, DIM, 5, 6, generator=torch.Generator().manual_seed(0)))
    assert torch.equal(torch.rand(4), expected)
    assert bool(bare.started)


def test_without_a_quantiser_the_latent_passes() -> None:
    latent = torch.randn(2, DIM, 3, 3)
    out = NoQuantizer(DIM)(latent)
    assert torch.equal(out.latent, latent)
    assert float(out.loss) == 0


def test_the_papers_quantiser_mixes_neighbours() -> None:
    quantizer = ScrambledEMA(2, 2).eval()
    quantizer.codebook.copy_(torch.tensor([[1.0, 2.0], [3.0, 4.0]]))
    # One image, two channels, one row of two cells: its "vectors" are the rows of the channels.
    latent = torch.tensor([[[[1.1, 2.1]], [[2.9, 3.9]]]])
    quantised, _, codes = quantizer(latent)
    assert codes.flatten().tolist() == [0, 1]
    torch.testing.assert_close(quantised, torch.tensor([[[[1.0, 2.0]], [[3.0, 4.0]]]]))


def monai_model() -> torch.nn.Module:
    pytest.importorskip("monai")
    from tests.benchmarks.models.peers import monai_of_size

    return monai_of_size(300_000)


def pythae_model() -> torch.nn.Module:
    pytest.importorskip("pythae")
    from tests.benchmarks.models.peers import PythaeVQVAE

    return PythaeVQVAE()


@pytest.mark.parametrize(
    ("make", "side", "grid"), [(monai_model, 28, 7), (pythae_model, 28, 7), (PaperModel, 64, 4)]
)
def test_whole_models_reproduce_and_learn(make: Callable[[], torch.nn.Module], side: int, grid: int) -> None:
    torch.manual_seed(0)
    body = make()
    images = torch.rand(4, 3, side, side) * 2 - 1
    out = body.train()(images)
    assert out.images.shape == images.shape
    assert out.codes.shape == (4, grid, grid)
    assert out.codes.max() < 512
    out.loss.backward()
    first = next(p for p in body.parameters() if p.requires_grad)
    assert first.grad is not None
    assert first.grad.abs().sum() > 0


def test_monai_is_made_as_large_as_ours() -> None:
    body = monai_model()
    count = sum(p.numel() for p in body.parameters() if p.requires_grad)
    assert abs(count / 300_000 - 1) < 0.2
