"""What the panel of a selection says."""

import pytest

from dashboard.answers import Catalogue
from dashboard.answers_map import Selection
from dashboard.components.selection import composition, figures_and_codes, thumbnails


def _part(dataset, label, count, share):
    return {
        "dataset": dataset,
        "label": label,
        "label_name": None if label is None else "a, b",
        "count": count,
        "share": share,
        "interval": [share / 2, share],
        "total": 400,
        "share_of_whole": 0.25,
    }


def _answer(n=30):
    summary = {"mean": 0.5, "quartiles": [0.25, 0.5, 0.75]}
    names = ("psnr", "ssim", "mae", "quantisation_error")
    code = {"code": 17, "inside": 24, "share": 0.8, "share_elsewhere": 0.1}
    code |= {"log2_odds": 4.14, "low": 3.2, "high": 5.06, "q": 0.000123}
    sample = {"dataset": "large", "split": "test", "position": 1234, "label": 0, "label_name": "none"}
    return {
        "index": "index",
        "n": n,
        "total": 465,
        "datasets": [_part("large", None, n, 1.0)] if n else [],
        "labels": [_part("large", 3, n, 0.5)] * 50 if n else [],
        "figures": dict.fromkeys(names, summary) if n else {},
        "figures_of_whole": dict.fromkeys(names, summary),
        "codes": [code] if n else [],
        "items": [sample | dict.fromkeys(names, 0.5)] if n else [],
    }


@pytest.fixture
def catalogue(datasets):
    return Catalogue("model", "index", datasets)


def test_shares_have_their_interval_and_the_share_of_all(catalogue):
    words = str(composition(Selection.of(_answer()), catalogue))
    for text in ("large", "a, b", "100.0 %", " 50.0–100.0", "25.0 %", "10 rarer labels"):
        assert text in words


def test_figures_have_units_and_codes_a_link(catalogue):
    words = str(figures_and_codes(Selection.of(_answer())))
    for text in (
        "0.50 dB",
        "0.500",
        "50.00 %",
        "0.25 | 0.50 | 0.75",
        "/codebook?code=17",
        "4.1",
        " 3.2–5.1",
        "0.0001",
    ):
        assert text in words


def test_pictures_open_in_the_inspector(catalogue):
    words = str(thumbnails(Selection.of(_answer()), catalogue))
    assert "large/test/1234" in words
    assert "Inspect none, large, test image 1,234" in words


def test_an_empty_selection_says_so(catalogue):
    found = Selection.of(_answer(n=0))
    for parts in (composition(found, catalogue), figures_and_codes(found), thumbnails(found, catalogue)):
        assert "No image in the selection" in str(parts)
