import pytest
import torch

from model.latent.embedding import VIEWS, EmbeddingHead, pool, views
from model.networks.decoder import DecoderSettings
from model.networks.encoder import EncoderSettings
from model.vqvae import VQVAE, VQVAESettings


def test_mean_deviation_and_maximum_of_each_channel():
    features = torch.randn(3, 4, 5, 6)
    expected = [features.mean((2, 3)), features.std((2, 3), correction=0), features.amax((2, 3))]
    torch.testing.assert_close(pool([features]), torch.cat(expected, 1))
    torch.testing.assert_close(pool([features, -features])[:, :12], torch.cat(expected, 1))
    assert pool([features, -features]).shape == (3, 24)
    assert pool([features.bfloat16()]).dtype == torch.float32


def test_the_length_does_not_depend_on_the_grid():
    head = EmbeddingHead(4)
    assert head(pool([torch.randn(2, 4, 3, 3)])).shape == head(pool([torch.randn(2, 4, 9, 7)])).shape
    assert head(pool([torch.randn(2, 4, 3, 3)])).shape == (2, head.dim)


def test_fitted_channels_count_alike():
    torch.manual_seed(0)
    size = torch.tensor([0.01, 1.0, 1000.0])
    batches = [torch.randn(500, 3) * size + size for _ in range(2)]
    head = EmbeddingHead(1)
    head.fit(iter(batches))
    embeddings = head(torch.cat(batches))
    assert embeddings.std(0).max() / embeddings.std(0).min() < 1.2
    assert embeddings.mean(0).abs().max() < 0.1


def test_a_channel_that_never_varies_stays_finite():
    head = EmbeddingHead(1)
    pooled = torch.randn(50, 3)
    pooled[:, 1] = 0.5
    head.fit([pooled])
    assert torch.isfinite(head(pooled)).all()
    assert head(pooled)[:, 1].abs().max() < 1e-3


@pytest.mark.parametrize(("cell", "step"), [(2, 1), (4, 1), (16, 4)])
def test_views_are_the_image_moved_and_mirrored(cell, step):
    images = torch.rand(2, 3, 32, 32)
    found = list(views(images, cell))
    assert len(found) == len(VIEWS) == 4
    inside = slice(step, -step)
    for (rows, columns, mirrored), view in zip(VIEWS, found, strict=True):
        assert view.shape == images.shape
        whole = images.flip(-1) if mirrored else images
        moved = whole.roll((-step * rows, -step * columns), (2, 3))
        assert torch.equal(view[:, :, inside, inside], moved[:, :, inside, inside])
    # Each direction as often as its opposite: the views are centred on the image.
    assert {(rows, columns) for rows, columns, _ in VIEWS} == {(1, 1), (-1, -1), (1, -1), (-1, 1)}
    assert sum(mirrored for *_, mirrored in VIEWS) == 2


@pytest.mark.parametrize("refine_blocks", [0, 1])
def test_an_embedding_is_made_of_the_views_and_codes_of_the_image_itself(refine_blocks):
    torch.manual_seed(0)
    settings = VQVAESettings(
        encoder=EncoderSettings(refine_blocks=refine_blocks),
        decoder=DecoderSettings(width=16, min_width=16, blocks=0, blocks_per_scale=0),
    )
    network = VQVAE(settings).eval()
    images = torch.rand(3, 3, 28, 28) * 2 - 1
    with torch.inference_mode():
        quantised, embeddings = network.encode(images)
        assert torch.equal(quantised.codes, network(images)[1].codes)
        expected = sum(pool(network.encoder(view).features) for view in views(images, 4)) / 4
        torch.testing.assert_close(embeddings, network.embedding(expected))
        assert embeddings.shape == (3, 3 * 128 * (1 + refine_blocks))
