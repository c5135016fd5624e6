import numpy as np
import pyarrow as pa
import pytest

from model.intervals import proportion_interval
from model.latent.composition import Summary, compose, figure_summaries


@pytest.fixture
def images():
    return pa.table(
        {
            "dataset": pa.array(["a", "a", "a", "b", "b", "b"]).dictionary_encode(),
            "label": pa.array([0, 1, 1, 0, 0, 5], pa.int32()),
            **{name: pa.array(np.arange(6.0) + 10) for name in ("psnr", "ssim", "mae", "quantisation_error")},
        }
    )


def test_shares_of_the_selection_and_of_the_whole(images):
    found = compose(images, np.array([False, True, True, True, False, False]))
    assert (found.n, found.total) == (3, 6)
    first, second = found.datasets
    assert (first.dataset, first.label, first.count, first.total) == ("a", None, 2, 3)
    assert first.share == pytest.approx(2 / 3)
    assert first.interval == proportion_interval(2, 3)
    assert first.share_of_whole == 0.5
    assert (second.dataset, second.count) == ("b", 1)
    named = [(part.dataset, part.label, part.count, part.total) for part in found.labels]
    assert named == [("a", 1, 2, 2), ("b", 0, 1, 2)]
    assert found.figures["psnr"].mean == pytest.approx(12)
    assert found.figures["psnr"].quartiles == pytest.approx((11.5, 12, 12.5))
    assert found.figures_of_whole["mae"].mean == pytest.approx(12.5)


def test_of_several_labels_an_image_counts_in_each_class(images):
    labels = pa.array([0, 1, 1, 0, 0b110, 0b10], pa.int32())
    images = images.set_column(images.schema.get_field_index("label"), "label", labels)
    found = compose(images, np.array([False, True, False, True, True, True]), several=["b"])
    told = {(part.dataset, part.label): part for part in found.labels}
    assert {key: (part.count, part.total) for key, part in told.items()} == {
        ("b", 0b10): (2, 2),
        ("a", 1): (1, 2),
        ("b", 0): (1, 1),
        ("b", 0b100): (1, 1),
    }
    assert told["b", 0b10].share == 0.5
    assert told["b", 0b10].interval == proportion_interval(2, 4)
    assert told["b", 0b10].share_of_whole == pytest.approx(2 / 6)
    assert sum(part.share for part in found.datasets) == 1


def test_nothing_selected(images):
    found = compose(images, np.zeros(6, bool))
    assert (found.n, found.datasets, found.labels, found.figures) == (0, (), (), {})
    nothing = compose(images.slice(0, 0), np.zeros(0, bool))
    assert (nothing.total, nothing.figures_of_whole) == (0, {})


def test_known_figures_of_the_whole_are_not_computed_again(images):
    known = figure_summaries(images)
    assert compose(images, np.ones(6, bool)).figures_of_whole == known
    told = {"psnr": Summary(1.0, (0.5, 1.0, 1.5))}
    assert compose(images, np.ones(6, bool), told).figures_of_whole == told
