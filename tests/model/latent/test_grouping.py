"""Images in groups and filters on their columns."""

import numpy as np
import pyarrow as pa
import pytest

from model.latent.conditions import Condition, filter_columns, kept_by
from model.latent.errors import SettingError
from model.latent.grouping import MAX_GROUPS, group_images
from model.latent.partition import parts_of


def dictionary(values, names):
    return pa.DictionaryArray.from_arrays(
        pa.array([names.index(value) for value in values], pa.int32()), names
    )


@pytest.fixture
def images():
    """Eight images of two data sets, of one of which ages and sites are known in part."""
    return pa.table(
        {
            "dataset": dictionary(["skin"] * 5 + ["chest"] * 3, ["other", "skin", "chest"]),
            "split": dictionary(
                ["train"] * 3 + ["test"] * 2 + ["train"] * 2 + ["test"], ["train", "val", "test"]
            ),
            "position": pa.array([0, 1, 2, 0, 1, 0, 1, 0], pa.int32()),
            "label": pa.array([2, 0, 2, 0, -1, 0, 1, 1], pa.int32()),
            "psnr": pa.array([30, 31, 32, 33, 34, 35, 36, 37], pa.float32()),
            "age": pa.array([20, 25, None, 70, 71.5, None, None, None], pa.float64()),
            "visits": pa.array([1, 2, 1, None, 2, None, None, None], pa.int64()),
            "sex": pa.array(["m", "f", "f", None, "missing", None, None, None]),
        }
    )


def named(images, by, **settings):
    groups = group_images(images, by, lambda dataset, label: f"{dataset[0]}{label}", **settings)
    rows = parts_of(np.arange(images.num_rows), groups.codes, len(groups.names))
    return {name: part.tolist() for name, part in zip(groups.names, rows, strict=True)}


def test_by_data_set_and_split(images):
    assert named(images, "dataset") == {"skin": [0, 1, 2, 3, 4], "chest": [5, 6, 7]}
    assert named(images, "split") == {"train": [0, 1, 2, 5, 6], "test": [3, 4, 7]}


def test_a_label_means_something_in_its_data_set_only(images):
    assert named(images, "label") == {
        "skin / s-1": [4],
        "skin / s0": [1, 3],
        "skin / s2": [0, 2],
        "chest / c0": [5],
        "chest / c1": [6, 7],
    }
    assert next(iter(named(images, "label"))) == "skin / s-1"


def test_of_several_labels_each_class_is_a_group():
    images = pa.table(
        {
            "dataset": dictionary(["skin"] * 3 + ["chest"] * 5, ["chest", "skin"]),
            "label": pa.array([3, 0, 3, 0b101, 0, 0b100, 0b1, 1 << 30], pa.int32()),
        }
    )
    groups = group_images(
        images, "label", lambda dataset, label: f"{dataset[0]}{label:b}", several=["chest"], min_n=2
    )
    parts = parts_of(np.arange(8)[groups.rows], groups.codes, len(groups.names))
    assert dict(zip(groups.names, map(np.ndarray.tolist, parts), strict=True)) == {
        "chest / c1": [3, 6],
        "chest / c100": [3, 5],
        "skin / s11": [0, 2],
    }
    assert groups.n_left_out == 3  # skin 0, chest without any class, chest of the last
    assert groups.n_kept == 5
    assert named(images, "label")["chest / c5"] == [3]  # whoever does not say so means one label an image


def test_by_word_in_alphabetical_order_the_missing_last(images):
    groups = named(images, "sex")
    assert groups == {"sex = f": [1, 2], "sex = m": [0], "sex = missing": [4], "sex missing": [3, 5, 6, 7]}
    assert list(groups)[-1] == "sex missing"


def test_few_numbers_are_values(images):
    assert named(images, "visits") == {
        "visits = 1": [0, 2],
        "visits = 2": [1, 4],
        "visits missing": [3, 5, 6, 7],
    }


def test_more_numbers_are_intervals(images):
    assert named(images, "age", bins=2) == {
        "age < 25": [0],
        "age ≥ 25": [1, 3, 4],
        "age missing": [2, 5, 6, 7],
    }
    assert named(images, "age", edges=[25, 70]) == {
        "age < 25": [0],
        "25 ≤ age < 70": [1],
        "age ≥ 70": [3, 4],
        "age missing": [2, 5, 6, 7],
    }
    assert named(images, "psnr", edges=[10, 20]) == {"psnr ≥ 20": list(range(8))}


@pytest.mark.parametrize("scale", [1e-300, 1e-6, 1.0, 1e6, 1e300])
@pytest.mark.parametrize("bins", [2, 4, 20])
def test_quantiles_part_numbers_evenly_at_any_scale(scale, bins):
    values = np.random.default_rng(0).standard_normal(5000) * scale
    groups = named(pa.table({"dataset": dictionary(["a"] * 5000, ["a"]), "x": values}), "x", bins=bins)
    assert len(groups) == bins
    assert all(abs(len(rows) - 5000 / bins) < 0.25 * 5000 / bins for rows in groups.values())
    tops = [values[rows].max() for rows in groups.values()]
    assert tops == sorted(tops)


def test_numbers_at_the_end_of_the_range_are_grouped():
    values = np.array([-1.7e308, -1e308, 0, 1e308, 1.7e308])
    assert sum(map(len, named(pa.table({"x": values}), "x", bins=3).values())) == 5
    assert named(pa.table({"x": pa.array([None, None], pa.float64())}), "x") == {"x missing": [0, 1]}


