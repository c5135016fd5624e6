"""The table of selected images: the service sorts, filters and pages; the browser holds a few pages of it."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import dash_ag_grid as dag

from dashboard.answers_map import Columns
from dashboard.client_map import sorted_by
from dashboard.state_where import Where

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


def grid(columns: Columns, key: str, where: Sequence[Where] = (), order: str | None = None) -> dag.AgGrid:
    """The empty table, which asks for its rows, filtered and sorted from the first; another `key` is another table."""
    known = {name for name, *_ in _STORED} | {"label"}
    definitions = [_column(name, title, form, width) for name, title, form, width in _STORED]
    definitions += [
        _column(column.name, column.title, "" if column.numeric else None, 130)
        for column in columns.items
        if column.name not in known
    ]
    chosen = sorted_by(order)
    for definition in definitions:
        if definition["field"] == chosen.get("sort"):
            definition["initialSort"] = chosen["order"]
    return dag.AgGrid(
        id={"type": "selection-grid", "key": key},
        rowModelType="infinite",
        columnDefs=definitions,
        filterModel=filters_of(where),
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


def order_of(sort_model: Sequence[Mapping[str, Any]] | None) -> str | None:
    """The table's order as an address has it: the column that was clicked first, after '-' if descending."""
    if not sort_model:
        return None
    return f"{'-' if sort_model[0]['sort'] == 'desc' else ''}{sort_model[0]['colId']}"


def where_of(filter_model: Mapping[str, Mapping[str, Any]] | None) -> tuple[Where, ...]:
    """The table's filters as conditions; one that is not filled in is none."""
    found = [_condition(name, model) for name, model in (filter_model or {}).items()]
    return tuple(one for one in found if one is not None)


def _condition(name: str, model: Mapping[str, Any]) -> Where | None:
    kind, asked = model.get("type"), model.get("filter")
    if kind == "contains":
        return Where(column=name, contains=str(asked)) if asked else None
    low = _stored(name, asked) if kind in {"inRange", "greaterThanOrEqual"} else None
    high = _stored(name, model.get("filterTo") if kind == "inRange" else asked)
    high = None if kind == "greaterThanOrEqual" else high
    return None if low is None and high is None else Where(column=name, min=low, max=high)


def filters_of(where: Iterable[Where]) -> dict[str, dict[str, Any]]:
    """The reverse of `where_of`."""
    found: dict[str, dict[str, Any]] = {}
    for one in where:
        low, high = _shown(one.column, one.min), _shown(one.column, one.max)
        if one.contains is not None:
            found[one.column] = {"filterType": "text", "type": "contains", "filter": one.contains}
        elif low is not None and high is not None:
            found[one.column] = {"filterType": "number", "type": "inRange", "filter": low, "filterTo": high}
        else:
            kind, limit = ("lessThanOrEqual", high) if low is None else ("greaterThanOrEqual", low)
            found[one.column] = {"filterType": "number", "type": kind, "filter": limit}
    return found


def filters_told(where: Sequence[Where]) -> str:
    """Which columns the selection is filtered by, in words, for the end of a line."""
    titles = {name: title.partition(" / ")[0] for name, title, *_ in _STORED}
    return f"; filtered by {', '.join(titles.get(one.column, one.column) for one in where)}" if where else ""


def _shown(name: str, stored: float | None) -> float | None:
    return None if stored is None else round(100 * stored, 9) if name == "mae" else stored


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
