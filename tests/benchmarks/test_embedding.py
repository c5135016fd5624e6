"""The benchmark of embeddings: its candidates are what the product computes, its table has all of them."""

from pathlib import Path

import pytest
import torch

from model.latent.embedding import pool, views
from model.vqvae import VQVAE, VQVAESettings
from tests.benchmarks.embedding.__main__ import main
from tests.benchmarks.embedding.candidates import CANDIDATES, features, vectors


def test_the_chosen_candidate_is_the_embedding() -> None:
    network = VQVAE(VQVAESettings()).eval()
    images = torch.rand(3, 3, 28, 28, generator=torch.Generator().manual_seed(0)) * 2 - 1
    (chosen,) = [candidate for name, candidate in CANDIDATES.items() if "(chosen)" in name]
    with torch.inference_mode():
        expected = torch.stack([pool(network.encoder(view).features) for view in views(images, 4)]).mean(0)
    torch.testing.assert_close(vectors(chosen, features(network, images)), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.integration
def test_a_model_to_a_table(sample_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--model", "base", "--data-dir", str(sample_dir), "--datasets", "sample_ct"]
    assert main([*arguments, "--repeats", "1", "--limit", "40"]) == 0
    table = capsys.readouterr().out.splitlines()
    assert [line.split("|")[1].strip() for line in table[2:]] == list(CANDIDATES)
    assert all(0 <= float(cell) <= 1 for line in table[2:] for cell in line.split("|")[3].split("/"))
