from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from model.data.datasets import BiomedicalDataset, ImageTransform
from model.errors import VQScopeError


@given(
    hnp.arrays(
        np.uint8,
        st.tuples(st.integers(1, 3), st.integers(1, 40), st.integers(1, 40))
        | st.tuples(st.integers(1, 3), st.integers(1, 40), st.integers(1, 40), st.just(3)),
    ),
    st.integers(1, 40),
)
def test_any_image_becomes_three_channels_in_range(images: np.ndarray, size: int) -> None:
    out = ImageTransform(size)(images)
    assert out.shape == (len(images), 3, size, size)
    assert out.dtype == torch.float32
    assert out.min() >= -1
    assert out.max() <= 1
    if images.ndim == 3:
        assert torch.equal(out[:, 0], out[:, 1])


@given(hnp.arrays(np.uint8, (2, 5, 5, 3)))
def test_without_a_change_of_size_pixels_come_back_exactly(images: np.ndarray) -> None:
    out = ImageTransform(5)(images)
    back = ((out + 1) * 127.5).round().to(torch.uint8).permute(0, 2, 3, 1).numpy()
    np.testing.assert_array_equal(back, images)


def test_ends_of_the_range_are_exact() -> None:
    out = ImageTransform(1)(np.array([[[0]], [[255]]], dtype=np.uint8))
    assert out[:, 0, 0, 0].tolist() == [-1.0, 1.0]


def test_shrinking_averages() -> None:
    board = (np.indices((1, 64, 64)).sum(axis=0) % 2 * 255).astype(np.uint8)
    assert (
        ImageTransform(16)(board)[0, :, 4:-4, 4:-4].abs().max() < 0.02
    )  # without antialiasing it would be ±1


def test_read_only_input_is_taken_and_left_alone() -> None:
    images = np.full((2, 4, 4), 7, dtype=np.uint8)
    images.flags.writeable = False
    ImageTransform(4)(images)
    assert (images == 7).all()


@pytest.mark.parametrize(
    "images", [np.zeros((4, 4), np.uint8), np.zeros((1, 4, 4), np.float32), np.zeros((1, 4, 4, 2), np.uint8)]
)
def test_other_arrays_are_refused(images: np.ndarray) -> None:
    with pytest.raises(ValueError, match="expected uint8"):
        ImageTransform(4)(images)


@pytest.fixture
def two(write_npz: Callable[..., Path], data_dir: Path, cache: Path) -> BiomedicalDataset:
    """A grey and a colour set, 11 training images each, of different sizes."""
    write_npz("grey", seed=1)
    write_npz("colour", seed=2, colour=True, size=32)
    return BiomedicalDataset(["grey", "colour"], "train", data_dir=data_dir, cache=cache)


def test_images_lie_end_to_end(two: BiomedicalDataset) -> None:
    assert len(two) == 22
    assert two.names == ["grey", "colour"]
    assert two.offsets.tolist() == [0, 11, 22]
    assert two.dataset_ids.tolist() == [0] * 11 + [1] * 11
    image, labels = two[0]
    assert image.shape == (3, 28, 28)
    assert labels.tolist() == [0]
    assert torch.equal(two[-1][0], two[21][0])
    with pytest.raises(IndexError):
        two[22]


@given(st.lists(st.integers(0, 21), min_size=1, max_size=40))
def test_a_batch_is_its_images_in_the_order_asked_for(indices: list[int]) -> None:
    dataset = _TWO[0]
    batch, ids = dataset.__getitems__(indices)
    assert torch.equal(batch, torch.stack([dataset[index][0] for index in indices]))
    assert ids.tolist() == dataset.dataset_ids[indices].tolist()


_TWO: list[BiomedicalDataset] = []


@pytest.fixture(autouse=True)
def _share(request: pytest.FixtureRequest) -> None:
    # hypothesis runs its examples within one test, so they may share one dataset
    if request.node.name == "test_a_batch_is_its_images_in_the_order_asked_for":
        _TWO[:] = [request.getfixturevalue("two")]


def test_a_batch_outside_is_refused(two: BiomedicalDataset) -> None:
    for outside in ([22], [-1]):
        with pytest.raises(IndexError):
            two.__getitems__(outside)


def test_several_splits_lie_one_after_the_other_within_their_data_set(
    two: BiomedicalDataset, data_dir: Path, cache: Path
) -> None:
    both = BiomedicalDataset(["grey", "colour"], ("test", "train"), data_dir=data_dir, cache=cache)
    assert both.splits == ("test", "train")
    assert (both.names, len(both)) == (["grey", "colour"], 32)
    assert (both.counts.tolist(), both.offsets.tolist()) == ([16, 16], [0, 16, 32])
    assert both.dataset_ids.tolist() == [0] * 16 + [1] * 16
    assert [(part.info.name, part.split) for part in both.parts] == [
        ("grey", "test"), ("grey", "train"), ("colour", "test"), ("colour", "train"),
    ]  # fmt: skip
    test = BiomedicalDataset(["grey", "colour"], "test", data_dir=data_dir, cache=cache)
    expected = [test[4], two[0], two[10], test[5], two[11], two[21]]
    rows = [4, 5, 15, 16, 21, 31]
    batch, ids = both.__getitems__(rows)
    assert torch.equal(batch, torch.stack([image for image, _ in expected]))
    assert ids.tolist() == [0, 0, 0, 1, 1, 1]
    assert [both[row][1].tolist() for row in rows] == [labels.tolist() for _, labels in expected]
    with pytest.raises(IndexError):
        both[32]


@pytest.mark.parametrize("splits", [(), ("train", "train"), ("train", "dev"), "dev"])
def test_splits_that_are_none_are_refused(
    two: BiomedicalDataset, data_dir: Path, cache: Path, splits: str | tuple[str, ...]
) -> None:
    with pytest.raises(VQScopeError, match="split"):
        BiomedicalDataset(["grey"], splits, data_dir=data_dir, cache=cache)
