"""Data sets of several image sizes in one index: an image is judged against each at the size of its images."""

import numpy as np
import pytest

from model.data.arrays import open_split
from model.data.sizing import fit
from model.latent.errors import SettingError
from model.latent.index import open_index
from model.latent.outlier_fitting import fit_outliers
from model.latent.outlier_store import load_outliers, save_outliers
from model.latent.outliers import LatentImages

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def mixed(mixed_dir, model):
    return open_index(mixed_dir / "index", model)


@pytest.fixture(scope="module")
def detector(mixed):
    return fit_outliers(mixed)


@pytest.fixture(scope="module")
def large(mixed_dir, model):
    """Test images of 56 pixels, at both sizes."""
    images = np.asarray(open_split("large", "test", data_dir=mixed_dir).images)
    return {
        size: LatentImages.of(model.analyse(np.stack([fit(image, size) for image in images])))
        for size in (28, 56)
    }


def own(judgements):
    verdicts = [next(v for v in j.datasets if v.reference == "large") for j in judgements]
    return np.array([verdict.combined.more_unusual_than for verdict in verdicts])


def test_each_data_set_keeps_the_size_of_its_images(detector, mixed, tmp_path):
    assert {r.name: r.image_size for r in detector.references} == {"small": 28, "large": 56}
    assert detector.image_sizes == (28, 56)
    save_outliers(detector, tmp_path)
    assert [r.image_size for r in load_outliers(tmp_path, mixed).references] == [28, 56]


def test_genuine_images_of_the_rarer_size_are_ordinary(detector, large):
    at_one_size = own(detector.judge(large[28]))
    judged = detector.judge(large)
    assert np.median(at_one_size) > 0.95  # what goes wrong where all are brought to the commoner size
    assert np.median(own(judged)) < 0.9
    assert np.median([j.overall.combined.more_unusual_than for j in judged]) < 0.9


def test_measures_are_those_at_the_size_of_the_reference(detector, large):
    measures = detector.measure(large)
    for reference, found in zip(detector.references, measures, strict=True):
        np.testing.assert_array_equal(found[:, 1], large[reference.image_size].quantisation_error)
        np.testing.assert_allclose(-10 * np.log10(found[:, 3]), large[reference.image_size].psnr, rtol=1e-5)
    for i, judgement in enumerate(detector.judge(large)):
        best = next(j for j, r in enumerate(detector.references) if r.name == judgement.most_like)
        error = judgement.overall.measures["reconstruction_error"].value
        assert error == pytest.approx(measures[best, i, 3])


def test_a_size_that_is_missing_is_told(detector, large):
    with pytest.raises(SettingError, match="56 pixels are needed; given: 28"):
        detector.judge({28: large[28]})
