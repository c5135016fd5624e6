"""Which colour a value gets, and what the browser is told of it."""

import pytest

from dashboard.answers import Catalogue
from dashboard.answers_map import Column, Value
from dashboard.answers_quality import MapQuality
from dashboard.colouring import OTHER, by_code, by_column, by_dataset, by_outlier, by_preservation, colours_of
from dashboard.components.colour_legend import colour_legend, number
from dashboard.palette import OKABE_ITO, mark


@pytest.fixture
def catalogue(datasets):
    return Catalogue("model", "index", datasets)


def _column(name, *values, n_missing=0, n_values=None):
    return Column(
        name=name,
        title=name.title(),
        numeric=False,
        unit=None,
        n_missing=n_missing,
        n_values=len(values) if n_values is None else n_values,
        values=values,
    )


def test_a_data_set_keeps_its_colour(catalogue):
    column = _column("dataset", Value("large", 400), Value("middle", 60), Value("small", 5))
    assert colours_of(column, catalogue) == {d.name: mark(d.index).colour for d in catalogue.datasets}
    assert by_dataset().plan() is None
    assert colour_legend(by_dataset()) == []


def test_the_most_numerous_values_get_a_colour_and_the_others_share_one(catalogue):
    values = [Value(f"site {i}", 30 - i) for i in range(12)]
    colouring = by_column(_column("site", *values, n_missing=50, n_values=15), catalogue)
    assert [slot.colour for slot in colouring.slots] == [*OKABE_ITO, OTHER]
    assert colouring.slot_of == (*range(8), 8, 8, 8, 8)
    assert colouring.slots[-1].name == "7 other values"
    assert sum(slot.count for slot in colouring.slots) == 465 - 50


def test_labels_are_told_apart_also_from_those_of_other_data_sets(catalogue):
    values = [
        Value("large / b", 300, "large", 1),
        Value("large / a", 100, "large", 0),
        Value("small / a", 5, "small", 0),
    ]
    colouring = by_column(_column("label", *values), catalogue)
    assert [(slot.dataset, slot.name, slot.colour) for slot in colouring.slots] == [
        ("small", "a", OKABE_ITO[0]),
        ("large", "a", OKABE_ITO[1]),
        ("large", "b", OKABE_ITO[2]),
    ]
    assert colouring.slot_of == (2, 1, 0)
    assert colours_of(_column("label", *values), catalogue)["large / b"] == OKABE_ITO[2]


def test_of_more_labels_than_colours_those_of_one_data_set_still_differ(catalogue):
    sizes = {"small": 5, "middle": 7, "large": 8}
    values = [Value(f"{name} / {i}", 9, name, i) for name, n in sizes.items() for i in range(n)]
    slots = by_column(_column("label", *values), catalogue).slots
    for name, n in sizes.items():
        assert len({slot.colour for slot in slots if slot.dataset == name}) == n


def test_numbers_get_a_scale_with_its_unit(catalogue):
    column = Column(
        name="psnr",
        title="PSNR",
        numeric=True,
        unit="dB",
        n_missing=3,
        limits=(10.0, 50.0),
        robust_limits=(20.0, 40.0),
    )
    colouring = by_column(column, catalogue)
    plan = colouring.plan()
    assert plan is not None
    assert (plan["path"], plan["scale"]["low"], plan["scale"]["high"]) == ("/columns/psnr", 20.0, 40.0)
    words = str(colour_legend(colouring))
    for text in ("≤ 20", "≥ 40", "dB", "all: 10 to 50", "not known"):
        assert text in words


def test_a_code_is_there_or_not():
    plan = by_code(17).plan()
    assert plan is not None
    assert (plan["path"], plan["slotOf"]) == ("/presence/17", (0, 1))


@pytest.mark.parametrize(
    ("value", "text"), [(0.0, "0"), (0.00123, "0.0012"), (21.54, "21.5"), (1234.5, "1,234"), (-3.0, "-3")]
)
def test_numbers_of_a_scale_have_three_digits(value, text):
    assert number(value) == text


def _measured(name: str = "pca", mean: float = 0.21, k: int = 15) -> MapQuality:
    figure = {"value": 0.9, "interval": None, "chance": 0.5}
    ranks = dict.fromkeys(("trustworthiness", "continuity", "preservation"), figure)
    return MapQuality.of(
        {
            "map": name,
            "metric": "euclidean",
            "neighbourhoods": {"k": k, "n": 9000, "n_used": 2000, **ranks},
            "distances": {"spearman": None, "pairs": 100_000, "exact": False},
            "points": {"references": 4266, "chance": 0.0035, "mean": mean},
            "stability": None,
        }
    )


def test_scales_that_are_the_same_for_all_maps():
    colouring = by_preservation([_measured(), _measured("umap", 0.5, k=30)])
    pca = "mean 0.210, by chance 0.0035, of the 15 nearest by euclidean distance among 4,266 images"
    assert f"pca: {pca}; umap: mean 0.500" in colouring.note
    assert "of the 30 nearest" in colouring.note
    assert f"map: {pca}." in by_preservation([_measured()]).note
    plan = colouring.plan()
    assert plan["path"] == "/preservation/{map}"
    assert plan["maps"] == ("pca", "umap")
    assert (plan["scale"]["low"], plan["scale"]["high"]) == (0, 1)
    outlier = by_outlier()
    assert (outlier.plan()["scale"]["high"], outlier.unit) == (100, "%")
    assert "maps" not in outlier.plan()
