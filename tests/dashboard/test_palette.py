import re
from pathlib import Path

import pytest

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


def _luminance(colour: str) -> float:
    def linear(value: float) -> float:
        return value / 12.92 if value <= 0.03928 else ((value + 0.055) / 1.055) ** 2.4

    red, green, blue = (linear(int(colour[i : i + 2], 16) / 255) for i in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
