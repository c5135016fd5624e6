import json
import math
from dataclasses import replace

import pytest

from dashboard.answers import Dataset, Ellipse, Sample
from dashboard.components.inspector import inspector
from dashboard.components.legend import coverage, legend_rows
from dashboard.components.pictures import picture_url, zoomed
from dashboard.components.states import failed
from dashboard.components.words import NO_PICTURES, count, decibel, figure, per_cent
from dashboard.errors import ApiRefused, ApiUnavailable
from dashboard.pages.reconstructions import cards, label_options
from dashboard.state import Point
from dashboard.state_map import MapView


@pytest.mark.parametrize(
    ("size", "target", "edge"),
    [(28, 120, 112), (28, 150, 140), (64, 120, 64), (120, 120, 120), (224, 120, 112)],
)
def test_small_images_are_shown_at_whole_multiples(size, target, edge):
    assert zoomed(size, target) == edge


def test_picture_addresses_are_quoted():
    assert picture_url(Point("a b", "val", 3), "error", "ab12") == "/pictures/a%20b/val/3/error?v=ab12"


def test_numbers_have_units():
    assert (count(10015), per_cent(0.9478), per_cent(None)) == ("10,015", "94.8 %", "–")
    assert (decibel(29.746), decibel(math.inf), figure(0.51264, 3), figure(math.nan, 3)) == (
        "29.75 dB",
        "∞ dB",
        "0.513",
        "–",
    )


def test_coverage_of_a_refused_ellipse_is_not_a_number():
    refused = Ellipse(group="a", n=2, outline=None, observed_coverage=None, level=0.95, warnings=("n < 3",))
    assert coverage(refused, "mean") == coverage(None, "prediction") == "no ellipse"


def _sample(dataset):
    return Sample(
        dataset=dataset.name,
        split="test",
        position=3,
        label=1,
        label_name="some",
        psnr=31.25,
        ssim=0.9,
        mae=0.02,
        quantisation_error=0.1,
        codes=((17, 402), (3, 17)),
        maps={"pca": (0.0, 1.0)},
        percentiles={"n": 524, "psnr": 83.2, "ssim": 0.04, "mae": 99.61, "quantisation_error": 50.0},
    )


def _shown(component) -> str:
    return json.dumps(component, default=lambda part: part.to_plotly_json(), ensure_ascii=False)


@pytest.mark.parametrize("available", [True, False])
def test_pictures_that_the_service_does_not_have_are_not_asked_for(datasets, available):
    dataset = replace(datasets[0], available=available)
    sample = _sample(dataset)
    filled = inspector(sample, "ab12", dataset_index=0, image_size=28, available=available)
    for shown in (_shown(filled), _shown(cards(dataset, [sample], "ab12"))):
        assert ("/pictures/" in shown) == available
        assert (NO_PICTURES in shown) == (not available)
        assert "31.25 dB" in shown
    assert "402" in _shown(filled)
    for stands in ("percentile 83", "percentile < 0.1", "percentile 99.6", "per cent of the 524 test images"):
        assert stands in _shown(filled)
    (row,) = legend_rows([dataset], [], MapView())
    assert ("no pictures" in _shown(row)) == (not available)


def test_the_filter_of_a_multi_label_set_asks_for_a_class_among_others(datasets):
    one = datasets[0]
    assert [o["label"] for o in label_options(one)] == ["All labels", "none", "some"]
    several = replace(one, multi_label=True, labels={0: "effusion", 1: "mass"})
    assert label_options(several) == [
        {"value": "all", "label": "All labels"},
        {"value": "0", "label": "with effusion"},
        {"value": "1", "label": "with mass"},
    ]


@pytest.mark.parametrize(
    ("said", "read"), [({}, False), ({"multi_label": False}, False), ({"multi_label": True}, True)]
)
def test_a_service_that_says_nothing_of_multi_label_has_classes(said, read):
    item = {
        "name": "a",
        "title": "A",
        "modality": None,
        "labels": {"0": "x"},
        "n_indexed": {"train": 3},
        "image_size": 28,
        "warnings": [],
        "available": True,
    }
    assert Dataset.of(0, item | said).multi_label is read


def test_the_coverage_of_an_ellipse_that_is_not_drawn_is_not_told():
    fitted = Ellipse(group="a", n=9, outline=((0, 0),), observed_coverage=0.9, level=0.95, warnings=("odd",))
    assert coverage(fitted, "prediction") == "90.0 %"
    assert coverage(fitted, "prediction", drawn=False) == ""


def test_what_an_ellipse_of_the_mean_holds_of_the_images_is_not_told():
    fitted = Ellipse(group="a", n=9, outline=((0, 0),), observed_coverage=0.1, level=0.95, warnings=())
    assert coverage(fitted, "mean") == ""


def test_only_what_may_come_yet_is_tried_again():
    again = "tries again by itself"
    assert again in str(failed(ApiUnavailable("the service does not answer")))
    refused = str(failed(ApiRefused(404, "breastmnist/test has no image 99999")))
    assert "Breastmnist/test has no image 99999." in refused
    assert again not in refused
