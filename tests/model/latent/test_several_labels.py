"""Bit masks of classes, taken apart."""

import numpy as np

from model.latent.several_labels import class_by_class


def test_an_image_is_there_once_for_each_of_its_classes():
    labels = np.array([0b101, 0b11, 0, 0b101, -1, 1 << 30], np.int32)
    rows, found = class_by_class(labels, np.array([True, False, True, True, True, True]))
    assert found.dtype == np.int32
    assert sorted(zip(rows.tolist(), found.tolist(), strict=True)) == [
        (0, 0b1),
        (0, 0b100),
        (1, 0b11),
        (2, 0),
        (3, 0b1),
        (3, 0b100),
        (4, -1),
        (5, 1 << 30),
    ]
    assert rows[found == 0b100].tolist() == [0, 3]


def test_nothing_to_take_apart():
    for n in (0, 3):
        rows, found = class_by_class(np.zeros(n, np.int32), np.ones(n, np.bool_))
        assert (rows.tolist(), found.tolist()) == (list(range(n)), [0] * n)
