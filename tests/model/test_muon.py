import copy

import pytest
import torch
from torch import nn

from model.muon import Muon, orthogonalise


@pytest.mark.parametrize("shape", [(32, 96), (96, 32), (48, 64)])
def test_singular_values_come_near_one_and_directions_stay(shape):
    torch.manual_seed(0)
    matrix = torch.randn(shape)
    u, _, vt = torch.linalg.svd(matrix, full_matrices=False)
    result = orthogonalise(matrix)
    values = torch.linalg.svdvals(result)
    assert values.min() > 0.3
    assert values.max() < 1.4
    nearest = u @ vt
    assert (result * nearest).sum() / (result.norm() * nearest.norm()) > 0.95


def test_the_scale_of_the_gradient_does_not_matter():
    torch.manual_seed(0)
    matrix = torch.randn(32, 64)
    torch.testing.assert_close(orthogonalise(matrix), orthogonalise(1024 * matrix), rtol=0.05, atol=0.02)


@pytest.mark.parametrize("shape", [(32, 96), (96, 32)])
def test_matrices_that_go_through_together_do_not_mix(shape):
    torch.manual_seed(0)
    matrices = torch.randn(3, *shape) * torch.tensor([1e-3, 1.0, 1e3])[:, None, None]
    together = orthogonalise(matrices)
    for matrix, result in zip(matrices, together, strict=True):
        torch.testing.assert_close(result, orthogonalise(matrix), rtol=0.02, atol=0.01)


def test_a_weight_without_a_gradient_stays_where_it_is():
    layers = network()
    optimizer = Muon(layers.parameters(), learning_rate=0.1, adamw_learning_rate=0.01, weight_decay=0.1)
    layers(torch.randn(4, 3, 8, 8)).square().mean().backward()
    layers[2].weight.grad = layers[3].bias.grad = None
    before = [p.detach().clone() for p in layers.parameters()]
    optimizer.step()
    stayed = [torch.equal(p, was) for p, was in zip(layers.parameters(), before, strict=True)]
    assert stayed == [p is layers[2].weight or p is layers[3].bias for p in layers.parameters()]


def test_no_gradient_makes_no_update():
    assert orthogonalise(torch.zeros(16, 16)).abs().max() == 0


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 32, 3, bias=False), nn.BatchNorm2d(32), nn.Conv2d(32, 32, 3), nn.Conv2d(32, 3, 1)
    )


def test_only_weights_between_hidden_layers_are_orthogonalised():
    layers = network()
    optimizer = Muon(layers.parameters(), learning_rate=0.1, adamw_learning_rate=0.01)
    hidden = [p for group in optimizer.param_groups if group["orthogonal"] for p in group["params"]]
    assert [p.data_ptr() for p in hidden] == [layers[2].weight.data_ptr()]
    every = [p for group in optimizer.param_groups for p in group["params"]]
    assert len(every) == len(list(layers.parameters()))


def test_the_rest_moves_exactly_as_under_torchs_adamw():
    ours, reference = network(), network()
    optimizer = Muon(ours.parameters(), learning_rate=1e-9, adamw_learning_rate=0.01, weight_decay=0.1)
    matrices = [p for p in reference.parameters() if p.ndim > 1]
    vectors = [p for p in reference.parameters() if p.ndim <= 1]
    adamw = torch.optim.AdamW(
        [{"params": matrices, "weight_decay": 0.1}, {"params": vectors, "weight_decay": 0.0}],
        lr=0.01,
        betas=(0.9, 0.99),
    )
    # The hidden layer stays where it is in both.
    adamw.param_groups[0]["params"] = [p for p in matrices if min(p.shape[:2]) < 16]
    for seed in range(3):
        images = torch.randn(4, 3, 8, 8, generator=torch.Generator().manual_seed(seed))
        for layers, steps in ((ours, optimizer), (reference, adamw)):
            steps.zero_grad()
            layers(images).square().mean().backward()
            steps.step()
    for mine, theirs in zip(ours.parameters(), reference.parameters(), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-5, atol=1e-6)


def test_it_goes_on_from_its_saved_state():
    first = network()
    optimizer = Muon(first.parameters(), learning_rate=0.02, adamw_learning_rate=1e-3)

    def step(layers: nn.Module, steps: Muon, seed: int) -> None:
        images = torch.randn(4, 3, 8, 8, generator=torch.Generator().manual_seed(seed))
        steps.zero_grad()
        layers(images).square().mean().backward()
        steps.step()

    step(first, optimizer, 0)
    second = copy.deepcopy(first)
    resumed = Muon(second.parameters(), learning_rate=0.02, adamw_learning_rate=1e-3)
    resumed.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    step(first, optimizer, 1)
    step(second, resumed, 1)
    for mine, theirs in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(mine, theirs)


def test_a_least_squares_problem_is_solved():
    torch.manual_seed(0)
    layers = nn.Sequential(nn.Linear(32, 32, bias=False), nn.Linear(32, 32, bias=False))
    target = torch.randn(32, 32) / 32**0.5
    optimizer = Muon(layers.parameters(), learning_rate=0.05, adamw_learning_rate=1e-3)
    losses = []
    for step in range(200):
        for group in optimizer.param_groups:
            group["lr"] = 0.05 * (1 - step / 200)
        inputs = torch.randn(64, 32)
        loss = (layers(inputs) - inputs @ target).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.01 * losses[0]
