"""The table of selected images: the service sorts, filters and pages; the browser holds a few pages of it."""

from typing import Any

import dash_ag_grid as dag

from dashboard.answers_map import Columns

PAGE = 100
"""Rows a request."""
_STORED = (
    ("dataset", "Data set", None, 130),
    ("split", "Split", None, 80),
    ("position", "Image", ",d", 90),
    ("label_name", "Label", None, 150),
    ("psnr", "PSNR / dB", ".2f", 100),
    ("ssim", "SSIM", ".3f", 85),
    ("mae", "MAE / %", "mae", 95),
    ("quantisation_error", "Quantisation error / latent units²", ".4f", 120),
)
_THEME = (
    "themeQuartz.withParams({backgroundColor: 'var(--panel)', foregroundColor: 'var(--ink)',"
    " borderColor: 'var(--line)', headerBackgroundColor: 'var(--ground)', accentColor: 'var(--accent)',"
    " chromeBackgroundColor: 'var(--panel)', menuBackgroundColor: 'var(--panel)',"
    " inputBackgroundColor: 'var(--panel)', rowHoverColor: 'var(--hover)', fontFamily: 'inherit',"
    " selectedRowBackgroundColor: 'var(--hover)', fontSize: 12, spacing: 4, wrapperBorder: false})"
)
_TEXT_FILTERS, _NUMBER_FILTERS = (
    ["contains"],
    ["inRange", "greaterThanOrEqual", "lessThanOrEqual"],
)


def grid(columns: Columns, key: str) -> dag.AgGrid:
    """The empty table, which asks for its rows; another `key` is another table."""
    known = {name for name, *_ in _STORED} | {"label"}
    definitions = [_column(name, title, form, width) for name, title, form, width in _STORED]
    definitions += [
        _column(column.name, column.title, "" if column.numeric else None, 130)
        for column in columns.items
        if column.name not in known
    ]
    return dag.AgGrid(
        id={"type": "selection-grid", "key": key},
        rowModelType="infinite",
        columnDefs=definitions,
        defaultColDef={"sortable": True, "resizable": True, "suppressMovable": True},
        getRowId="params.data.dataset + '/' + params.data.split + '/' + params.data.position",
        dashGridOptions={
            "theme": {"function": _THEME},
            "cacheBlockSize": PAGE,
            "maxBlocksInCache": 20,
            "rowSelection": {"mode": "singleRow", "checkboxes": False, "enableClickSelection": True},
            "rowHeight": 26,
            "headerHeight": 30,
            "animateRows": False,
        },
        style={"height": "100%", "width": "100%"},
    )


def order_of(sort_model: list[dict[str, Any]] | None) -> dict[str, Any]:
    """The table's order as the service takes it: by the column that was clicked first."""
    if not sort_model:
        return {}
    return {
        "sort": str(sort_model[0]["colId"]),
        "order": "desc" if sort_model[0]["sort"] == "desc" else "asc",
    }


def where_of(filter_model: dict[str, dict[str, Any]] | None) -> list[dict[str, Any]]:
    """The table's filters as conditions of the service."""
    conditions = []
    for name, model in (filter_model or {}).items():
        condition: dict[str, Any] = {"column": name}
        kind, asked = model.get("type"), model.get("filter")
        if kind == "contains":
            condition["contains"] = str(asked or "")
        if kind in {"inRange", "greaterThanOrEqual"}:
            condition["min"] = _stored(name, asked)
        if kind == "inRange":
            condition["max"] = _stored(name, model.get("filterTo"))
        if kind == "lessThanOrEqual":
            condition["max"] = _stored(name, asked)
        conditions.append(condition)
    return conditions


def _stored(name: str, shown: Any) -> float | None:  # noqa: ANN401 - what the table's field holds
    # The only column that is shown in another unit than the service has it.
    return None if shown is None else float(shown) / 100 if name == "mae" else float(shown)


def _column(name: str, title: str, form: str | None, width: int) -> dict[str, Any]:
    text = form is None
    definition: dict[str, Any] = {
        "field": name,
        "headerName": title,
        "width": width,
        "filter": "agTextColumnFilter" if text else "agNumberColumnFilter",
        "filterParams": {
            "filterOptions": _TEXT_FILTERS if text else _NUMBER_FILTERS,
            "maxNumConditions": 1,
            "inRangeInclusive": True,
            "buttons": ["apply", "reset"],
        },
        "headerTooltip": title,
    }
    if not text:
        definition["type"] = "rightAligned"
    if form == "mae":
        definition["valueFormatter"] = {
            "function": "params.value == null ? '' : d3.format('.2f')(100 * params.value)"
        }
    elif form:
        definition["valueFormatter"] = {
            "function": f"params.value == null ? '' : d3.format('{form}')(params.value)"
        }
    return definition
