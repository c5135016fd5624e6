from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from model.latent.errors import ColumnNotFound
from model.latent.image_columns import column_names, contains_code, image_column
from model.latent.index import LatentIndex, open_index


def _label_name(dataset: str, label: int) -> str:
    return f"class {label}"


@pytest.fixture(scope="module")
def index(tiny_index_dir) -> LatentIndex:
    return open_index(tiny_index_dir)


@pytest.fixture(scope="module")
def described(index: LatentIndex) -> LatentIndex:
    """With metadata of the first three images and of every tenth one."""
    n = index.n
    ages = [55.0, float("nan"), None] + [None] * (n - 3)
    sites = ["arm", "leg", "leg"] + [None] * (n - 3)
    names = [f"patient {i}" if i % 10 == 0 else None for i in range(n)]
    table = index.images
    for name, values in (("age", ages), ("site", sites), ("patient", names)):
        table = table.append_column(name, pa.array(values))
    return replace(index, images=table)


def test_missing_numbers_are_nan_and_no_part_of_the_limits(described):
    column = image_column(described, "age", _label_name)
    assert column.kind == "numeric"
    assert column.data.dtype == np.float32
    assert column.data[0] == 55
    assert column.missing.sum() == described.n - 1
    assert column.limits == column.robust_limits == (55.0, 55.0)


def test_missing_words_have_the_largest_number(described):
    column = image_column(described, "site", _label_name)
    assert [(value.name, value.count) for value in column.values] == [("leg", 2), ("arm", 1)]
    assert column.data[:3].tolist() == [1, 0, 0]
    assert (column.data[3:] == 65535).all()
    assert column.missing.sum() == described.n - 3


def test_a_column_of_nothing_has_no_limits(index):
    empty = replace(index, images=index.images.append_column("x", pa.nulls(index.n, pa.float64())))
    column = image_column(empty, "x", _label_name)
    assert column.limits is None
    assert column.missing.all()


def test_more_words_than_two_bytes_number(index):
    many = pa.array([f"{i}" for i in range(70_000)])
    images = pa.table({"dataset": pa.array(["a"] * 70_000).dictionary_encode(), "id": many})
    column = image_column(replace(index, images=images, n=70_000), "id", _label_name)
    assert column.data.dtype == np.uint32
    assert len(column.values) == 70_000
    assert not column.missing.any()
    assert [column.values[i].name for i in column.data[:3]] == ["0", "1", "2"]


def test_all_columns_can_be_had(described):
    names = column_names(described)
    assert {"dataset", "split", "label", "psnr", "age", "site", "patient"} <= set(names)
    for name in names:
        assert len(image_column(described, name, _label_name).data) == described.n
    with pytest.raises(ColumnNotFound, match="position"):
        image_column(described, "position", _label_name)


def test_presence_counts_images(index):
    codes = np.asarray(index.codes)
    for code in (int(codes[0, 0, 0]), 63):
        expected = (codes == code).any(axis=(1, 2))
        np.testing.assert_array_equal(contains_code(index, code), expected)
