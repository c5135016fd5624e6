import numpy as np
import pytest
import torch
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from torchmetrics.functional.image import structural_similarity_index_measure

from model.codebook_usage import CodebookUsage
from model.metrics import PSNR_CEILING, error_map, figures, image_figures


@pytest.fixture(params=[(28, 28), (28, 28, 3), (41, 33, 3)])
def pair(request):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (5, *request.param), dtype=np.uint8)
    noise = rng.integers(-30, 31, images.shape)
    return images, np.clip(images + noise, 0, 255).astype(np.uint8)


def whole_picture_ssim(image, other, channel):
    """scikit-image's SSIM with the border mirrored, so that every pixel counts."""
    border = [(5, 5), (5, 5)] + ([(0, 0)] if channel is not None else [])
    _, similarity = structural_similarity(
        *(np.pad(picture / 255.0, border, mode="reflect") for picture in (image, other)),
        data_range=1.0,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        channel_axis=channel,
        full=True,
    )
    return similarity[5:-5, 5:-5].mean()


def test_figures_agree_with_scikit_image(pair):
    images, others = pair
    result = figures(images, others)
    for i, (image, other) in enumerate(zip(images, others, strict=True)):
        channel = -1 if image.ndim == 3 else None
        assert result.psnr[i] == pytest.approx(
            peak_signal_noise_ratio(image, other, data_range=255), abs=1e-3
        )
        assert result.ssim[i] == pytest.approx(whole_picture_ssim(image, other, channel), abs=1e-5)
        assert result.mae[i] == pytest.approx(np.abs(image.astype(float) - other).mean() / 255, abs=1e-6)


@pytest.mark.parametrize("shape", [(28, 28), (9, 7), (2, 2), (3, 40), (64, 33), (224, 224)])
@pytest.mark.parametrize("channels", [1, 3])
def test_ssim_agrees_with_torchmetrics(shape, channels):
    torch.manual_seed(0)
    images = torch.rand(2, channels, *shape) * torch.tensor([1.0, 0.05])[:, None, None, None]
    others = (images + 0.1 * torch.randn_like(images)).clamp(0, 1)
    others[1, 0] = images[1, 0]
    window = min(11, min(shape) - 1 + min(shape) % 2)
    theirs = structural_similarity_index_measure(
        others, images, gaussian_kernel=window == 11, kernel_size=window, data_range=1.0, reduction="none"
    )
    torch.testing.assert_close(image_figures(others, images).ssim, theirs, atol=2e-6, rtol=0)


def test_each_image_has_its_own_figures(pair):
    images, others = pair
    alone = figures(images[2:3], others[2:3])
    assert figures(images, others).psnr[2] == pytest.approx(alone.psnr[0], abs=1e-4)


def test_mixed_precision_does_not_change_the_figures():
    torch.manual_seed(0)
    images = torch.rand(4, 3, 28, 28) * 0.2 + 0.4  # low contrast: the variances are small differences
    others = images + 0.02 * torch.randn_like(images)
    plain = image_figures(others, images)
    with torch.autocast("cpu", torch.bfloat16):
        mixed = image_figures(others, images)
    for one, other in zip(plain, mixed, strict=True):
        torch.testing.assert_close(one, other)


def test_a_perfect_copy_has_finite_figures():
    images = np.full((2, 28, 28), 7, np.uint8)
    result = figures(images, images)
    np.testing.assert_allclose(result.psnr, PSNR_CEILING)
    np.testing.assert_allclose(result.ssim, 1.0, atol=1e-5)
    np.testing.assert_allclose(result.mae, 0.0)


def test_pictures_smaller_than_the_window_have_figures():
    images = np.random.default_rng(1).integers(0, 256, (2, 6, 6), dtype=np.uint8)
    assert np.isfinite(figures(images, 255 - images).ssim).all()


def test_figures_refuse_different_shapes():
    with pytest.raises(ValueError, match="shapes differ"):
        figures(np.zeros((1, 28, 28), np.uint8), np.zeros((1, 28, 28, 3), np.uint8))


def test_error_map_is_on_a_fixed_scale():
    black = np.zeros((1, 4, 4), np.uint8)
    quarter, half = np.full_like(black, 64), np.full_like(black, 128)
    none = error_map(black, black)
    assert none.shape == (1, 4, 4, 3)
    assert none.sum() < error_map(black, quarter // 2).sum() < error_map(black, quarter).sum()
    np.testing.assert_array_equal(error_map(black, quarter), error_map(black, half))


def test_codebook_usage_is_over_all_batches():
    usage = CodebookUsage(8)
    for codes in (torch.tensor([[0, 1]]), torch.tensor([[2, 3]])):
        usage.update(codes)
    result = usage.compute()
    assert result["used"] == 0.5
    assert result["perplexity"].item() == pytest.approx(4.0)
    usage.reset()
    usage.update(torch.zeros(10, dtype=torch.int64))
    assert usage.compute()["perplexity"].item() == pytest.approx(1.0)
