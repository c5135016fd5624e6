import numpy as np
import pyarrow as pa
import pytest

from model.latent.conditions import Condition
from model.latent.errors import ColumnNotFound, SettingError
from model.latent.image_rows import fulfilling, ranked

TABLE = pa.table(
    {
        "site": pa.array(["arm", "Leg", None, "left leg", "arm."]).dictionary_encode(),
        "age": pa.array([30, 70, 50, None, 30]),
        "psnr": pa.array([30.5, 20.0, 25.0, 28.0, 40.0], pa.float32()),
        "number": pa.array([1, *range(2**60, 2**60 + 4)]),
    }
)


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ([], [0, 1, 2, 3, 4]),
        ([Condition("site", "contains", "LEG")], [1, 3]),
        ([Condition("site", "contains", ".")], [4]),  # a character, not a pattern
        ([Condition("site", "=", "arm")], [0]),
        ([Condition("age", ">=", "30")], [0, 1, 2, 4]),  # missing is not at least 30
        ([Condition("age", "<=", "50")], [0, 2, 4]),
        ([Condition("psnr", ">=", "25"), Condition("psnr", "<=", "30.5")], [0, 2, 3]),
        ([Condition("age", ">=", "30.5"), Condition("psnr", "<=", "20")], [1]),
        ([Condition("number", ">=", str(2.0**60))], [1, 2, 3, 4]),  # more digits than a float has
    ],
)
def test_rows_that_fulfil_all_conditions(conditions, expected):
    assert np.flatnonzero(fulfilling(TABLE, conditions)).tolist() == expected


@pytest.mark.parametrize(
    ("column", "order", "expected"),
    [
        ("age", "asc", [0, 4, 2, 1, 3]),
        ("age", "desc", [1, 2, 0, 4, 3]),  # missing last, equal ones in their order
        ("site", "asc", [1, 0, 4, 3, 2]),
        ("psnr", "desc", [4, 0, 3, 2, 1]),
    ],
)
def test_rank(column, order, expected):
    assert ranked(TABLE, column, order).tolist() == expected


def test_what_does_not_fit_is_refused():
    with pytest.raises(ColumnNotFound, match="secret"):
        fulfilling(TABLE, [Condition("secret", ">=", "1")])
    with pytest.raises(ColumnNotFound, match="secret"):
        ranked(TABLE, "secret", "asc")
    with pytest.raises(SettingError, match="site holds words"):
        fulfilling(TABLE, [Condition("site", "<=", "1")])
    with pytest.raises(SettingError, match="age holds numbers"):
        fulfilling(TABLE, [Condition("age", "contains", "3")])
