"""Conditions of a selection in an address."""

import pytest

from dashboard.state_map import MapView
from dashboard.state_where import MAX_CONDITIONS, Where, parsed, stored

SEL = "sel=0,0,1,0,0,1"


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("psnr:20..25", Where(column="psnr", min=20.0, max=25.0)),
        ("psnr:..25.5", Where(column="psnr", max=25.5)),
        ("age:-1e3..", Where(column="age", min=-1000.0)),
        ("site~lower back: 1..2 ~", Where(column="site", contains="lower back: 1..2 ~")),
    ],
)
def test_a_condition_is_read_as_it_is_written(text, where):
    assert Where.parse(text) == where
    assert Where.parse(where.text) == where
    assert stored([where.body]) == (where,)
    view = MapView.from_query(f"?{SEL}&where=" + text.replace(" ", "+"))
    assert view.where == (where,)
    assert MapView.from_query(view.to_query()) == view
    assert MapView.from_controls(polygon=view.drawn) == view


@pytest.mark.parametrize(
    "text", ["", "psnr", "psnr:", "psnr:..", "psnr:nan..", "1a:1..2", "a~", "psnr:inf..", "a=1"]
)
def test_what_is_none_is_left_out(text):
    assert Where.parse(text) is None
    assert MapView.from_query(f"?{SEL}&where={text}").where == ()


def test_there_is_one_for_a_column_and_not_too_many():
    assert parsed(["psnr:1..", "psnr:2.."]) == (Where(column="psnr", min=2.0),)
    assert len(parsed([f"c{i}:1.." for i in range(30)])) == MAX_CONDITIONS


def test_without_a_polygon_nothing_is_narrowed():
    assert MapView.from_query("?where=psnr:1..").where == ()
    view = MapView.from_query(f"?{SEL}&where=psnr:1..")
    assert view.on_map("other").where == ()
