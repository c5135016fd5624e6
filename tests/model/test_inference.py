import numpy as np
import pytest

from model import load_model
from model.cores import Cores
from model.data.arrays import open_split
from model.errors import VQScopeError
from model.metrics import figures


@pytest.fixture(scope="module")
def model(tiny_model_dir):
    return load_model(tiny_model_dir, "cpu")


@pytest.fixture(scope="module")
def grey(sample_dir):
    return open_split("sample_ct", "test", data_dir=sample_dir).images[:20]


@pytest.fixture(scope="module")
def colour(sample_dir):
    return open_split("sample_fundus", "test", data_dir=sample_dir).images[:20]


def test_encoding_has_the_stated_shapes(model, colour):
    encoding = model.encode(colour)
    assert encoding.embeddings.shape == (20, model.embedding_dim)
    assert encoding.embeddings.dtype == np.float32
    assert encoding.codes.shape == (20, *model.code_grid)
    assert encoding.codes.dtype == np.uint16
    assert encoding.codes.max() < model.codebook_size
    assert encoding.quantisation_error.shape == (20,)
    assert (encoding.quantisation_error >= 0).all()
    assert model.bits_per_image == 49 * 6


def test_a_batch_gives_what_its_images_give_alone(model, colour):
    together = model.encode(colour)
    alone = model.encode(colour[7:8])
    np.testing.assert_array_equal(together.codes[7], alone.codes[0])
    np.testing.assert_allclose(together.embeddings[7], alone.embeddings[0], atol=1e-4)


def test_reconstructions_keep_size_and_channels(model, grey, colour):
    assert model.reconstruct(grey).shape == grey.shape
    assert model.reconstruct(colour).shape == colour.shape
    large = np.repeat(np.repeat(colour[:2], 3, 1), 2, 2)
    assert model.reconstruct(large).shape == large.shape


def test_a_trained_model_reproduces_better_than_a_flat_picture(model, colour):
    mean = colour.mean((0, 1, 2)).round().astype(np.uint8)
    flat = np.broadcast_to(mean, colour.shape)
    assert figures(colour, model.reconstruct(colour)).psnr.mean() > figures(colour, flat).psnr.mean()


def test_large_images_go_through_in_smaller_passes(model, colour, monkeypatch):
    large = np.repeat(np.repeat(colour, 2, 1), 2, 2)
    whole = model.analyse(large)
    monkeypatch.setattr("model.inference.PIXELS_PER_PASS", {"cpu": 3 * 56 * 56, "cuda": 1})
    parts = model.analyse(large)
    np.testing.assert_array_equal(parts.encoding.codes, whole.encoding.codes)
    np.testing.assert_allclose(parts.figures.psnr, whole.figures.psnr, atol=1e-3)


def test_a_device_that_is_not_there_is_a_clear_line(tiny_model_dir):
    with pytest.raises(VQScopeError, match="no device 'nonsense'"):
        load_model(tiny_model_dir, "nonsense")


def test_analysis_is_encoding_reconstruction_and_figures(model, grey):
    analysis = model.analyse(grey)
    np.testing.assert_array_equal(analysis.reconstructions, model.reconstruct(grey))
    np.testing.assert_allclose(analysis.figures.psnr, figures(grey, analysis.reconstructions).psnr)
    np.testing.assert_array_equal(analysis.encoding.codes, model.encode(grey).codes)


def test_more_images_than_a_batch(model, colour):
    many = np.concatenate([colour] * 14)  # 280: two passes
    np.testing.assert_array_equal(model.encode(many).codes[-20:], model.encode(many[-20:]).codes)
    assert len(model.analyse(many).figures.psnr) == len(many)


def test_decoding_codes(model, colour):
    codes = model.encode(colour).codes
    np.testing.assert_array_equal(model.decode(codes), model.reconstruct(colour))
    with pytest.raises(ValueError, match="lie in"):
        model.decode(np.full((1, *model.code_grid), model.codebook_size))
    with pytest.raises(ValueError, match="codes must be"):
        model.decode(np.zeros((1, 3, 3), np.uint16))


@pytest.mark.parametrize(
    "wrong", [np.zeros((2, 28, 28)), np.zeros((28, 28), np.uint8), np.zeros((1, 28, 28, 4), np.uint8)]
)
def test_other_arrays_are_refused(model, wrong):
    with pytest.raises(ValueError, match="images must be"):
        model.encode(wrong)


@pytest.mark.parametrize(
    "name", ["encode", "analyse", "cell_errors", "nearest_codes", "latents", "reconstruct"]
)
def test_a_model_finds_the_same_on_any_number_of_cores(model, colour, monkeypatch, name):
    alone = getattr(model, name)(colour)
    monkeypatch.setattr(model, "_cores", Cores(3))
    together = getattr(model, name)(colour)
    for one, other in zip(_arrays(alone), _arrays(together), strict=True):
        assert one.shape == other.shape
        if one.dtype.kind == "f":
            np.testing.assert_allclose(other, one, rtol=1e-4, atol=1e-4)
        else:
            assert np.abs(one.astype(int) - other.astype(int)).max() <= (1 if one.dtype == np.uint8 else 0)


def _arrays(found):
    if isinstance(found, np.ndarray):
        return [found]
    parts = found if isinstance(found, tuple) else vars(found).values()
    return [array for part in parts for array in _arrays(part)]
