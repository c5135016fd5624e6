"""Readers of strangers' bytes, tried with whatever hypothesis finds."""

import base64
import contextlib
import io
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from backend.npy import read_npy
from backend.problems import Problem
from tests.backend.bad_arrays import npy
from tests.backend.bad_files import saved
from tests.backend.readers import LIMITS, READERS, multipart, survives

PNG = saved(Image.new("L", (9, 9), 77), "PNG")
TEXT = base64.b64encode(PNG).decode()
PART = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n' + PNG + b"\r\n"
CORNERS, WHERE = [[0, 0], [1.5, 0], [1, 2]], [{"column": "psnr", "min": 2.5, "contains": "x"}]
SOUND = {
    "npy": npy(np.zeros((2, 5, 4), np.uint8)),
    "images in JSON": json.dumps({"images": [TEXT, TEXT]}).encode(),
    "data URLs": json.dumps({"input": [f"data:image/png;base64,{TEXT}"], "model": "five"}).encode(),
    "codes in JSON": json.dumps({"codes": [[[1, 2], [3, 4]]]}).encode(),
    "a path in JSON": json.dumps(
        {"start": {"codes": [[1]]}, "end": {"dataset": "a", "split": "test", "position": 3}, "steps": 3}
    ).encode(),
    "a selection": json.dumps({"polygon": CORNERS, "datasets": ["a"], "where": WHERE, "codes": 3}).encode(),
    "rows of a selection": json.dumps({"polygon": CORNERS, "where": WHERE, "sort": "psnr"}).encode(),
    "ellipses": json.dumps(
        {"group_by": "label", "kind": "robust", "selection": {"polygon": CORNERS}}
    ).encode(),
    "a map to fit": json.dumps({"method": "umap", "parameters": {"n_neighbors": 9}, "name": "mine"}).encode(),
    "multipart": PART * 2 + b"--b--\r\n",
    "a picture": PNG,
}
few = settings(max_examples=40)


@pytest.mark.parametrize("name", READERS)
def test_sound_bytes_are_taken(name):
    assert survives(name, SOUND[name])


@pytest.mark.parametrize("name", READERS)
@few
@given(st.data())
def test_bytes_damaged_anywhere_are_taken_or_refused(name, data):
    sound = SOUND[name]
    body = bytearray(sound)
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(body)))
        body[place : place + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    survives(name, bytes(body[: data.draw(st.integers(0, len(body)))]))
    survives(name, bytes(body))


@pytest.mark.parametrize("name", READERS)
@few
@given(st.binary(max_size=200))
def test_any_bytes_are_taken_or_refused(name, body):
    survives(name, body)


VALUES = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.lists(st.integers())
)


@few
@given(st.lists(VALUES, max_size=3), st.sampled_from(["images", "input", "codes", "start", "steps", "other"]))
def test_any_json_is_taken_or_refused(value, key):
    for name in ("images in JSON", "data URLs", "codes in JSON", "a path in JSON"):
        survives(name, json.dumps({key: value}).encode())


@few
@given(
    arrays.arrays(
        np.uint8, st.tuples(*[st.integers(1, 4)] * 3) | st.tuples(*[st.integers(1, 4)] * 3, st.just(3))
    ),
    st.booleans(),
    st.sampled_from([(1, 0), (2, 0), (3, 0)]),
)
def test_what_numpy_writes_is_read_as_numpy_reads_it(array, columns_first, version):
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, np.asfortranarray(array) if columns_first else array, version=version)
    np.testing.assert_array_equal(read_npy(buffer.getvalue(), LIMITS), array)


@few
@given(st.text(max_size=80))
def test_a_header_that_numpy_would_not_take_is_not_taken(text):
    """Whatever text is taken for a header, NumPy reads the same array out of it."""
    head = text.encode("utf-8", "surrogatepass")
    body = b"\x93NUMPY\x03\x00" + len(head).to_bytes(4, "little") + head
    if survives("npy", body):
        np.testing.assert_array_equal(np.load(io.BytesIO(body)), read_npy(body, LIMITS))


@few
@given(st.lists(st.binary(max_size=60), min_size=1, max_size=4), st.integers(1, 40))
def test_multipart_in_pieces_of_any_size(contents, step):
    head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\n'
    # A boundary inside a file would end it: that is for whoever writes the body to see to.
    contents = [content.replace(b"--b", b"") for content in contents]
    body = b"".join(head + content + b"\r\n" for content in contents) + b"--b--\r\n"
    assert [bytes(part.data) for part in multipart(body, step=step)] == contents


@few
@given(st.text(alphabet=st.characters(max_codepoint=255), max_size=60))
def test_any_content_type_is_taken_or_refused(kind):
    with contextlib.suppress(Problem):
        multipart(SOUND["multipart"], kind=f"multipart/form-data{kind}")
