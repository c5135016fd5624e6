"""Reading and writing the query of an address; reading never fails."""

from urllib.parse import parse_qs, urlencode

_MAX_NUMBER = 2**31 - 1
_MOST_FIELDS = 2000
"""As each data set that is on has one."""


def join_query(pairs: list[tuple[str, str]]) -> str:
    """The query of an address, with '?' unless it is empty."""
    return "?" + urlencode(pairs, safe="/,") if pairs else ""


def split_query(query: str | None) -> dict[str, list[str]]:
    """The values of each name in a query; none where it is not one of ours."""
    try:
        return parse_qs((query or "").removeprefix("?"), keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError:  # more fields than any address of ours has
        return {}


def last_of(found: dict[str, list[str]], key: str, default: str) -> str:
    """The last value of a name, or the default."""
    return found.get(key, [default])[-1]


def number_of(text: str, low: float, high: float, default: float) -> float:
    """A number in a range, or the default."""
    try:
        value = float(text)
    except ValueError:
        return default
    return value if low <= value <= high else default


def whole_of(text: str, default: int) -> int:
    """A whole number from 0 to 2³¹ - 1, or the default."""
    if not (text.isascii() and text.isdigit() and len(text) <= 10):
        return default
    value = int(text)
    return value if value <= _MAX_NUMBER else default
