import re
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from skimage.color import deltaE_ciede2000, rgb2lab

import dashboard
from dashboard.palette import OKABE_ITO, SYMBOLS, mark, rgba


def test_the_first_64_marks_differ():
    assert len({mark(i) for i in range(64)}) == 64


def test_the_first_eight_differ_in_colour_and_in_shape():
    assert len({mark(i).colour for i in range(8)}) == len({mark(i).symbol for i in range(8)}) == 8


def test_a_negative_place_is_refused():
    with pytest.raises(ValueError, match="negative"):
        mark(-1)


def test_rgba():
    assert rgba("#0072B2", 0.06) == "rgba(0,114,178,0.06)"


def test_the_legend_has_a_shape_for_every_symbol():
    css = (Path(dashboard.__file__).parent / "assets" / "20_components.css").read_text()
    assert set(re.findall(r'\.swatch\[data-symbol="([a-z-]+)"\]', css)) == set(SYMBOLS)


@pytest.mark.parametrize("ground", ["#ffffff", "#161b1f"])
@pytest.mark.parametrize("colour", OKABE_ITO)
def test_colours_are_seen_on_light_and_dark_ground(colour, ground):
    # 2:1 is enough for a mark that has a shape of its own besides; below it, points vanish.
    lighter, darker = sorted((_luminance(colour), _luminance(ground)), reverse=True)
    assert (lighter + 0.05) / (darker + 0.05) > 2


# Machado, Oliveira and Fernandes 2009, "A physiologically-based model for simulation of color vision deficiency",
# severity 1.0: from linear RGB to linear RGB.
DEFICIENCIES = {
    "none": np.eye(3),
    "protanopia": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deuteranopia": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "tritanopia": np.array(
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ]
    ),
}
APART = 10
"""ΔE (CIEDE2000) between two colours: of 1 to 2 a trained eye sees the edge between two fields; points lie apart."""


@pytest.mark.parametrize("deficiency", DEFICIENCIES)
def test_any_two_colours_are_told_apart_whoever_looks(deficiency):
    for one, other in combinations(OKABE_ITO, 2):
        assert _difference(one, other, deficiency) > APART, (one, other)


@pytest.mark.parametrize("deficiency", DEFICIENCIES)
def test_any_two_data_sets_are_told_apart_by_colour_or_by_shape(deficiency):
    for one, other in combinations(map(mark, range(64)), 2):
        apart = _difference(one.colour, other.colour, deficiency)
        assert one.symbol != other.symbol or apart > APART, (one, other)


def test_the_simulation_finds_what_is_confused():
    """Red and green of equal lightness to whoever lacks a cone for either; not to others."""
    red, green = "#B55D4C", "#6F7C4B"
    assert _difference(red, green, "none") > 3 * APART
    assert _difference(red, green, "deuteranopia") < APART


def _difference(one: str, other: str, deficiency: str) -> float:
    """ΔE (CIEDE2000) of two colours as they are seen."""
    seen = [_linear(colour) @ DEFICIENCIES[deficiency].T for colour in (one, other)]
    stored = np.clip(seen, 0, 1)
    stored = np.where(stored <= 0.0031308, 12.92 * stored, 1.055 * stored ** (1 / 2.4) - 0.055)
    return float(deltaE_ciede2000(*rgb2lab(stored)))


def _linear(colour: str) -> np.ndarray:
    """Red, green and blue in [0, 1], in proportion to light."""
    stored = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    return np.where(stored <= 0.04045, stored / 12.92, ((stored + 0.055) / 1.055) ** 2.4)


def _luminance(colour: str) -> float:
    return float(_linear(colour) @ [0.2126, 0.7152, 0.0722])
