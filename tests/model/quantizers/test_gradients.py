import pytest
import torch

from model.quantizers.ema import EMAQuantizer, EMASettings
from model.quantizers.gradients import GRADIENTS, rotated, straight_through


@pytest.mark.parametrize("name", ["straight_through", "rotation"])
def test_forward_gives_the_chosen_codes(name):
    torch.manual_seed(0)
    latent, chosen = torch.randn(50, 8), torch.randn(50, 8)
    torch.testing.assert_close(GRADIENTS[name](latent, chosen), chosen, rtol=1e-4, atol=1e-5)


def test_straight_through_hands_the_gradient_on_unchanged():
    latent = torch.randn(5, 4, requires_grad=True)
    weights = torch.randn(5, 4)
    (straight_through(latent, torch.randn(5, 4)) * weights).sum().backward()
    torch.testing.assert_close(latent.grad, weights)


def test_the_rotation_is_the_one_written_as_a_matrix():
    # Equation 4 of the paper: R = I - 2 r r^T + 2 q e^T with unit vectors, scaled by |chosen| / |latent|.
    torch.manual_seed(0)
    latent = torch.randn(1, 6, requires_grad=True)
    chosen, weights = torch.randn(1, 6), torch.randn(1, 6)
    (rotated(latent, chosen) * weights).sum().backward()
    start = latent.detach()[0] / latent.detach().norm()
    goal = chosen[0] / chosen.norm()
    half = (start + goal) / (start + goal).norm()
    turn = torch.eye(6) - 2 * torch.outer(half, half) + 2 * torch.outer(goal, start)
    torch.testing.assert_close(turn @ turn.T, torch.eye(6), rtol=0, atol=1e-5)
    scale = chosen.norm() / latent.detach().norm()
    torch.testing.assert_close(latent.grad[0], scale * turn.T @ weights[0], rtol=1e-4, atol=1e-5)


def test_a_latent_of_no_length_stays_finite():
    latent = torch.zeros(2, 4, requires_grad=True)
    result = rotated(latent, torch.ones(2, 4))
    result.sum().backward()
    assert torch.isfinite(result).all()
    assert torch.isfinite(latent.grad).all()


def test_the_quantiser_takes_the_gradient_of_its_settings():
    torch.manual_seed(0)
    latent = torch.randn(2, 4, 3, 3)
    gradients = {}
    for name in GRADIENTS:
        torch.manual_seed(1)
        quantizer = EMAQuantizer(EMASettings(codebook_size=16, code_dim=4, gradient=name)).eval()
        grid = latent.clone().requires_grad_()
        quantizer(grid).latent.square().sum().backward()
        gradients[name] = grid.grad
    assert not torch.allclose(gradients["straight_through"], gradients["rotation"])
