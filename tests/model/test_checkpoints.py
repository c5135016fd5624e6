import json
import shutil

import pytest
import torch
from safetensors.torch import load_file

from model.checkpoints import ModelDamaged, read_model, save_model, write_atomically
from model.data.datamodule import BiomedicalDataModule
from model.data.settings import DataSettings
from model.errors import VQScopeError
from model.metrics import image_figures
from model.shipped import ModelNotFound


@pytest.fixture
def copied(tiny_model_dir, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(tiny_model_dir, folder)
    return folder


def test_what_is_read_is_what_was_saved(tiny_model_dir, tmp_path):
    first = read_model(tiny_model_dir)
    sha256 = save_model(tmp_path / "again", first.network, first.card)
    second = read_model(tmp_path / "again")
    assert sha256 == second.sha256 == first.sha256 == second.card["sha256"]
    assert second.network.settings == first.network.settings
    for name, tensor in first.network.encoder.state_dict().items():
        assert torch.equal(tensor, second.network.encoder.state_dict()[name])


def test_weights_are_stored_in_half_precision_and_read_in_full(tiny_model_dir):
    stored = load_file(tiny_model_dir / "model.safetensors")
    network = read_model(tiny_model_dir).network
    assert stored["quantizer.codebook"].dtype == torch.float32
    assert stored["embedding.center"].dtype == torch.float32
    matrices = {n: t for n, t in stored.items() if t.ndim > 1 and not n.startswith("quantizer.")}
    assert {tensor.dtype for tensor in matrices.values()} == {torch.float16}
    assert {t.dtype for n, t in stored.items() if n not in matrices} <= {torch.float32, torch.int64}
    assert all(tensor.dtype == torch.float32 for tensor in network.parameters())
    for name, tensor in network.state_dict().items():
        if name in stored:
            assert torch.equal(tensor, stored[name].to(tensor.dtype))


@torch.no_grad()
def test_half_precision_costs_less_than_a_twentieth_of_a_decibel(
    tiny_model_dir, sample_dir, sample_names, tmp_path
):
    """Weights as training leaves them: those of the tiny model, moved by less than half precision resolves."""
    settings = DataSettings(datasets=sample_names, data_dir=sample_dir)
    batches = list(BiomedicalDataModule(settings).test_dataloader())
    network = read_model(tiny_model_dir).network.eval()
    torch.manual_seed(0)
    for parameter in network.parameters():
        parameter *= 1 + 4e-4 * (2 * torch.rand_like(parameter) - 1)
    save_model(tmp_path, network, {})

    def psnr(network):
        pictures = [(network(images)[0].clamp(-1, 1) / 2 + 0.5, images / 2 + 0.5) for images, _ in batches]
        return torch.cat([image_figures(*pair).psnr for pair in pictures]).mean().item()

    full, half = psnr(network), psnr(read_model(tmp_path).network.eval())
    assert half != full
    assert abs(half - full) < 0.05


@pytest.mark.parametrize("value", [float("nan"), 1e6])
def test_a_weight_that_half_precision_cannot_hold_is_refused(tiny_model_dir, tmp_path, value):
    network = read_model(tiny_model_dir).network
    torch.nn.init.constant_(next(p for p in network.encoder.parameters() if p.ndim > 1), value)
    with pytest.raises(VQScopeError, match=r"encoder\..* no finite numbers"):
        save_model(tmp_path, network, {})
    assert list(tmp_path.iterdir()) == []


def test_a_folder_without_weights_is_no_model(tmp_path):
    with pytest.raises(ModelNotFound, match=r"holds no model\.safetensors"):
        read_model(tmp_path)


@pytest.mark.parametrize("name", ["config.json", "card.json", "model.safetensors"])
def test_a_truncated_file_is_one_clear_line(copied, name):
    file = copied / name
    file.write_bytes(file.read_bytes()[:-40])
    with pytest.raises(ModelDamaged, match=name) as caught:
        read_model(copied)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["config.json", "card.json"])
def test_a_missing_file_is_named(copied, name):
    (copied / name).unlink()
    with pytest.raises(ModelDamaged, match=name):
        read_model(copied)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"image_size": 29}, "multiple"),
        ({"colour": "red"}, "unknown setting"),
        (
            {"decoder": {"width": 48, "min_width": 16, "blocks": 1, "blocks_per_scale": 1}},
            "another configuration",
        ),
        ({"quantizer": {"codebook_size": 32}}, "another configuration"),
    ],
)
def test_a_config_that_does_not_fit_is_refused(copied, change, match):
    config = json.loads((copied / "config.json").read_text())
    config["model"].update(change)
    (copied / "config.json").write_text(json.dumps(config))
    with pytest.raises(ModelDamaged, match=match):
        read_model(copied)


def test_reading_never_fetches_the_weights_that_training_began_with(copied, monkeypatch):
    config = json.loads((copied / "config.json").read_text())
    config["model"]["encoder"]["pretrained"] = True
    (copied / "config.json").write_text(json.dumps(config))
    asked = []
    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", lambda *a, **k: asked.append(a))
    assert read_model(copied).sha256
    assert asked == []


def test_pickled_weights_are_never_opened(copied):
    torch.save({"encoder": torch.zeros(1)}, copied / "model.safetensors")
    with pytest.raises(ModelDamaged):
        read_model(copied)


def test_a_failed_write_keeps_the_old_file_and_leaves_nothing(tmp_path):
    with pytest.raises(VQScopeError, match="cannot write"):
        write_atomically(tmp_path / "missing" / "file", b"new")
    target = tmp_path / "file"
    target.write_bytes(b"old")
    write_atomically(target, b"new")
    assert target.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [target]


def test_a_model_with_another_embedding_is_told(tiny_model_dir, tmp_path):
    folder = shutil.copytree(tiny_model_dir, tmp_path / "old")
    card = json.loads((folder / "card.json").read_text())
    card["embedding"]["version"] = "pooled-v0"
    (folder / "card.json").write_text(json.dumps(card))
    with pytest.raises(ModelDamaged, match=r"embedding 'pooled-v0'.*train it anew"):
        read_model(folder)
