"""HTML attributes whose names are no Python names."""

from typing import Any


def attributes(values: dict[str, str]) -> dict[str, Any]:
    """`aria-…`, `data-…` and the like as keyword arguments of a Dash component.

    Dash's own types say nothing of such wildcard attributes; hence Any.
    """
    return dict(values)
