import numpy as np
import pytest

from model.latent.code_examples import covering_rows, nearest_of_each


@pytest.fixture
def codes():
    """600 images of 3 × 3 codes out of 40, low ones common, high ones rare, 39 nowhere."""
    rng = np.random.default_rng(2)
    return np.minimum(rng.geometric(0.15, (600, 3, 3)) - 1, 38).astype(np.uint16)


@pytest.mark.parametrize("per_code", [1, 4])
def test_every_code_is_held_often_enough_by_few_rows(codes, per_code):
    there = np.array([np.isin(np.arange(40), grid) for grid in codes])
    chosen = np.arange(100, 600)
    rows = covering_rows(codes, chosen, 40, per_code=per_code)
    assert (np.diff(rows) > 0).all()
    assert np.isin(rows, chosen).all()
    assert (there[rows].sum(0) >= np.minimum(there[chosen].sum(0), per_code)).all()
    assert len(rows) < 40 * per_code
    np.testing.assert_array_equal(rows, covering_rows(codes, chosen, 40, per_code=per_code))


def test_rows_are_bounded(codes):
    assert len(covering_rows(codes, np.arange(600), 40, at_most=7)) == 7
    assert len(covering_rows(codes, np.arange(0), 40)) == 0


def test_the_nearest_cell_of_each_code(codes):
    errors = np.random.default_rng(3).random(codes.shape).astype(np.float32)
    found = nearest_of_each(list(codes), list(errors), 40)
    assert found[39] is None
    for code, patch in enumerate(found[:39]):
        if patch is None:
            assert not (codes == code).any()
            continue
        assert codes[patch.candidate, patch.row, patch.column] == code
        assert patch.distance == errors[codes == code].min()


def test_no_images_no_cells():
    assert nearest_of_each([], [], 3) == [None] * 3
