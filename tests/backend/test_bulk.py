"""Which form of an answer a client gets."""

import numpy as np
import pyarrow as pa
import pytest
from starlette.requests import Request

from backend.bulk import ARROW, NPY, chosen_form, fixed_lists


def asking(accept: str | None) -> Request:
    headers = [] if accept is None else [(b"accept", accept.encode())]
    return Request({"type": "http", "headers": headers})


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        (None, "json"),
        ("*/*", "json"),
        ("text/html", "json"),
        (NPY, "npy"),
        (f"{ARROW}; q=0.9, */*", "arrow"),
        (f"application/json, {NPY}", "json"),
        (f"text/plain, {NPY.upper()}, application/json", "npy"),
    ],
)
def test_the_first_form_named_is_given(accept, form):
    assert chosen_form(asking(accept), None, ("npy", "arrow")) == form


def test_a_form_asked_for_overrules_the_header():
    assert chosen_form(asking(NPY), "json", ("npy", "arrow")) == "json"


def test_a_form_that_is_not_offered_is_not_given():
    assert chosen_form(asking(ARROW), None, ("npy",)) == "json"


def test_lists_of_one_length():
    array = np.arange(12, dtype=np.uint16).reshape(2, 2, 3)
    lists = fixed_lists(array)
    assert lists.type == pa.list_(pa.uint16(), 6)
    assert lists.to_pylist() == [[0, 1, 2, 3, 4, 5], [6, 7, 8, 9, 10, 11]]
