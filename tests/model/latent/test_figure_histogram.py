"""Histograms of figures, of numbers that can be counted by hand."""

import pyarrow as pa

from model.latent.figure_histogram import figure_histograms
from model.latent.images_table import FIGURES


def table(values):
    return pa.table({name: pa.array(values, pa.float32()) for name in FIGURES})


def test_values_fall_into_their_bins():
    found = figure_histograms(table([0, 1, 1, 2, 4]), 4)["psnr"]
    assert (found.low, found.high, found.counts) == (0, 4, (1, 2, 1, 1))
    assert found.summary.quartiles == (1, 1, 2)


def test_a_single_value_has_room_to_either_side():
    found = figure_histograms(table([3, 3]), 3)["ssim"]
    assert (found.low, found.high, found.counts) == (2.5, 3.5, (0, 2, 0))


def test_no_image_has_no_histogram():
    assert figure_histograms(table([]), 4) == {}
