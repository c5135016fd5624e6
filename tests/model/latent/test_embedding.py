import torch

from model.latent.embedding import EmbeddingHead


def test_mean_and_deviation_of_each_channel():
    features = torch.randn(3, 4, 5, 6)
    head = EmbeddingHead(4)
    expected = torch.cat([features.mean((2, 3)), features.std((2, 3), correction=0)], 1).asinh()
    torch.testing.assert_close(head(features), expected)


def test_the_length_does_not_depend_on_the_grid():
    head = EmbeddingHead(4)
    assert head(torch.randn(2, 4, 3, 3)).shape == head(torch.randn(2, 4, 9, 7)).shape == (2, head.dim)


def test_fitted_channels_count_alike():
    torch.manual_seed(0)
    size = torch.tensor([0.01, 1.0, 1000.0]).view(1, 3, 1, 1)
    batches = [torch.randn(500, 3, 4, 4) * size + size for _ in range(2)]
    head = EmbeddingHead(3)
    head.fit(batches)
    spread = head(torch.cat(batches)).std(0)
    assert spread.max() / spread.min() < 1.2
    assert head(torch.cat(batches)).mean(0).abs().max() < 0.1


def test_a_channel_that_never_varies_stays_finite():
    head = EmbeddingHead(2)
    features = torch.randn(50, 2, 3, 3)
    features[:, 1] = 0.5
    head.fit([features])
    assert torch.isfinite(head(features)).all()
    assert head(features)[:, 1].abs().max() < 1e-3
