import math

import pytest

from dashboard.answers import Ellipse
from dashboard.components.legend import coverage
from dashboard.components.pictures import picture_url, zoomed
from dashboard.components.words import count, decibel, figure, per_cent
from dashboard.state import Point


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
    assert coverage(refused) == coverage(None) == "no ellipse"
