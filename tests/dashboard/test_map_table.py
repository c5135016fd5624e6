"""How the table's wishes become those of the service."""

from dashboard.answers_map import Column, Columns
from dashboard.client_map import sorted_by
from dashboard.pages.map_table import filters_of, grid, order_of, where_of


def test_sorting():
    assert order_of(None) is order_of([]) is None
    for direction, order in (("desc", "-psnr"), ("asc", "psnr")):
        assert order_of([{"colId": "psnr", "sort": direction}, {"colId": "mae", "sort": "asc"}]) == order
        assert sorted_by(order) == {"sort": "psnr", "order": direction}
    assert sorted_by(None) == {}


def test_filters():
    model = {
        "dataset": {"filterType": "text", "type": "contains", "filter": "ret"},
        "psnr": {"filterType": "number", "type": "inRange", "filter": 20, "filterTo": 30},
        "mae": {"filterType": "number", "type": "lessThanOrEqual", "filter": 1.5},
        "age": {"filterType": "number", "type": "greaterThanOrEqual", "filter": 60},
    }
    where = where_of(model)
    assert [one.body for one in where] == [
        {"column": "dataset", "contains": "ret"},
        {"column": "psnr", "min": 20.0, "max": 30.0},
        {"column": "mae", "max": 0.015},
        {"column": "age", "min": 60.0},
    ]
    assert filters_of(where) == model
    assert where_of(None) == where_of({}) == ()
    assert where_of({"psnr": {"filterType": "number", "type": "inRange", "filter": None}}) == ()


def test_metadata_have_columns_of_their_own():
    known = [
        Column(name=name, title=name, numeric=numeric, unit=None, n_missing=0)
        for name, numeric in (
            ("dataset", False),
            ("label", False),
            ("psnr", True),
            ("age", True),
            ("sex", False),
        )
    ]
    columns = {c["field"]: c for c in grid(Columns("index", 3, tuple(known)), "key").columnDefs}
    assert {"age", "sex", "psnr", "label_name"} <= columns.keys()
    assert "label" not in columns
    assert columns["age"]["filter"] == "agNumberColumnFilter"
    assert columns["sex"]["filter"] == "agTextColumnFilter"