def sizes(values, **settings):
    return {name: len(rows) for name, rows in named(pa.table({"x": values}), "x", **settings).items()}


def test_many_equal_numbers_are_parted_from_the_others():
    assert sizes([0.0] * 95 + [1.0, 2, 3, 4, 5]) == {"x < 1": 95, "x ≥ 1": 5}
    assert sizes([0.0] * 60 + list(range(1, 41))) == {"x < 15": 74, "x ≥ 15": 26}
    assert sizes([7.003] * 95 + [1.0, 2, 3, 4, 5]) == {"x < 7": 5, "x ≥ 7": 95}
    assert sizes([7.003] * 95 + [6.9, 6.91, 6.92, 6.93, 6.94]) == {"x < 7.003": 5, "x ≥ 7.003": 95}
    assert sizes([0.0] * 95 + [1e-9, 2, 3, 4, float("inf")]) == {"x < 1e-09": 95, "x ≥ 1e-09": 5}
    assert sizes([0.0] * 95 + [1.0, 2, 3, 4, None], bins=2) == {"x < 1": 95, "x ≥ 1": 4, "x missing": 1}


def test_small_groups_are_left_out_and_counted(images):
    groups = group_images(images, "label", lambda _dataset, label: str(label), min_n=2)
    assert groups.names == ("skin / 0", "skin / 2", "chest / 1")
    assert groups.n_left_out == 2
    assert groups.codes.tolist() == [1, 0, 1, 0, -1, -1, 2, 2]
    assert group_images(images, "dataset", str, min_n=9).names == ()


def test_nothing_to_group(images):
    for by in ("dataset", "label", "split", "age", "sex"):
        assert named(images.slice(0, 0), by) == {}


def test_of_too_many_groups_the_largest_are_kept_in_their_order():
    words = pa.table({"patient": list("cabaacdbecf")})  # a 3, b 2, c 3, d, e, f 1
    groups = group_images(words, "patient", str, at_most=4)
    assert groups.names == (
        "patient = a",
        "patient = b",
        "patient = c",
        "patient = d",
    )  # of equal ones the first
    assert (groups.n_left_out, groups.n_beyond) == (0, 2)
    assert groups.codes.tolist() == [2, 0, 1, 0, 0, 2, 3, 1, -1, 2, -1]
    groups = group_images(words, "patient", str, at_most=2, min_n=2)
    assert groups.names == ("patient = a", "patient = c")
    assert (groups.n_left_out, groups.n_beyond) == (3, 1)


def test_no_more_groups_than_are_offered():
    words = pa.table({"patient": [str(i) for i in range(MAX_GROUPS + 1)]})
    groups = group_images(words, "patient", str)
    assert (len(groups.names), groups.n_beyond) == (MAX_GROUPS, 1)
    assert group_images(words.slice(1), "patient", str).n_beyond == 0


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"by": "colour"}, "dataset, label, split, psnr, age, visits, sex"),
        ({"by": "position"}, "group_by"),
        ({"by": "age", "bins": 1}, "bins"),
        ({"by": "age", "edges": [1, 1]}, "ascending"),
        ({"by": "age", "edges": [1e308, -1e308]}, "ascending"),  # whose difference is no number
        ({"by": "age", "edges": [float("nan")]}, "finite"),
    ],
)
def test_what_cannot_be_grouped(images, settings, said):
    with pytest.raises(SettingError, match=said):
        named(images, **settings)


@pytest.mark.parametrize("count", [3, 70_000])
def test_parts_are_the_rows_of_each_code(count):
    rng = np.random.default_rng(count)
    codes = rng.integers(-1, count, 2000).astype(np.int32)
    values = rng.standard_normal((2000, 2))
    for order in (codes, np.sort(codes)):
        parts = parts_of(values, order, count)
        assert len(parts) == count
        for code in {0, 1, count - 1, int(codes.max())}:
            np.testing.assert_array_equal(parts[code], values[order == code])


def test_parts_that_lie_together_are_not_copied():
    values = np.zeros((6, 2))
    assert all(np.shares_memory(part, values) for part in parts_of(values, np.array([0, 0, 1, 1, 1, 2]), 3))


# --- conditions ---


def rows(images, *texts):
    return np.flatnonzero(kept_by(images, [Condition.parse(text) for text in texts])).tolist()


def test_conditions(images):
    assert rows(images) == list(range(8))
    assert rows(images, "sex=f") == [1, 2]
    assert rows(images, "sex!=f") == [0, 3, 4, 5, 6, 7]
    assert rows(images, "sex=") == [3, 5, 6, 7]
    assert rows(images, "sex!=") == [0, 1, 2, 4]
    assert rows(images, "age>=25") == [1, 3, 4]
    assert rows(images, "age>25", "age<71.5") == [3]
    assert rows(images, "visits=1", "visits=2", "sex!=m") == [1, 2, 4]
    assert rows(images, "visits=1", "sex=m") == [0]
    assert rows(images, "psnr<=31") == [0, 1]
    assert rows(images, "sex=never") == []
    assert filter_columns(images) == ("psnr", "age", "visits", "sex")


@pytest.mark.parametrize(
    "text",
    ["", "sex", "=f", "sex~f", "sex=" + "x" * 257, "sex>3", "age=elderly", "label=1", "colour=red", "age>="],
)
def test_conditions_that_are_none(images, text):
    with pytest.raises(SettingError) as caught:
        rows(images, text)
    assert "\n" not in str(caught.value)
    assert "elderly" not in str(caught.value)
