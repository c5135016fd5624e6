"""Augmentations against what they promise, image by image."""

import pytest
import torch

from model.data.augmentation import (
    AUGMENTATIONS,
    CUT_STEP,
    MAX_SHIFT,
    random_cutmix,
    random_flip,
    random_shift,
    random_turn,
)


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


def numbered(count: int, size: int = 6) -> torch.Tensor:
    """The same picture ``count`` times, every pixel a number of its own."""
    return torch.arange(3.0 * size * size).view(1, 3, size, size).expand(count, -1, -1, -1)


def test_flips_are_per_image_and_about_half():
    images = numbered(2000)
    flipped = random_flip(images)
    mirrored = (flipped == images.flip(-1)).flatten(1).all(1)
    assert 900 < int(mirrored.sum()) < 1100
    assert torch.equal(flipped[~mirrored], images[~mirrored])


def test_shifts_move_rows_and_columns_and_mirror_the_border():
    images = numbered(2000)
    moved = random_shift(images)
    seen = set()
    padded = torch.nn.functional.pad(images[:1], (MAX_SHIFT,) * 4, mode="reflect")
    for dy in range(2 * MAX_SHIFT + 1):
        for dx in range(2 * MAX_SHIFT + 1):
            expected = padded[:, :, dy : dy + 6, dx : dx + 6]
            hits = int((moved == expected).flatten(1).all(1).sum())
            assert 40 < hits < 130  # 80 on average
            seen.add(hits)
    assert sum(seen) > 0
    assert moved.is_contiguous()


def test_half_of_the_images_are_joined_of_two_along_one_line_between_cells():
    images = torch.arange(2000.0).view(-1, 1, 1, 1).expand(-1, 3, 28, 20)  # every image a number of its own
    mixed = random_cutmix(images)
    borders = torch.zeros(2, 28)  # how often a line lies after each row, each column
    joined = 0
    for image, own in zip(mixed[:, 0], range(2000), strict=True):
        parts = image.unique()
        assert len(parts) <= 2
        if len(parts) == 1:
            assert float(parts) == own  # not touched
            continue
        assert own in parts
        joined += 1
        rows, columns = image.diff(dim=0) != 0, image.diff(dim=1) != 0
        assert int(rows.all(1).sum()) + int(columns.all(0).sum()) == 1  # one straight line from side to side
        assert int(rows.sum()) in (0, 20)
        assert int(columns.sum()) in (0, 28)
        for axis, lines in enumerate((rows.any(1), columns.any(0))):
            borders[axis, 1 : 1 + len(lines)] += lines
    assert 900 < joined < 1100
    for axis, last in enumerate((24, 16)):
        at = set(borders[axis].nonzero().flatten().tolist())
        assert at == set(range(CUT_STEP, last + 1, CUT_STEP))


def test_turns_are_by_right_angles_and_all_as_often():
    images = numbered(2000)
    turned = random_turn(images)
    for turns in range(4):
        hits = int((turned == images.rot90(turns, (2, 3))).flatten(1).all(1).sum())
        assert 400 < hits < 600


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_shape_and_values_stay(name):
    images = numbered(8)
    augmented = AUGMENTATIONS[name](images)
    assert augmented.shape == images.shape
    assert set(augmented.unique().tolist()) <= set(images.unique().tolist())
