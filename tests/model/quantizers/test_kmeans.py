import torch

from model.quantizers.kmeans import kmeans


def test_more_steps_fit_better():
    torch.manual_seed(0)
    points = torch.randn(2000, 3)
    costs = []
    for steps in (0, 1, 10):
        torch.manual_seed(1)
        centres = kmeans(points, 20, steps)
        costs.append(torch.cdist(points, centres).min(1).values.square().mean().item())
    assert costs[0] > costs[1] > costs[2]


def test_fewer_points_than_centres():
    points = torch.randn(5, 3)
    centres = kmeans(points, 12, 3)
    assert centres.shape == (12, 3)
    assert torch.cdist(points, centres).min(1).values.max() < 1e-5
