"""Paths between images through the space before the quantiser."""

import itertools

import numpy as np
import pytest

from model.data.arrays import open_split
from model.inference import load_model
from model.latent.code_path import PathEnd, walk


@pytest.fixture(scope="module")
def model(tiny_model_dir):
    return load_model(tiny_model_dir, "cpu")


@pytest.fixture(scope="module")
def images(sample_dir, sample_names):
    """One image of each data set: of several sizes, grey and colour."""
    return [np.array(open_split(name, "test", data_dir=sample_dir).images[0]) for name in sample_names]


def test_a_path_between_images_begins_and_ends_with_their_codes(model, images):
    for start, end in itertools.pairwise(images):
        path = walk(model, PathEnd(image=start), PathEnd(image=end), 7)
        np.testing.assert_array_equal(path.codes[0], model.encode(start[None]).codes[0])
        np.testing.assert_array_equal(path.codes[-1], model.encode(end[None]).codes[0])
        np.testing.assert_array_equal(path.pictures, model.decode(path.codes))
        np.testing.assert_allclose(path.weights, np.arange(7) / 6)


def test_what_flips_is_what_differs_from_the_step_before(model, images):
    path = walk(model, PathEnd(image=images[0]), PathEnd(image=images[-1]), 9)
    assert not path.flipped[0].any()
    np.testing.assert_array_equal(path.flipped[1:], path.codes[1:] != path.codes[:-1])
    assert path.flipped.any()


def test_the_steps_are_nearest_codes_of_blended_vectors(model):
    """Against plain NumPy."""
    random = np.random.default_rng(0)
    first, last = random.integers(0, model.codebook_size, (2, *model.code_grid))
    path = walk(model, PathEnd(codes=first), PathEnd(codes=last), 5)
    vectors = model.code_vectors().astype(np.float64)
    for weight, codes in zip(path.weights, path.codes, strict=True):
        blended = (1 - weight) * vectors[first] + weight * vectors[last]
        distances = np.square(blended[..., None, :] - vectors).sum(-1)
        chosen = np.take_along_axis(distances, codes[..., None].astype(int), -1)[..., 0]
        np.testing.assert_allclose(chosen, distances.min(-1), atol=1e-5)
    np.testing.assert_array_equal(path.codes[[0, -1]], [first, last])


def test_a_code_that_was_left_does_not_come_back(model):
    random = np.random.default_rng(1)
    first, last = random.integers(0, model.codebook_size, (2, *model.code_grid))
    codes = walk(model, PathEnd(codes=first), PathEnd(codes=last), 40).codes.reshape(40, -1)
    for cell in codes.T:
        runs = cell[np.r_[True, cell[1:] != cell[:-1]]]
        assert len(set(runs)) == len(runs)


def test_a_path_between_an_image_and_codes(model, images):
    codes = np.zeros(model.code_grid, np.uint16)
    path = walk(model, PathEnd(image=images[0]), PathEnd(codes=codes), 2)
    np.testing.assert_array_equal(path.codes, [model.encode(images[0][None]).codes[0], codes])


def test_what_is_no_path_is_refused(model):
    codes = np.zeros(model.code_grid, np.uint16)
    end = PathEnd(codes=codes)
    with pytest.raises(ValueError, match="two ends"):
        walk(model, end, end, 1)
    with pytest.raises(ValueError, match="codes must"):
        walk(model, end, PathEnd(codes=codes[1:]), 3)
    with pytest.raises(ValueError, match="codes must"):
        walk(model, end, PathEnd(codes=codes + np.uint16(model.codebook_size)), 3)
    for given in ({}, {"codes": codes, "image": np.zeros((4, 4), np.uint8)}):
        with pytest.raises(ValueError, match="either"):
            PathEnd(**given)
