import pytest
import torch

from model.data.settings import DataSettings
from model.graphs import CapturedPasses
from model.networks.decoder import DecoderSettings
from model.networks.encoder import EncoderSettings
from model.quantizers.ema import EMASettings
from model.training import TrainerSettings, TrainSettings, train
from model.vqvae import VQVAESettings
from model.vqvae_module import VQVAEModule

SMALL = VQVAESettings(
    encoder=EncoderSettings(refine_blocks=1),
    quantizer=EMASettings(codebook_size=32),
    decoder=DecoderSettings(width=32, min_width=32, blocks=1, blocks_per_scale=1),
)
needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")


def settings(sample_dir, run_dir, **trainer):
    return TrainSettings(
        data=DataSettings(datasets=("sample_ct",), data_dir=sample_dir, batch_size=16),
        run_dir=run_dir,
        model=SMALL,
        trainer=TrainerSettings(max_epochs=2, progress=False, snapshot_images=0, **trainer),
    )


class _Precision:
    @staticmethod
    def forward_context():
        return torch.autocast("cuda", enabled=False, cache_enabled=False)


class _Trainer:
    world_size = 1
    precision_plugin = _Precision()


@needs_gpu
@pytest.mark.filterwarnings("ignore:The AccumulateGrad node")  # captured on a stream of its own
def test_captured_passes_are_the_plain_ones():
    torch.manual_seed(0)
    network = VQVAEModule(SMALL).to("cuda", memory_format=torch.channels_last).train()
    images = torch.rand(16, 3, 28, 28, device="cuda") * 2 - 1
    network(images)  # places the codebook
    network.quantizer.eval()  # which then stays where it is
    before = {name: buffer.clone() for name, buffer in network.named_buffers()}

    def passes():
        for name, buffer in network.named_buffers():
            buffer.data.copy_(before[name])
        network.zero_grad()
        reconstructions, quantised = network(images)
        (reconstructions.square().mean() + quantised.loss).backward()
        buffers = {name: buffer.clone() for name, buffer in network.named_buffers()}
        return reconstructions.detach().clone(), [p.grad.clone() for p in network.parameters()], buffers

    plain = passes()
    capture = CapturedPasses(16)
    capture.on_train_start(_Trainer(), network)
    assert all(
        torch.equal(buffer, plain[2][name]) for name, buffer in network.named_buffers()
    )  # capturing left no trace
    for _ in range(2):
        torch.testing.assert_close(passes(), plain, rtol=1e-3, atol=1e-4)
    images = images[:5]  # another size goes the plain way
    assert len(passes()[0]) == 5
    capture.teardown(_Trainer(), network, "fit")
    assert "forward" not in vars(network.encoder)


@needs_gpu
@pytest.mark.parametrize("graphs", [True, False])
def test_a_run_on_a_gpu_ends_with_a_model(sample_dir, tmp_path, graphs):
    result = train(settings(sample_dir, tmp_path / "run", accelerator="gpu", cuda_graphs=graphs))
    assert result.epochs == 2
    assert result.best_ssim > 0


def test_on_a_processor_nothing_is_captured():
    network = VQVAEModule(SMALL)
    capture = CapturedPasses(16)
    capture.on_train_start(_Trainer(), network)
    assert "forward" not in vars(network.encoder)
    capture.teardown(_Trainer(), network, "fit")
