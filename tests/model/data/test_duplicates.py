"""Duplicates across splits are found, and only those."""

import numpy as np

from model.data.duplicates import shared_images


class Split:
    """As much of a split as counts here."""

    def __init__(self, images):
        self.images = images

    def __len__(self):
        return len(self.images)


def test_equal_images_of_two_splits_are_counted():
    rng = np.random.default_rng(0)
    train, val, test = (rng.integers(0, 256, (n, 4, 4), dtype=np.uint8) for n in (20, 8, 6))
    val[3], val[5], test[0] = train[7], train[7], val[1]
    splits = {name: Split(images) for name, images in (("train", train), ("val", val), ("test", test))}
    assert shared_images(splits) == {("train", "val"): 2, ("val", "test"): 1}
    assert shared_images({"train": splits["train"], "test": splits["test"]}) == {}
