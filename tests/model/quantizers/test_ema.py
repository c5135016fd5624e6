import pytest
import torch

from model.quantizers.ema import EMAQuantizer, EMASettings


def make(**settings):
    torch.manual_seed(0)
    return EMAQuantizer(EMASettings(**{"codebook_size": 16, "code_dim": 4, **settings}))


def test_each_cell_takes_its_nearest_code():
    quantizer = make().eval()
    latent = torch.randn(3, 4, 5, 6)
    result = quantizer(latent)
    assert result.codes.shape == (3, 5, 6)
    for b, h, w in [(0, 0, 0), (1, 4, 5), (2, 2, 3)]:
        distances = (quantizer.codebook - latent[b, :, h, w]).square().sum(1)
        assert result.codes[b, h, w] == distances.argmin()
        torch.testing.assert_close(result.latent[b, :, h, w], quantizer.codebook[distances.argmin()])


def test_channels_are_not_mixed_with_neighbouring_cells():
    # The defect of a reshape without moving channels last: shifting a grid by one cell would change its codes.
    quantizer = make().eval()
    latent = torch.randn(1, 4, 4, 4)
    shifted = quantizer(latent.roll(1, dims=3)).codes
    torch.testing.assert_close(shifted, quantizer(latent).codes.roll(1, dims=2))


def test_lookup_inverts_the_codes():
    quantizer = make().eval()
    result = quantizer(torch.randn(2, 4, 3, 3))
    torch.testing.assert_close(quantizer.lookup(result.codes), result.latent)


def test_error_is_the_squared_distance_per_image():
    quantizer = make().eval()
    latent = torch.randn(2, 4, 3, 3)
    result = quantizer(latent)
    expected = (latent - result.latent).square().sum(1).mean((1, 2))
    torch.testing.assert_close(result.error, expected)


def test_the_gradient_passes_straight_through():
    quantizer = make(commitment=0.0).eval()
    latent = torch.randn(1, 4, 2, 2, requires_grad=True)
    result = quantizer(latent)
    (result.latent * torch.arange(16.0).view(1, 4, 2, 2)).sum().backward()
    torch.testing.assert_close(latent.grad, torch.arange(16.0).view(1, 4, 2, 2))


def test_commitment_pulls_latents_towards_their_codes():
    quantizer = make(commitment=0.25).eval()
    latent = torch.randn(1, 4, 2, 2, requires_grad=True)
    result = quantizer(latent)
    result.loss.backward()
    torch.testing.assert_close(latent.grad, 0.25 * 2 * (latent - result.latent).detach() / latent.numel())


def test_update_is_the_moving_average_of_the_paper():
    quantizer = make(decay=0.9, restart_below=0.0, epsilon=0.0).train()
    quantizer.started.fill_(True)
    before, latent = quantizer.codebook.clone(), torch.randn(2, 4, 8, 8)
    codes = quantizer(latent).codes.flatten()
    flat = latent.movedim(1, -1).reshape(-1, 4)
    for code in range(16):
        chosen = flat[codes == code]
        count = 0.9 * 1 + 0.1 * len(chosen)
        total = 0.9 * before[code] + 0.1 * chosen.sum(0)
        torch.testing.assert_close(quantizer.codebook[code], total / count)


def test_evaluation_leaves_the_codebook_alone():
    quantizer = make().eval()
    before = {k: v.clone() for k, v in quantizer.state_dict().items()}
    quantizer(torch.randn(2, 4, 8, 8))
    for name, value in quantizer.state_dict().items():
        torch.testing.assert_close(value, before[name])


def test_the_first_batch_places_the_codebook():
    quantizer = make(restart_below=0.0).train()
    centres = torch.randn(16, 4) * 20
    latent = centres.repeat(32, 1).view(8, 8, 8, 4).movedim(-1, 1) + 0.01 * torch.randn(8, 4, 8, 8)
    error_before = make().eval()(latent).error.mean()
    quantizer(latent)
    assert quantizer.eval()(latent).error.mean() < 0.1 * error_before


def test_what_is_loaded_decides_whether_the_codebook_is_placed():
    fresh = make().state_dict()
    quantizer = make().train()
    quantizer(torch.randn(4, 4, 3, 3))
    placed = {name: value.clone() for name, value in quantizer.state_dict().items()}
    quantizer.load_state_dict(fresh)
    quantizer(100 + torch.randn(4, 4, 3, 3))
    assert quantizer.codebook.min() > 50  # placed anew, where the latents are
    quantizer.load_state_dict(placed)
    quantizer(100 + torch.randn(4, 4, 3, 3))
    assert quantizer.codebook.min() < 50


@pytest.mark.parametrize("cells", [256, 6272])  # of a batch: presets paper and base
def test_restarts_come_to_rest(cells):
    # With an absolute threshold a batch of fewer latents than codes restarted most codes at every step.
    quantizer = make(codebook_size=512, code_dim=2).train()
    torch.manual_seed(1)
    for step in range(400):
        before = quantizer.codebook.clone()
        quantizer(torch.randn(1, 2, cells // 16, 16))
        moved = (quantizer.codebook - before).norm(dim=1) > 0.5
        if step >= 300:
            assert moved.sum() < 512 * 0.02


def test_codes_in_disuse_are_restarted_from_the_batch():
    latent = torch.randn(4, 4, 8, 8) * 0.1
    used = {}
    for restart in (0.0, 0.5):
        quantizer = make(restart_below=restart, kmeans_steps=0, decay=0.5).train()
        quantizer.started.fill_(True)
        quantizer.codebook[1:] += 100.0  # all but one code lie far from every latent
        quantizer.ema_sum.copy_(quantizer.codebook)
        for _ in range(5):
            quantizer(latent)
        used[restart] = quantizer.eval()(latent).codes.unique().numel()
    assert used[0.0] == 1
    assert used[0.5] >= 12


def test_bfloat16_autocast_does_not_change_codes():
    quantizer = make().eval()
    latent = torch.randn(4, 4, 8, 8)
    with torch.autocast("cpu", torch.bfloat16):
        inside = quantizer(latent).codes
    torch.testing.assert_close(inside, quantizer(latent).codes)


@pytest.mark.parametrize(
    "wrong",
    [
        {"codebook_size": 1},
        {"codebook_size": 70_000},
        {"code_dim": 0},
        {"decay": 1.0},
        {"restart_below": 1.0},
        {"commitment": -1.0},
    ],
)
def test_impossible_settings_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        EMASettings(**wrong)
